// Package image tells what is inside an image: its layers and files, who owns
// every byte, what is wrong with it, what it wants of a GPU, and how two images
// differ. It reads layers' folders or archives, and starts nothing.
package image

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrMalformed is what is wrong with an image that cannot be read: an archive
// that is cut off, is no image or is beyond the limits.
var ErrMalformed = errors.New("malformed image")

// An Index is all that is known of what is in an image. It is the same from
// whatever source it was read.
type Index struct {
	Ref    string // as the user named it
	Config Config
	Layers []Layer // from the lowest on
	Files  []File  // by layer, and within one by path

	// Warnings are what could not be read, for people. They do not prevent an
	// analysis.
	Warnings []string

	contents map[int][]byte // of the small files that analyses want, by their place in Files
	visible  map[string]int // places in Files of what a container sees
}

// A Layer is one of an image.
type Layer struct {
	DiffID          string // digest of its uncompressed tar, e.g. sha256:…
	CreatedBy       string // its line of the image's history; "" where there is none
	UnpackedBytes   int64  // as the engine counts: every inode's size once
	CompressedBytes int64  // as the archive or the registry has it; 0 where not known
	Files           int    // entries
}

// New makes an index of files in any order. It sorts them and finds out what is
// hidden by later layers. Contents are those of small files, by layer and path.
func New(config Config, layers []Layer, files []File, contents map[Place][]byte) *Index {
	x := &Index{
		Config: config, Layers: layers, Files: files,
		contents: make(map[int][]byte, len(contents)), visible: make(map[string]int),
	}
	slices.SortFunc(x.Files, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), strings.Compare(a.Path, b.Path))
	})
	x.hide()
	for i := range x.Layers {
		x.Layers[i].UnpackedBytes, x.Layers[i].Files = 0, 0
	}
	for i, f := range x.Files {
		x.Layers[f.Layer].UnpackedBytes += f.Size
		x.Layers[f.Layer].Files++
		if content, ok := contents[Place{f.Layer, f.Path}]; ok {
			x.contents[i] = content
		}
	}
	return x
}

// A Place is where a file is: one path may be in several layers.
type Place struct {
	Layer int
	Path  string
}

// UnpackedBytes is the sum of the layers: what the engine calls the image's size.
func (x *Index) UnpackedBytes() int64 {
	var sum int64
	for _, l := range x.Layers {
		sum += l.UnpackedBytes
	}
	return sum
}

// CompressedBytes is the sum of the layers as they are stored; ok is false
// where that is not known of each.
func (x *Index) CompressedBytes() (sum int64, ok bool) {
	for _, l := range x.Layers {
		if l.CompressedBytes == 0 {
			return 0, false
		}
		sum += l.CompressedBytes
	}
	return sum, len(x.Layers) > 0
}

// Lookup is the place in Files of what a container sees at a path; ok is false
// where there is nothing.
func (x *Index) Lookup(path string) (i int, ok bool) {
	i, ok = x.visible[path]
	return i, ok
}

// find is the place in Files of a path in a layer.
func (x *Index) find(layer int, path string) (int, bool) {
	return slices.BinarySearchFunc(x.Files, path, func(f File, path string) int {
		return cmp.Or(cmp.Compare(f.Layer, layer), strings.Compare(f.Path, path))
	})
}

// Content is what is in a small file that a container sees; nil where it was
// not kept. See Wanted for which are.
func (x *Index) Content(path string) []byte {
	if i, ok := x.visible[path]; ok {
		return x.contents[i]
	}
	return nil
}

// ContentOf is what is in the file at this place in Files, hidden or not; nil
// where it was not kept.
func (x *Index) ContentOf(i int) []byte { return x.contents[i] }

// kept calls f with each file whose content was kept, from the lowest layer on.
func (x *Index) kept(f func(file File, content []byte)) {
	for _, i := range slices.Sorted(maps.Keys(x.contents)) {
		f(x.Files[i], x.contents[i])
	}
}

// seen calls f with what is in each file that a container sees and whose content
// was kept.
func (x *Index) seen(f func(file File, content []byte)) {
	x.kept(func(file File, content []byte) {
		if file.Visible() {
			f(file, content)
		}
	})
}

// UID is the number of a user by name or number, as far as it can be told: like
// Docker it takes numbers as strconv.Atoi does, and names from /etc/passwd. ""
// is root, whom containers run as that have no user.
func (x *Index) UID(user string) (uid int, known bool) {
	if n, err := strconv.Atoi(user); err == nil {
		return n, true
	}
	for line := range strings.Lines(string(x.Content("etc/passwd"))) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) > 2 && fields[0] == user && user != "" {
			n, err := strconv.Atoi(fields[2])
			return n, err == nil
		}
	}
	return 0, user == "" || user == "root"
}
