package image

import (
	"fmt"
	"slices"
)

// limits are how much of an image is read. Images are other people's: whatever
// is in them takes bounded time and memory.
type limits struct {
	layers  int   // of an image
	entries int   // of an image or archive, in all layers
	files   int   // of an archive, beside those in layers
	path    int   // bytes of a path or of a link's target
	text    int64 // bytes of all paths and targets
	depth   int   // folders above a file
	bytes   int64 // of all files: beyond any disk, and far from overflow

	content  int64 // of one file that is kept
	contents int64 // of all

	document  int64 // of an archive, beside layers: manifests and configurations
	documents int64 // of all

	// An archive may unpack to unpacked bytes, or if that is more, to so many
	// times its size.
	unpacked int64
	ratio    int64
}

var defaultLimits = limits{
	layers: 1000, entries: 1_000_000, files: 100_000, path: 4096, text: 256 << 20, depth: 255, bytes: 1 << 50,
	content: 64 << 20, contents: 96 << 20, // rpm has its database in one file
	document: 16 << 20, documents: 64 << 20,
	unpacked: 16 << 30, ratio: 100,
}

func (o Options) limits() limits {
	if o.bounds != nil {
		return *o.bounds
	}
	return defaultLimits
}

// entry checks a path against the limits.
func (l limits) entry(path string) error {
	if len(path) > l.path {
		return fmt.Errorf("%w: a path of %d bytes, and %d is the most: %.60q…", ErrMalformed, len(path), l.path, path)
	}
	depth := 0
	for i := range len(path) {
		if path[i] == '/' {
			depth++
		}
	}
	if depth > l.depth {
		return fmt.Errorf("%w: a path of %d folders, and %d is the most: %.60q…", ErrMalformed, depth, l.depth, path)
	}
	return nil
}

func (l limits) tooMany() error {
	return fmt.Errorf("%w: it has over %d files, which is the most that are read", ErrMalformed, l.entries)
}

func (l limits) tooWordy() error {
	return fmt.Errorf("%w: over %d MiB of documents beside its layers", ErrMalformed, l.documents>>20)
}

func (l limits) tooLong() error {
	return fmt.Errorf("%w: the names of its files have over %d MB together, which is the most that is read", ErrMalformed, l.text/1e6)
}

func (l limits) tooLarge() error {
	return fmt.Errorf("%w: its files have over %d TB, which is the most that is believed", ErrMalformed, l.bytes/1e12)
}

// A budget is what may still be kept of small files' contents.
type budget struct {
	limits
	kept   int64
	warned []string // the first warnings
	more   int      // of them
}

// maxWarnings is how many files people are told of: of hostile images, all may
// be left out.
const maxWarnings = 20

func (b *budget) warn(format string, args ...any) {
	if len(b.warned) == maxWarnings {
		b.more++
		return
	}
	b.warned = append(b.warned, fmt.Sprintf(format, args...))
}

// warnings are for people.
func (b *budget) warnings() []string {
	if b.more == 0 {
		return b.warned
	}
	return append(slices.Clone(b.warned), fmt.Sprintf("the same is true of %d files more", b.more))
}

// take reports whether this content may be kept, and if not, warns.
func (b *budget) take(path string, size int64) bool {
	switch {
	case size > b.content:
		b.warn("%.200q was not looked into: it has %d bytes, and %d is the most", path, size, b.content)
	case size > b.contents-b.kept:
		b.warn("%.200q was not looked into: with it, over %d bytes of such files would be kept", path, b.contents)
	default:
		b.kept += size
		return true
	}
	return false
}
