package dockerfile

import (
	"io"
	"strconv"
	"strings"

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
