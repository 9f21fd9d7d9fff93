// Package policy holds an image against rules of a team's own: what it may be
// built upon, which packages it must not have, as whom it runs, how large it may
// be, which Python and C library it must have, and what scanners may have found
// in it. Rules are the section policy of a YAML file; each broken rule is a
// finding.
package policy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v4"

	"mlbench/runner/image"
)

// ErrMalformed is what is wrong with a policy, or with a scanner's report that
// it names, that cannot be read.
var ErrMalformed = errors.New("malformed policy")

// maxBytes of a policy file. It is written by hand.
const maxBytes = 1 << 20

// A Policy is what is asked of images. The zero value asks for nothing.
type Policy struct {
	Bases     []Base      // one of them must be at the bottom; empty is any
	Forbidden []Forbidden // packages that must not be there
	User      string      // "non-root", a number or a name; "" is any
	MaxBytes  int64       // of the unpacked layers; 0 is any
	Sizes     []Size
	Python    Versions // of every Python that is in the image
	Libc      Libc
	Labels    []Label
	Reports   []Report

	folder string // in which the reports' names are looked up
}

// A Base is an image that others may be built upon.
type Base struct {
	Name   string   // for people
	Layers []string // digests of its uncompressed layers, from the lowest on
}

// A Forbidden is a package that must not be in an image.
type Forbidden struct {
	Kind     image.OwnerKind // "" is any
	Name     string          // pattern as of path.Match
	Versions Versions        // empty is all
	Why      string
}

// A Size limits what owners have in an image.
type Size struct {
	Kind     image.OwnerKind // "" is any
	Name     string          // pattern as of path.Match; "" is all of the kind together
	MaxBytes int64
}

// A Libc is the C library that an image must have.
type Libc struct {
	Name     string // glibc or musl; "" asks for none
	Versions Versions
}

// A Label is one that an image must have.
type Label struct {
	Name  string
	Value string // pattern as of path.Match; "" is any but an empty one
}

// A Report is what trivy, grype or syft wrote as JSON about the image, and how
// much of it is let pass.
type Report struct {
	File            string
	Vulnerabilities map[string]int // how many at most, by severity in lower case
	Ignored         []string       // ids of vulnerabilities that do not count
	FixedOnly       bool           // those without a fix do not count
	Licences        []string       // patterns of those that no package may have
}

// Read reads the section policy of a YAML file, whatever other sections are in
// it. Within it an unknown key is an error. Name is what errors call the file;
// the reports that it names are looked for in its folder.
func Read(r io.Reader, name string) (*Policy, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read policy %s: %w", name, err)
	}
	if len(b) > maxBytes {
		return nil, fmt.Errorf("%w %s: larger than %d bytes", ErrMalformed, name, maxBytes)
	}
	var document yaml.Node
	if err := yaml.Load(b, &document); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrMalformed, name, err)
	}
	p := &Policy{folder: filepath.Dir(name)}
	if err := p.document(&document); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrMalformed, name, err)
	}
	return p, nil
}

// Open reads the section policy of a YAML file.
func Open(name string) (*Policy, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	defer f.Close()
	return Read(f, name)
}
