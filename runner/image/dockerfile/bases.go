package dockerfile

import (
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// A Base is an image that a build begins with, or copies from. One that is not
// pinned by its digest may be another one tomorrow.
type Base struct {
	Ref    string `json:"ref"`
	Pinned bool   `json:"pinned"`
	Syntax bool   `json:"syntax,omitempty"` // it is what reads the Dockerfile
}

// Bases are the images that the Dockerfile that r yields names, with these
// build arguments put in. Name is what errors call it.
func Bases(r io.Reader, name string, args map[string]string) ([]Base, error) {
	p, err := parse(r, name)
	if err != nil {
		return nil, err
	}
	var bases []Base
	seen := map[string]bool{"": true, "scratch": true}
	add := func(ref string, syntax bool) {
		if key := strings.ToLower(ref); !seen[key] {
			seen[key] = true
			bases = append(bases, Base{Ref: ref, Syntax: syntax, Pinned: strings.Contains(ref, "@sha256:")})
		}
	}
	if syntax, _, _, ok := parser.DetectSyntax(p.source); ok {
		add(syntax, true)
	}
	global := p.global(args)
	for i, stage := range p.stages {
		from, _ := global.expand(stage.BaseName)
		add(from, false)
		for _, command := range stage.Commands {
			if c, ok := command.(*instructions.CopyCommand); ok {
				add(c.From, false)
			}
		}
		// What is based on this stage from here on, or copied from it, is no image.
		seen[strings.ToLower(stage.Name)], seen[strconv.Itoa(i)] = true, true
	}
	return bases, nil
}

// global is what the Dockerfile's own arguments are, before the first FROM, where
// these are given.
func (p parsed) global(args map[string]string) scope {
	global := newScope(p.escape)
	for _, a := range p.args {
		for _, kv := range a.Args {
			if value, given := args[kv.Key]; given {
				global.args[kv.Key] = value
			} else {
				global.setArg(kv, scope{})
			}
		}
	}
	return global
}

var oneVariable = regexp.MustCompile(`^\$(?:(\w+)|\{(\w+)(?::?[-+][^}]*)?\})$`)

// Argument finds the base that a builder calls from, as it is written or in full,
// and the build argument that it is taken from. It is false where no argument
// stands for the whole of it.
func Argument(r io.Reader, name string, args map[string]string, from string) (ref, arg string, ok bool) {
	p, err := parse(r, name)
	if err != nil {
		return "", "", false
	}
	global := p.global(args)
	declared := make(map[string]bool) // no other can be given
	for _, a := range p.args {
		for _, kv := range a.Args {
			declared[kv.Key] = true
		}
	}
	for _, stage := range p.stages {
		ref, _ := global.expand(stage.BaseName)
		m := oneVariable.FindStringSubmatch(stage.BaseName)
		if m != nil && declared[m[1]+m[2]] && (stage.BaseName == from || inFull(ref) == inFull(from)) {
			return ref, m[1] + m[2], true
		}
	}
	return "", "", false
}

// inFull is an image's name with registry and tag.
func inFull(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.TagNameOnly(named).String()
}
