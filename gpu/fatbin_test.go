package gpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// libkernels is a library whose GPU code NVIDIA's own tools of CUDA 12.4 made
// (Debian's nvidia-cuda-toolkit), of kernels that do nothing:
//
//	printf '.version 8.0\n.target sm_80\n.address_size 64\n.visible .entry nothing() { ret; }\n' >k80.ptx # and 70, 90a
//	ptxas -arch=sm_80 k80.ptx -o k80.cubin # and 70, 90a
//	fatbinary --create=plain.fatbin -64 --image3=kind=elf,sm=70,file=k70.cubin --image3=kind=elf,sm=80,file=k80.cubin \
//	    --image3=kind=elf,sm=90a,file=k90a.cubin --image3=kind=ptx,sm=80,file=k80.ptx
//	fatbinary --create=comp.fatbin -64 --compress-all --image3=kind=elf,sm=80,file=k80.cubin --image3=kind=ptx,sm=90a,file=k90a.ptx
//	for f in plain comp; do printf '.section .nv_fatbin, "a"\n.align 8\n.incbin "%s.fatbin"\n' $f >$f.S; done
//	gcc -shared -nostdlib -o libkernels.so plain.S comp.S -Wl,--build-id=none,-z,noseparate-code,-s
//
// cuobjdump -lelf -lptx lists sm_70, sm_80, sm_90a, sm_80 and PTX for sm_80, sm_90a.
const libkernels = "testdata/libkernels.so"

func library(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(libkernels)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func names(f Found) string {
	var words []string
	for _, a := range f.Archs {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

func TestRealLibrary(t *testing.T) {
	b := library(t)
	const want = "sm_70 sm_80 sm_90a compute_80 compute_90a"
	read, err := ReadLibrary(bytes.NewReader(b))
	if err != nil || names(read) != want || read.Entries != 6 || read.Unclear != "" {
		t.Errorf("ReadLibrary: %+v (%s), %v; want %s", read, names(read), err, want)
	}
	for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b)), iotest.DataErrReader(bytes.NewReader(b))} {
		scanned, err := ScanLibrary(r)
		if err != nil || names(scanned) != want || scanned.Entries != 6 || scanned.Unclear != "" {
			t.Errorf("ScanLibrary: %+v (%s), %v; want %s", scanned, names(scanned), err, want)
		}
	}
}

// at is where the first container is in libkernels.
func at(t testing.TB, b []byte) int {
	t.Helper()
	i := bytes.Index(b, binary.LittleEndian.AppendUint32(nil, fatMagic))
	if i < 0 {
		t.Fatal("no container")
	}
	return i
}

func TestSurprises(t *testing.T) {
	tests := []struct {
		name    string
		change  func(b []byte, first int) []byte
		archs   string
		unclear string
		scanned bool // also where it is only read once
	}{
		{"unknown kind", func(b []byte, i int) []byte { b[i+16] = 0x40; return b }, "sm_80 sm_90a compute_80 compute_90a", "code of kind 64", true},
		{"unknown variant", func(b []byte, i int) []byte { b[i+16+42] |= 0x20; return b }, "sm_70? sm_80 sm_90a compute_80 compute_90a", "", true},
		{"architecture 0", func(b []byte, i int) []byte { b[i+16+28] = 0; return b }, "sm_80 sm_90a compute_80 compute_90a", "an architecture 0", true},
		{"entry longer than its container", func(b []byte, i int) []byte { b[i+16+14] = 0x7f; return b }, "", "are left", true},
		{"entry without end", func(b []byte, i int) []byte {
			binary.LittleEndian.PutUint64(b[i+16+8:], 1<<64-8)
			return b
		}, "", "are left", true},
		{"short header", func(b []byte, i int) []byte { b[i+16+4] = 8; return b }, "", "an entry of 8", true},
		{"container longer than its section", func(b []byte, i int) []byte { b[i+12] = 1; return b }, "", "a container of", false},
		{"other magic", func(b []byte, i int) []byte { b[i] = 0; return b }, "", "no container", false},
		{"other version", func(b []byte, i int) []byte { b[i+4] = 2; return b }, "", "no container", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := library(t)
			b = test.change(b, at(t, b))
			f, err := ReadLibrary(bytes.NewReader(b))
			if err != nil || names(f) != test.archs || !strings.Contains(f.Unclear, test.unclear) || (f.Unclear == "") != (test.unclear == "") {
				t.Errorf("ReadLibrary: %s, %q, %v", names(f), f.Unclear, err)
			}
			if f, err := ScanLibrary(bytes.NewReader(b)); test.scanned && (err != nil || !strings.Contains(f.Unclear, test.unclear) || (f.Unclear == "") != (test.unclear == "")) {
				t.Errorf("ScanLibrary: %s, %q, %v", names(f), f.Unclear, err)
			}
		})
	}
}

func TestNoLibrary(t *testing.T) {
	whole := library(t)
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte(strings.Repeat("no library ", 100)), "cut in its header": whole[:70],
		"the magic alone": append(make([]byte, 64), binary.LittleEndian.AppendUint32(nil, fatMagic)...),
		"32 bits":         append([]byte{0x7f, 'E', 'L', 'F', 1, 1}, make([]byte, 100)...),
	} {
		if f, err := ReadLibrary(bytes.NewReader(b)); err != nil || f.Any() {
			t.Errorf("%s: ReadLibrary: %+v, %v", name, f, err)
		}
		if f, err := ScanLibrary(bytes.NewReader(b)); err != nil || f.Any() {
			t.Errorf("%s: ScanLibrary: %+v, %v", name, f, err)
		}
	}
	cut := whole[:len(whole)/2]
	if f, err := ScanLibrary(bytes.NewReader(cut)); err != nil || f.Unclear == "" {
		t.Errorf("cut in its code: %+v, %v", f, err)
	}
	broken := errors.New("broken disk")
	if _, err := ScanLibrary(io.MultiReader(bytes.NewReader(cut), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a read error is lost: %v", err)
	}
}

func TestManyEmptyContainers(t *testing.T) {
	b := slices.Clone(library(t)[:64])
	one := make([]byte, fatHeader)
	binary.LittleEndian.PutUint32(one, fatMagic)
	one[4], one[6] = 1, fatHeader
	b = append(b, bytes.Repeat(one, maxContainers+10)...)
	if f, err := ScanLibrary(bytes.NewReader(b)); err != nil || !strings.Contains(f.Unclear, "containers") {
		t.Errorf("%+v, %v", f, err)
	}
}

func FuzzLibrary(f *testing.F) {
	b := library(f)
	f.Add(b)
	f.Add(b[:1000])
	f.Fuzz(func(t *testing.T, b []byte) {
		if read, err := ReadLibrary(bytes.NewReader(b)); err != nil || len(read.Archs) > maxArchs {
			t.Errorf("%+v, %v", read, err)
		}
		if scanned, err := ScanLibrary(bytes.NewReader(b)); err != nil || len(scanned.Archs) > maxArchs {
			t.Errorf("%+v, %v", scanned, err)
		}
		if _, err := ReadNote(bytes.NewReader(b)); err != nil {
			t.Error(err)
		}
		if _, err := ScanNote(bytes.NewReader(b)); err != nil {
			t.Error(err)
		}
		note(b)
	})
}
