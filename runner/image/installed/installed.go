// Package installed reads what package managers write down of the packages that
// they installed: bytes in, values out. The bytes come from images and may be
// anything: what makes no sense is left out, nothing panics, and time and memory
// are bounded by the length of the input.
package installed

import "strings"

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

// lines calls f with each line that is not empty, without its ending.
func lines(text string, f func(line string)) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			f(line)
		}
	}
}
