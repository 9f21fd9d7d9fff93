// Package installed reads what package managers write down of the packages that
// they installed: bytes in, values out. The bytes come from images and may be
// anything: what makes no sense is left out, nothing panics, and time and memory
// are bounded, far beyond what any system has installed.
package installed

import (
	"iter"
	"strings"
)

// maxName is the longest name of a package that is believed, in bytes. Any number
// of others may need it, and it is looked up for each.
const maxName = 256

// named reports whether a package has a name.
func (p Package) named() bool { return p.Name != "" && len(p.Name) <= maxName }

// maxPath is the longest path that is believed, in bytes: Linux's PATH_MAX.
const maxPath = 4096

// A Package is one that a package manager has written down.
type Package struct {
	Name, Version string
	Arch          string // "" where the manager does not tell
	Source        string // what it was built from, if it has another name

	// Files are the paths that it brought, as they are written down: folders
	// too where the manager lists them.
	Files []string

	// Needs and Recommends are of each need the packages or features that
	// satisfy it, of which one is enough.
	Needs, Recommends [][]string
	// Provides are features that others may need.
	Provides []string

	Essential bool // the system cannot be without it
	Removed   bool // but for its configuration
}

// maxPackages is how many of one database are read: all of Debian has half.
const maxPackages = 1 << 17

// A room is what the packages of one database may still take.
type room struct {
	values int // names of needs, features and files
	bytes  int // of paths that are put together of parts
}

// newRoom is for a database of so many bytes. A folder's name comes once in it
// and in every path of the folder, which makes real ones up to three times as long.
func newRoom(size int) *room { return &room{values: 1 << 22, bytes: 8*size + 1<<16} }

// value reports whether there is room for one more value.
func (r *room) value() bool {
	r.values--
	return r.values >= 0
}

// path puts a path together, if there is room for it.
func (r *room) path(dir, base string) (string, bool) {
	r.bytes -= len(dir) + len(base)
	if r.bytes < 0 || len(dir)+len(base) > maxPath || !r.value() {
		return "", false
	}
	return dir + base, true
}

// lines are those that are not empty, without their endings.
func lines(text string) iter.Seq[string] {
	return func(yield func(line string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" && !yield(line) {
				return
			}
		}
	}
}
