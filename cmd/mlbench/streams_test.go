package main

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
)

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Only that a reader left is no error: what a full disk did not take is lost.
func TestLeaving(t *testing.T) {
	for _, c := range []struct{ is, want error }{{syscall.EPIPE, nil}, {syscall.ENOSPC, syscall.ENOSPC}} {
		n, err := io.WriteString(leaving{failing{c.is}}, "text")
		if !errors.Is(err, c.want) || (n == 4) != (c.want == nil) {
			t.Errorf("%v: %d, %v; want %v", c.is, n, err, c.want)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.WriteString(leaving{w}, "text"); n != 4 || err != nil {
		t.Errorf("%d, %v of a pipe that nobody reads", n, err)
	}
}
