package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// tight are limits that small archives reach.
var tight = limits{
	layers: 5, entries: 200, files: 20, path: 300, text: 20_000, depth: 20, bytes: 1 << 40,
	content: 100, contents: 250, document: 10_000, documents: 30_000, unpacked: 1 << 20, ratio: 10,
}

// zeros compress to little: n bytes of a file of a layer.
func zeros(t testing.TB, n int64, compress func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	z := compress(&b)
	out := tar.NewWriter(z)
	err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Size: n})
	if err == nil {
		_, err = io.CopyN(out, zero{}, n)
	}
	if err := errors.Join(err, out.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// patched is a tar whose first header has these bytes instead, and a check sum
// that is right.
func patched(b []byte, at int, with string) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	sum := 8 * int(' ')
	for i, c := range b[:512] {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// holes is a layer with a sparse file of this size, and nothing of it.
func holes(t testing.TB, size string) []byte {
	t.Helper()
	// As GNU tar writes format 1.0: a map of no pieces, then none.
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	record := func(k, v string) string {
		n := len(k) + len(v) + 3
		for len(fmt.Sprint(n))+len(k)+len(v)+3 != n {
			n++
		}
		return fmt.Sprintf("%d %s=%s\n", n, k, v)
	}
	records := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "holes") + record("GNU.sparse.realsize", size)
	h := tar.Header{Typeflag: tar.TypeReg, Name: "pax", Size: int64(len(records))}
	err := out.WriteHeader(&h)
	if err == nil {
		_, err = io.WriteString(out, records)
	}
	if err == nil {
		err = out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "holes", Size: 512})
	}
	if err == nil {
		_, err = io.WriteString(out, "0\n"+strings.Repeat("\x00", 510))
	}
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return patched(b.Bytes(), 156, "x")
}

func TestHostile(t *testing.T) {
	many := make([]tar.Header, tight.entries+1)
	for i := range many {
		many[i] = reg(fmt.Sprint("f", i), 0)
	}
	strange, long := make([]tar.Header, tight.entries+1), make([]tar.Header, 100)
	for i := range strange {
		strange[i] = tar.Header{Typeflag: 'Z', Name: "z"}
	}
	for i := range long {
		long[i] = reg(fmt.Sprint(strings.Repeat("long", 60), i), 0)
	}
	var links []tar.Header // each is twice the one before
	for i := range 60 {
		links = append(links, soft(fmt.Sprintf("l%d", i+1), fmt.Sprintf("l%d/../l%d", i, i)))
	}
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	zst := func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)); return z }
	looking := Options{Look: func(string, int64) func(io.Reader) error {
		return func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	}}
	layer := func(h ...tar.Header) []byte { return saved(t, tarOf(t, h...)) }
	small := tarOf(t, reg("a", 10))
	for _, test := range []struct {
		name    string
		archive []byte
		opts    Options
		err     string // "" for none
	}{
		{name: "too many files", archive: layer(many...), err: "it has over 200 files, which is the most that are read"},
		{name: "too many layers", archive: saved(t, small, small, small, small, small, small), err: "it has 6 layers, and 5 is the most"},
		{name: "one layer many times over", archive: saved(t, tarOf(t, many[:100]...), tarOf(t, many[:101]...)), err: "over 200 files"},
		{name: "too many files beside layers", archive: archiveOf(t, make([]entry, 21)...), err: "over 20 files beside those in layers"},
		{name: "a long path", archive: layer(reg(strings.Repeat("long/", 100)+"f", 0)), err: "a path of 501 bytes, and 300 is the most"},
		{name: "a deep path", archive: layer(reg(strings.Repeat("d/", 30)+"f", 0)), err: "a path of 30 folders, and 20 is the most"},
		{name: "a long target", archive: layer(soft("l", strings.Repeat("long/", 100)), reg("l/f", 0)), err: "bytes, and 300 is the most"},
		{name: "a long target that nothing is in", archive: layer(soft("l", strings.Repeat("long", 100))), err: `"l" leads to a path of 400 bytes, and 300 is the most`},
		{name: "long paths", archive: layer(long...), err: "the names of its files have over 0 MB together"},
		{name: "too many of no known type", archive: layer(strange...), err: "it has over 200 files"},
		{name: "a link of the archive with a long target", archive: archiveOf(t, entry{name: "l", link: strings.Repeat("long", 100)}), err: "a path of 400 bytes, and 300 is the most"},
		{name: "out of the layer", archive: layer(reg("a/../../etc/passwd", 0)), err: "leads out of the layer"},
		{name: "a link out of the layer", archive: layer(hard("a", "../../etc/passwd")), err: "leads out of the layer"},
		{name: "a symlink out of the layer", archive: layer(soft("a", "../../../etc"), reg("a/passwd", 0))},
		{name: "absolute", archive: layer(reg("//etc/passwd", 0))},
		{name: "a link to nothing", archive: layer(hard("a", "b")), err: "no such file came before it"},
		{name: "a link to a folder", archive: layer(dir("b"), hard("a", "b")), err: "no such file came before it"},
		{name: "a link to itself", archive: layer(reg("a", 3), hard("a", "a"))},
		{name: "symlinks in a circle", archive: layer(soft("a", "b"), soft("b", "a"), reg("a/f", 0)), err: "links of links"},
		{name: "symlinks that double", archive: layer(append(links, reg("l60/f", 0))...), err: "links of links"},
		{name: "in a file", archive: layer(reg("a", 3), reg("a/b", 3)), err: `"a" is no folder, and something is in it`},
		{name: "a folder becomes a file", archive: layer(reg("a/b/c", 3), reg("a", 3))},
		{name: "whiteout of nothing", archive: layer(reg("a/.wh.", 0)), err: "a whiteout of nothing"},
		{name: "whiteout of the folder above", archive: layer(reg("a/.wh...", 0)), err: "a whiteout of nothing"},
		{name: "aufs's own", archive: layer(dir(".wh..wh.plnk"), reg(".wh..wh.plnk/1.2", 0), reg(".wh..wh.aufs", 0))},
		{name: "opaque root", archive: layer(reg(".wh..wh..opq", 0))},
		{name: "a negative size", archive: saved(t, append(small[:1024:1024], patched(small, 124, "-0000000001\x00")...)), err: "invalid tar header"},
		{name: "a size beyond any", archive: saved(t, patched(small, 124, "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff")), err: "TB, which is the most that is believed"},
		{name: "a size beyond the archive", archive: saved(t, patched(small, 124, "00077777777\x00")), err: "it is cut off"},
		{name: "holes beyond any", archive: saved(t, holes(t, fmt.Sprint(math.MaxInt64))), err: "TB, which is the most that is believed"},
		{name: "holes", archive: saved(t, holes(t, fmt.Sprint(1<<39))), err: ""},
		{name: "holes, looked into", archive: saved(t, holes(t, fmt.Sprint(1<<39))), opts: looking, err: "it unpacks to over"},
		{name: "holes, their digest", archive: saved(t, holes(t, fmt.Sprint(1<<39))), opts: Options{Digests: true}, err: "it unpacks to over"},
		{name: "gzip bomb", archive: saved(t, zeros(t, 3<<20, gz)), err: "it unpacks to over"},
		{name: "zstd bomb", archive: saved(t, zeros(t, 3<<20, zst)), err: "it unpacks to over"},
		{name: "bombs in a bomb", archive: gzipped(t, saved(t, zeros(t, 1<<20, gz), zeros(t, 1<<20, zst))), err: "it unpacks to over"},
		{name: "a large document", archive: archiveOf(t, entry{name: "x", content: bytes.Repeat([]byte("x"), 20_000)}), err: "there is no image"},
		{name: "many documents", archive: archiveOf(t, entry{name: "x", content: make([]byte, 9_000)}, entry{name: "y", content: bytes.Repeat([]byte("x"), 9_000)},
			entry{name: "z", content: bytes.Repeat([]byte("x"), 9_000)}, entry{name: "a", content: bytes.Repeat([]byte("x"), 9_000)}, entry{name: "b", content: bytes.Repeat([]byte("x"), 9_000)}), err: "of documents"},
		{name: "a layer that links to itself", archive: archiveOf(t, entry{name: "l", link: "l"}, entry{name: "c", content: configOf(t, "a", small)},
			entry{name: "manifest.json", content: encoded(t, []described{{"c", nil, []string{"l"}}})}), err: "its layer l is missing"},
		{name: "nested indexes", archive: nested(t), err: "there is no image"},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := time.Now()
			test.opts.bounds = &tight
			x, err := ReadArchive(t.Context(), bytes.NewReader(test.archive), "", test.opts)
			if took := time.Since(begin); took > 10*time.Second { // of milliseconds: it is no matter of speed
				t.Errorf("took %v", took)
			}
			if test.err == "" {
				if err != nil {
					t.Error(err)
				} else {
					sane(t, x)
				}
			} else if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

// nested is an archive of more indexes in each other than there may be.
func nested(t testing.TB) []byte {
	b := manifestOf(t, configOf(t, runtime.GOARCH))
	entries := []entry{blob(b), blob(configOf(t, runtime.GOARCH))}
	for range maxIndexes {
		b = encoded(t, manifest{Manifests: []Descriptor{{Digest: sha(b)}}})
		entries = append(entries, blob(b))
	}
	return archiveOf(t, append(entries, entry{name: "index.json", content: encoded(t, manifest{Manifests: []Descriptor{{Digest: sha(b)}}})})...)
}

// sane checks what holds of every index.
func sane(t testing.TB, x *Index) {
	t.Helper()
	var sum int64
	for i, f := range x.Files {
		sum += f.Size
		clean := f.Path == "" || !strings.HasPrefix(f.Path, "/") && f.Path != ".." && !strings.HasPrefix(f.Path, "../")
		if !clean || f.Size < 0 || f.Layer < 0 || f.Layer >= len(x.Layers) || f.HiddenBy != 0 && f.HiddenBy <= f.Layer || f.HiddenBy >= len(x.Layers) && f.HiddenBy != 0 {
			t.Errorf("file %+v of %d layers", f, len(x.Layers))
		}
		if i > 0 && x.Files[i-1].Layer == f.Layer && x.Files[i-1].Path >= f.Path {
			t.Errorf("%q after %q", f.Path, x.Files[i-1].Path)
		}
		if at, ok := x.Lookup(f.Path); f.Visible() != (ok && at == i) {
			t.Errorf("file %+v: a container sees %d, %v", f, at, ok)
		}
		if f.Kind == HardLink {
			if at, ok := x.find(f.Layer, f.Link); !ok || x.Files[at].Kind != Regular {
				t.Errorf("file %+v is a link to what is no file", f)
			}
		}
	}
	if sum != x.UnpackedBytes() {
		t.Errorf("%d bytes in files, %d in all", sum, x.UnpackedBytes())
	}
}

// The content of what is too large is left out, and it is said.
func TestContentLimits(t *testing.T) {
	x, err := ReadArchive(t.Context(), bytes.NewReader(saved(t, tarOf(t, reg("var/lib/dpkg/info/a.list", 90), reg("var/lib/dpkg/info/b.list", 101),
		reg("var/lib/dpkg/info/c.list", 100), reg("var/lib/dpkg/info/d.list", 61), reg("var/lib/dpkg/info/e.list", 60)))), "", Options{bounds: &tight})
	if err != nil {
		t.Fatal(err)
	}
	kept := ""
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if x.Content("var/lib/dpkg/info/"+name+".list") != nil {
			kept += name
		}
	}
	if kept != "ace" || len(x.Warnings) != 2 || !strings.Contains(x.Warnings[0], "b.list") || !strings.Contains(x.Warnings[1], "d.list") {
		t.Errorf("kept %s, warnings %q", kept, x.Warnings)
	}
}

// Of what is left out, people are told a few names, however many there are.
func TestWarningsAreFew(t *testing.T) {
	strange := make([]tar.Header, 150)
	for i := range strange {
		strange[i] = tar.Header{Typeflag: 'Z', Name: fmt.Sprint("z", i)}
	}
	x, err := ReadArchive(t.Context(), bytes.NewReader(saved(t, tarOf(t, strange...))), "", Options{bounds: &tight})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(x.Warnings); n != maxWarnings+1 || !strings.Contains(x.Warnings[n-1], "130 files more") {
		t.Errorf("%d warnings, %q", n, x.Warnings)
	}
}

// A layer that an image has many times over is not looked into each time: what
// is in it may be a database that takes long to read.
func TestContentOfRepeatedLayers(t *testing.T) {
	layer := tarOf(t, reg("var/lib/dpkg/status", 90))
	x, err := ReadArchive(t.Context(), bytes.NewReader(saved(t, layer, layer, layer, layer)), "", Options{bounds: &tight})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i := range x.Files {
		kept += len(x.ContentOf(i))
	}
	if kept != 180 || len(x.Warnings) != 2 {
		t.Errorf("%d bytes kept, warnings %q", kept, x.Warnings)
	}
}

func FuzzReadArchive(f *testing.F) {
	first, second := tarOf(f, dir("a"), reg("a/b", 7), hard("a/c", "a/b"), soft("l", "a")), tarOf(f, reg("a/.wh.b", 0), reg("l/c", 1), reg("a/.wh..wh..opq", 0), reg("var/lib/dpkg/status", 3))
	f.Add(saved(f, first, second), "")
	f.Add(saved(f, first, second), "one:tag")
	f.Add(gzipped(f, saved(f, gzipped(f, first))), "")
	f.Add(saved(f, zstandard(f, second)), "")
	f.Add(saved(f, holes(f, "100000")), "")
	config := configOf(f, runtime.GOARCH, first)
	m := manifestOf(f, config, first)
	f.Add(archiveOf(f, blob(config), blob(first), blob(m), entry{name: "index.json", content: encoded(f, manifest{Manifests: []Descriptor{{Digest: sha(m)}}})}), sha(m))
	f.Fuzz(func(t *testing.T, b []byte, want string) {
		// Digests of layers are not compared, as no fuzzer finds them.
		x, err := readArchive(context.Background(), bytes.NewReader(b), want, "amd64", false, Options{Digests: true, bounds: &tight})
		if err == nil {
			sane(t, x)
		} else if !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	})
}
