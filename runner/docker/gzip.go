package docker

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"

	"github.com/klauspost/compress/flate"
)

// gzipBlock is how much one processor compresses at a time. Blocks know
// nothing of each other, which costs some 32 kB of history in each.
const gzipBlock = 1 << 20

// gzipHead is a gzip header (RFC 1952) that tells nothing but deflate, and
// gzipTail an empty last block (RFC 1951, 3.2.4).
var (
	gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	gzipTail = []byte{1, 0, 0, 0xff, 0xff}
)

// compress writes all of r to w as one gzip member, at the level that engines
// use when they push, on all processors. The standard library's takes five
// times as long for a result that is 3 % smaller.
func compress(w io.Writer, r io.Reader) error {
	type block struct {
		deflated bytes.Buffer
		err      error
	}
	queue := make(chan chan block, runtime.GOMAXPROCS(0)) // in order; as long as there are processors
	written, broken := make(chan error, 1), make(chan struct{})
	go func() {
		_, err := w.Write(gzipHead)
		if err != nil {
			close(broken)
		}
		for next := range queue {
			b := <-next
			if err != nil {
				continue
			}
			if err = b.err; err == nil {
				_, err = w.Write(b.deflated.Bytes())
			}
			if err != nil {
				close(broken)
			}
		}
		written <- err
	}()
	sum, size := crc32.NewIEEE(), uint32(0)
	err := func() error {
		defer close(queue)
		for {
			data := bytes.NewBuffer(make([]byte, 0, gzipBlock+bytes.MinRead))
			n, err := data.ReadFrom(io.LimitReader(r, gzipBlock))
			if err != nil || n == 0 {
				return err
			}
			_, _ = sum.Write(data.Bytes())
			size += uint32(n) // modulo 2³², as the format has it
			next := make(chan block, 1)
			select {
			case queue <- next:
			case <-broken:
				return nil
			}
			go func() {
				var b block
				out, err := flate.NewWriter(&b.deflated, flate.DefaultCompression)
				if err == nil {
					_, err = out.Write(data.Bytes())
				}
				if err == nil {
					err = out.Flush() // ends on a byte, so that blocks can follow each other
				}
				b.err = err
				next <- b
			}()
		}
	}()
	if failed := <-written; failed != nil || err != nil {
		return cmp.Or(err, failed)
	}
	tail := binary.LittleEndian.AppendUint32(bytes.Clone(gzipTail), sum.Sum32())
	_, err = w.Write(binary.LittleEndian.AppendUint32(tail, size))
	return err
}
