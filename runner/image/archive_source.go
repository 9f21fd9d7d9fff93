package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// A source reads an archive ahead of those who look into it, so that neither
// waits for the other.
type source struct {
	limits
	ctx    context.Context //nolint:containedctx // it is read within one call
	full   chan chunk
	empty  chan []byte
	buffer []byte // the one in use
	rest   []byte // what of it is still to be read
	err    error  // what it ended with

	n        int64 // bytes that were read of it
	unpacked int64 // bytes that came out of what is compressed, and out of holes
}

// A chunk is what was read, and what came after it.
type chunk struct {
	b   []byte
	err error
}

const (
	chunkSize = 1 << 20
	chunks    = 4
)

// ahead reads r until it ends, ctx is done or stop is called. A reader that
// hangs holds up nobody who reads the source.
func ahead(ctx context.Context, r io.Reader, lim limits) (s *source, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	s = &source{ctx: ctx, limits: lim, full: make(chan chunk, chunks), empty: make(chan []byte, chunks)}
	for range chunks {
		s.empty <- nil // made when it is needed
	}
	go func() {
		for {
			var c chunk
			select {
			case <-ctx.Done():
				return
			case c.b = <-s.empty:
			}
			if c.b == nil {
				c.b = make([]byte, chunkSize)
			}
			n := 0
			for n < chunkSize/2 && c.err == nil {
				var m int
				m, c.err = r.Read(c.b[n:chunkSize])
				n += m
			}
			c.b = c.b[:n]
			select {
			case <-ctx.Done():
				return
			case s.full <- c:
			}
			if c.err != nil {
				return
			}
		}
	}()
	return s, cancel
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.fill(); err != nil {
		return 0, err
	}
	n := copy(p, s.rest)
	s.rest, s.n = s.rest[n:], s.n+int64(n)
	return n, nil
}

// peek is what comes first, at most n bytes, and fewer only where the archive
// ends.
func (s *source) peek(n int) ([]byte, error) {
	err := s.fill()
	return s.rest[:min(n, len(s.rest))], err
}

// fill waits until there is something to be read.
func (s *source) fill() error {
	for len(s.rest) == 0 {
		if s.err != nil {
			return s.err
		}
		if s.buffer != nil {
			s.empty <- s.buffer[:chunkSize] // there is room for all of them
			s.buffer = nil
		}
		select {
		case <-s.ctx.Done():
			s.err = context.Cause(s.ctx)
		case c := <-s.full:
			s.buffer, s.rest, s.err = c.b, c.b, c.err
		}
	}
	return nil
}

// spend counts bytes that came out of fewer, and is an error once they are
// beyond what an honest archive holds.
func (s *source) spend(n int) error {
	s.unpacked += int64(n)
	if most := max(s.limits.unpacked, s.ratio*s.n); s.unpacked > most {
		return fmt.Errorf("%w: it unpacks to over %d GB, from %d MB of it, which is the most that is read", ErrMalformed, most/1e9, s.n/1e6)
	}
	return nil
}

// malformed is what to say of an error in reading the archive. That it could
// not be read is no fault of its own.
func (s *source) malformed(err error) error {
	switch {
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case s.err != nil && !errors.Is(s.err, io.EOF):
		return s.err
	case errors.Is(err, ErrMalformed):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is cut off: %w", ErrMalformed, err)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// A part is read of a source, unpacked; what is wrong with it is the archive's
// fault.
type part struct {
	io.Reader
	of    *source
	spent bool // it is counted as unpacked
}

func (p part) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if p.spent {
		if over := p.of.spend(n); over != nil {
			return 0, over
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = p.of.malformed(err)
	}
	return n, err
}

// skipping is a part that tar's reader skips files of without copying them: it
// seeks where it can, and only onwards.
type skipping struct {
	part
	buffer *bufio.Reader
}

func (s skipping) Seek(offset int64, _ int) (int64, error) {
	for left := offset; left > 0; {
		n, err := s.buffer.Discard(int(min(left, 1<<30)))
		if left -= int64(n); err != nil {
			return 0, s.of.malformed(tooEarly(err))
		}
	}
	return offset, nil // from where it was, which is all that is asked for
}

// tooEarly is the error of an end that comes too early.
func tooEarly(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
