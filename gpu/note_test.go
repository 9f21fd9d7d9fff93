package gpu

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// libcuda.so.590.44.01 is made of libcuda.S, by gcc -shared -nostdlib
// -Wl,--build-id=none,-z,noseparate-code,-s: a note as NVIDIA's container toolkit
// reads it (cmd/nvidia-cdi-hook/cudacompat), as its library is not ours to ship.
func TestNote(t *testing.T) {
	b, err := os.ReadFile("testdata/libcuda.so.590.44.01")
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadNote(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	scanned, err := ScanNote(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]*Note{"read": read, "scanned": scanned} {
		if n == nil || n.CUDA != (CUDA{13, 1}) || !slices.Equal(n.Branches, []int{535, 550, 570, 575, 580, 590}) {
			t.Errorf("%s: %+v", name, n)
		}
	}
	for name, b := range map[string][]byte{
		"another's note": bytes.Replace(b, []byte("NVIDIA Corporation"), []byte("NVIDIA Corporatiom"), 1),
		"no JSON":        bytes.Replace(b, []byte(`{"Format"`), []byte(`{"Format!`), 1),
		"no library":     library(t),
	} {
		if n, err := ReadNote(bytes.NewReader(b)); n != nil || err != nil {
			t.Errorf("%s: read %+v, %v", name, n, err)
		}
		if n, err := ScanNote(bytes.NewReader(b)); n != nil || err != nil {
			t.Errorf("%s: scanned %+v, %v", name, n, err)
		}
	}
	if n := note([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}); n != nil {
		t.Errorf("a note longer than its section: %+v", n)
	}
}
