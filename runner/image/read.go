package image

import "io"

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
