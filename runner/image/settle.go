package image

import (
	"fmt"
	"slices"
)

// settle decides which of several names of a file bears its size, within a
// layer. Names are places in files, by file.
func settle[K comparable](files []File, names map[K][]int) {
	for _, of := range names {
		first := of[0]
		for _, i := range of[1:] {
			if files[i].Path < files[first].Path {
				first = i
			}
		}
		for _, i := range of {
			if i == first {
				continue
			}
			files[i].Size = 0
			if files[i].Kind == Regular {
				files[i].Kind, files[i].Link = HardLink, files[first].Path
			}
		}
	}
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
