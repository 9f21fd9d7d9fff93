package image

import (
	"crypto/sha256"
	"encoding/hex"
)

// A digest is computed beside what else is done with the bytes: where the
// processor has no instructions for SHA-256, that takes longer than all else.
type digest struct {
	full, empty chan []byte
	sum         chan []byte
	buffer      []byte
}

const digestBuffer = 256 << 10

func newDigest() *digest {
	d := &digest{full: make(chan []byte, 4), empty: make(chan []byte, 4), sum: make(chan []byte, 1)}
	for range 4 {
		d.empty <- nil // made when it is needed
	}
	go func(full <-chan []byte) {
		h := sha256.New()
		for b := range full {
			_, _ = h.Write(b) // never fails
			d.empty <- b[:0]
		}
		d.sum <- h.Sum(nil)
	}(d.full)
	return d
}

func (d *digest) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if d.buffer == nil {
			if d.buffer = <-d.empty; d.buffer == nil {
				d.buffer = make([]byte, 0, digestBuffer)
			}
		}
		n := min(len(rest), digestBuffer-len(d.buffer))
		d.buffer, rest = append(d.buffer, rest[:n]...), rest[n:]
		if len(d.buffer) == digestBuffer {
			d.flush()
		}
	}
	return len(p), nil
}

func (d *digest) flush() {
	if d.buffer != nil {
		d.full <- d.buffer
		d.buffer = nil
	}
}

// stop ends it; it may be called again.
func (d *digest) stop() {
	if d.full != nil {
		d.flush()
		close(d.full)
		d.full = nil
	}
}

// hex ends it and is the digest of all that was written.
func (d *digest) hex() string {
	d.stop()
	return hex.EncodeToString(<-d.sum)
}
