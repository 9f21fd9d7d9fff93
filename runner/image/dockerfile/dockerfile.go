// Package dockerfile finds in a Dockerfile what makes images large, slow to
// start and build, unsafe or different from one build to the next. It builds
// nothing. Findings have the ids of those that the built image gives, so that
// the two can be shown together. What cannot be known, such as the value of a
// build argument without default, is not found fault with.
package dockerfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"mlbench/runner/image"
)

// ErrMalformed is what is wrong with a Dockerfile that cannot be read.
var ErrMalformed = errors.New("malformed Dockerfile")

// What is read at most. Dockerfiles written by people are far below; those that
// are not must cost neither time nor memory without bound.
const (
	maxBytes        = 1 << 20
	maxInstructions = 2000
	maxScript       = 64 << 10 // bytes of one RUN
	maxEvidence     = 20       // lines of one finding
)

// Check finds what could be better in the Dockerfile that r yields. Name is what
// errors call it. Context is the folder that it is built in, in which
// .dockerignore and files of requirements are looked up; nil where it is not
// known. Evidence is of the form "line 3: apt-get update".
func Check(r io.Reader, name string, context fs.FS) ([]image.Finding, error) {
	b, err := read(r, name)
	if err != nil {
		return nil, err
	}
	b.context, b.name = context, name
	var all []image.Finding
	for _, c := range checks {
		evidence := c.find(b)
		if len(evidence.lines) == 0 {
			continue
		}
		all = append(all, image.Finding{
			ID: c.id, Severity: cmp.Or(evidence.severity, c.severity), Title: c.title,
			Evidence: evidence.cut(), Remedy: cmp.Or(evidence.remedy, c.remedy),
		})
	}
	return all, nil
}

func read(r io.Reader, name string) (*build, error) {
	p, err := parse(r, name)
	if err != nil {
		return nil, err
	}
	return newBuild(strings.Split(string(p.source), "\n"), p.escape, p.stages, p.args), nil
}

// A parsed is a Dockerfile as BuildKit reads it.
type parsed struct {
	source []byte
	escape rune
	stages []instructions.Stage // at least one
	args   []instructions.ArgCommand
}

func parse(r io.Reader, name string) (parsed, error) {
	source, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return parsed{}, fmt.Errorf("read %s: %w", name, err)
	}
	malformed := func(err error) (parsed, error) {
		return parsed{}, fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
	}
	if len(source) > maxBytes {
		return malformed(fmt.Errorf("larger than %d bytes", maxBytes))
	}
	tree, err := parser.Parse(bytes.NewReader(source))
	if err != nil {
		return malformed(located(err))
	}
	if n := len(tree.AST.Children); n > maxInstructions {
		return malformed(fmt.Errorf("%d instructions, %d at most", n, maxInstructions))
	}
	stages, args, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return malformed(err)
	}
	if len(stages) == 0 {
		return malformed(errors.New("no FROM"))
	}
	return parsed{source, tree.EscapeToken, stages, args}, nil
}

// located says in which line the parser stopped, which its errors keep apart.
func located(err error) error {
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return fmt.Errorf("line %d: %w", at.Locations[0][0].Start.Line, err)
	}
	return err
}

// An evidence is what a check found.
type evidence struct {
	lines    []string
	severity image.Severity // "" is the check's own
	remedy   string         // "" is the check's own
}

func (e *evidence) add(line int, text string) { e.note(shown(line, text)) }

// shown is an instruction or a command as evidence has it.
func shown(line int, text string) string { return fmt.Sprintf("line %d: %s", line, tidy(text)) }

func (e *evidence) note(text string) {
	if !slices.Contains(e.lines, text) && len(e.lines) < 10*maxEvidence {
		e.lines = append(e.lines, text)
	}
}

func (e *evidence) cut() []string {
	if n := len(e.lines) - maxEvidence; n > 0 {
		return append(e.lines[:maxEvidence:maxEvidence], fmt.Sprintf("and %d more", n))
	}
	return e.lines
}
