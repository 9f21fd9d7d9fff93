// Package suite reads mlbench.yaml: the candidates of a project, and what flags
// would say about them. It reads strictly: what it does not know is an error that
// says the line and the nearest that it knows.
package suite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrMalformed is what is wrong with a suite file that cannot be read.
var ErrMalformed = errors.New("malformed suite file")

// File is the suite file that is looked for where none is named.
const File = "mlbench.yaml"

const (
	maxBytes      = 1 << 20 // of a suite file. It is written by hand
	maxNodes      = 100_000 // are looked at: aliases could make them any number
	maxCandidates = 1000
)

// A Suite is what a suite file says.
type Suite struct {
	Path       string // of the file, as errors call it
	Settings   []Setting
	Candidates []Candidate // the first is the baseline
}

// A Setting is a key with its value, as a flag of the same name would have it.
type Setting struct {
	Key    string
	Values []string // one, but for lists; of env NAME=value, or NAME to pass it on
	Line   int
}

// Kind is what a candidate is started from.
type Kind string

// The kinds, which are the keys that name one.
const (
	Image   Kind = "image"   // a reference
	Folder  Kind = "folder"  // with a Dockerfile, built first
	Command Kind = "command" // a command line, for the runner process
)

// IsPath reports whether a text is a path by its looks, which no image's name
// has: it begins with a dot or a slash, or ends in a slash.
func IsPath(text string) bool {
	return strings.HasPrefix(text, ".") || filepath.IsAbs(text) || strings.HasSuffix(text, "/")
}

// A Candidate is one that the file lists.
type Candidate struct {
	Name     string // unique in its file
	Kind     Kind
	Ref      string    // an image reference, a folder's path from the file's own folder, or a command line
	Settings []Setting // its own, which win over those of the file
	Line     int
}

// Read reads a suite file. Path is what errors call it, and its folder is where
// the files that it names are looked for. Whatever is wrong with the file itself is
// an error that wraps ErrMalformed.
func Read(r io.Reader, path string) (*Suite, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read suite file %s: %w", path, err)
	}
	if len(b) > maxBytes {
		return nil, fmt.Errorf("%w %s: larger than %d bytes: suite files are written by hand", ErrMalformed, path, maxBytes)
	}
	s := &Suite{Path: path}
	if err := s.parse(b); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrMalformed, path, err)
	}
	return s, nil
}

// Open reads the suite file at path.
func Open(path string) (*Suite, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read suite file: %w", err)
	}
	defer f.Close()
	return Read(f, path)
}

// Candidate returns the candidate of that name, and nil where there is none.
func (s *Suite) Candidate(name string) *Candidate {
	for i := range s.Candidates {
		if s.Candidates[i].Name == name {
			return &s.Candidates[i]
		}
	}
	return nil
}

// Names are the candidates' names, in their order in the file.
func (s *Suite) Names() []string {
	names := make([]string, len(s.Candidates))
	for i, c := range s.Candidates {
		names[i] = c.Name
	}
	return names
}

// Resolve is where a file lies that the suite file names: beside it, unless the
// name is absolute.
func (s *Suite) Resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(s.Path), name)
}
