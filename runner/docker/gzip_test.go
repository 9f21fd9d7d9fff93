package docker

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
)

func TestCompress(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, gzipBlock - 1, gzipBlock, gzipBlock + 1, 2*gzipBlock + 7} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rng.Uint32() & 3)
		}
		var out bytes.Buffer
		if err := compress(&out, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		in, err := gzip.NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		in.Multistream(false) // it is one member
		again, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%d bytes: %v, %d again", size, err, len(again))
		}
		if out.Len() != 0 {
			t.Errorf("%d bytes: %d more after the end", size, out.Len())
		}
	}
	if err := compress(io.Discard, io.MultiReader(bytes.NewReader(make([]byte, 3*gzipBlock)), iotest.ErrReader(errTest))); !errors.Is(err, errTest) {
		t.Errorf("of a reader that fails: %v", err)
	}
	// Which is how an archive ends that was cut off.
	if err := compress(io.Discard, iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("of a reader that ends too soon: %v", err)
	}
	if err := compress(broken{}, bytes.NewReader(make([]byte, 9*gzipBlock))); !errors.Is(err, errTest) {
		t.Errorf("of a writer that fails: %v", err)
	}
	// Of a layer that cannot be written, the rest is not read.
	whole := int64(runtime.GOMAXPROCS(0)+100) * gzipBlock
	rest := &io.LimitedReader{R: zeros{}, N: whole}
	if err := compress(broken{}, rest); !errors.Is(err, errTest) || rest.N == 0 {
		t.Errorf("of a writer that fails at once: %v, all of %d bytes were read", err, whole)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errTest }
