package image

import (
	"errors"
	"fmt"
	"io"
)

// ErrNoFolders means that the layers' folders cannot be read, or do not say all
// of it to this process; the image's archive does.
var ErrNoFolders = errors.New("the layers' folders cannot be read")

// Options say what of an image is read beside names, sizes and modes.
type Options struct {
	// Digests of the contents of all regular files, which takes as long as to
	// read them.
	Digests bool
	// NoDigests are the DiffIDs of layers of which no digests are wanted: what
	// two images share need not be read to compare them.
	NoDigests map[string]bool

	// Look chooses files to look into as they go by; nil is none. What it
	// returns is called with the content, of which it may leave a rest unread;
	// an error of it is the read's.
	// It is called for every regular file of every layer, once however many
	// names it has, by one goroutine at a time.
	Look func(path string, size int64) func(content io.Reader) error

	bounds *limits // for tests; nil is the default
}

// digestsOf reports whether digests of the files of a layer are wanted.
func (o Options) digestsOf(l Layer) bool { return o.Digests && !o.NoDigests[l.DiffID] }

// newLayers are a configuration's layers, of which nothing more is known yet.
func newLayers(c Config, lim limits) ([]Layer, error) {
	n := len(c.RootFS.DiffIDs)
	if n > lim.layers {
		return nil, fmt.Errorf("%w: it has %d layers, and %d is the most that are read", ErrMalformed, n, lim.layers)
	}
	layers, steps := make([]Layer, n), c.Steps(n)
	for i, id := range c.RootFS.DiffIDs {
		layers[i] = Layer{DiffID: id, CreatedBy: steps[i]}
	}
	return layers, nil
}

// look calls Look for a file, if there is one.
func (o Options) look(path string, size int64) func(io.Reader) error {
	if o.Look == nil {
		return nil
	}
	return o.Look(path, size)
}

// rootOf is a layer's root where that is opaque; else nothing is said of it.
func rootOf(layer int) File { return File{Layer: layer, Kind: Opaque, Mode: 0o755} }
