package image

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// content reads what is wanted of the content of the regular file at a place.
func (l *tarLayer) content(place int, in io.Reader) error {
	f := &l.files[place]
	look := l.opts.look(f.Path, f.Size)
	keep := Wanted(f.Path) && l.left.take(f.Path, f.Size)
	if look == nil && !keep && !l.opts.Digests {
		return nil
	}
	in = part{in, l.source, true} // it may be holes
	if keep {
		b, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		l.contents[place], in = slices.Clip(b), bytes.NewReader(b)
	}
	if l.opts.Digests {
		l.hash.Reset()
		in = io.TeeReader(in, l.hash)
	}
	if look != nil {
		if err := look(in); err != nil {
			return err
		}
	}
	if l.opts.Digests {
		if _, err := io.CopyBuffer(discard{}, struct{ io.Reader }{in}, l.buffer); err != nil {
			return err
		}
		f.Digest = fmt.Sprintf("%x", l.hash.Sum(nil))
	}
	return nil
}

// in are the layer's files, as those of the layer at this place in an image.
func (l *tarLayer) in(layer int, contents map[Place][]byte) []File {
	files := make([]File, 0, len(l.at))
	names := make(map[int][]int)
	for i, f := range l.files {
		if f.Layer == gone || l.torn && l.lost(f.Path) {
			continue
		}
		first := l.first[i]
		if several := len(l.names[first]) > 1; several {
			path := f.Path
			f = l.files[first]
			f.Path = path
			names[first] = append(names[first], len(files))
		}
		f.Layer = layer
		// What one layer has, many of an image may have again.
		if content, ok := l.contents[first]; ok && Wanted(f.Path) && (!l.used || l.left.take(f.Path, int64(len(content)))) {
			contents[Place{layer, f.Path}] = content
		}
		files = append(files, f)
	}
	l.used = true
	settle(files, names)
	return files
}

// lost reports whether a folder that the path is in was replaced by what is none.
func (l *tarLayer) lost(path string) bool {
	for path != "" {
		path = folder(path)
		if i, ok := l.at[path]; ok && !l.files[i].isFolder() {
			return true
		}
	}
	return false
}

// discard is io.Discard without a buffer of its own.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
