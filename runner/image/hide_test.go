package image

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// plainly finds what hides each file as the specification says it, one layer
// on the other.
func plainly(files []File) []int {
	by := make([]int, len(files))
	for i, low := range files {
		for _, high := range files {
			if low.Kind == Whiteout || high.Layer <= low.Layer || by[i] != 0 && by[i] <= high.Layer {
				continue
			}
			inside := strings.HasPrefix(low.Path, high.Path+"/") || high.Path == "" && low.Path != ""
			if low.Path == high.Path || inside && high.Kind != Folder {
				by[i] = high.Layer
			}
		}
	}
	return by
}

func TestHide(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "a-b", "a/b", "a/c", "a/b/c", "a/b/d", "b/a", "b/a/c", ""}
	for range 300 {
		layers := make([]Layer, 1+random.IntN(6))
		var files []File
		for layer := range layers {
			for _, name := range names {
				if random.IntN(3) != 0 {
					continue
				}
				f := File{Path: name, Layer: layer, Kind: []Kind{Regular, Folder, Folder, Symlink, Whiteout, Opaque}[random.IntN(6)]}
				if name == "" {
					f.Kind = Opaque
				}
				files = append(files, f)
			}
		}
		random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		x := New(Config{}, layers, files, nil)
		for i, want := range plainly(x.Files) {
			if x.Files[i].HiddenBy != want {
				t.Fatalf("%+v is hidden by %d, want %d, of\n%+v", x.Files[i], x.Files[i].HiddenBy, want, x.Files)
			}
		}
		sane(t, x)
	}
}

// Of several names of a file, one that is seen bears its size.
func TestHiddenNames(t *testing.T) {
	names := []File{{Path: "a", Size: 9, Digest: "d"}, {Path: "b", Kind: HardLink, Link: "a"}, {Path: "c", Kind: HardLink, Link: "a"}, {Path: "d", Kind: HardLink, Link: "a"}}
	for _, test := range []struct {
		removed string
		bearer  string
		wasted  int64
	}{{"", "a", 0}, {"b", "a", 0}, {"a", "b", 0}, {"ab", "c", 0}, {"ac", "b", 0}, {"abcd", "a", 9}} {
		files := slices.Clone(names)
		for _, name := range strings.Split(test.removed, "") {
			files = append(files, File{Path: name, Layer: 1, Kind: Whiteout})
		}
		x := New(Config{}, make([]Layer, 2), files, nil)
		sane(t, x)
		var wasted int64
		for _, f := range x.Files[:len(names)] {
			wasted += f.Wasted()
			if (f.Path == test.bearer) != (f.Size == 9) || f.Path != test.bearer && f.Link != test.bearer {
				t.Errorf("without %q: %+v", test.removed, f)
			}
		}
		if wasted != test.wasted {
			t.Errorf("without %q: %d bytes wasted, want %d", test.removed, wasted, test.wasted)
		}
	}
}

// BenchmarkHide hides a million files under layers that are all whiteouts.
func BenchmarkHide(b *testing.B) {
	const layers, each = 200, 5000
	var files []File
	for layer := range layers {
		for i := range each {
			f := File{Path: fmt.Sprintf("a/b/c/%d/%d", i%100, i), Layer: layer}
			if layer%2 == 1 {
				f.Kind = Whiteout
			}
			files = append(files, f)
		}
	}
	for b.Loop() {
		New(Config{}, make([]Layer, layers), slices.Clone(files), nil)
	}
}
