package repro

import (
	"io"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"mlbench/runner"
)

// A Base is an image that a build begins with or copies from. One that is not
// pinned by its digest may be another one tomorrow.
type Base struct {
	Ref    string `json:"ref"`
	Pinned bool   `json:"pinned"`
	Syntax bool   `json:"syntax,omitempty"` // it is what reads the Dockerfile
}

// maxDockerfile bounds what is read of a Dockerfile, in bytes.
const maxDockerfile = 4 << 20

// Bases are the images that a Dockerfile names, with the build's arguments put
// in, and the one by which its first line has it read, "" for none.
func Bases(b runner.Build) (bases []Base, syntax string, err error) {
	f, err := b.Context.Open(b.Dockerfile)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxDockerfile))
	if err != nil {
		return nil, "", err
	}
	return parseBases(content, b.Args)
}

func parseBases(content []byte, args map[string]string) (bases []Base, syntax string, err error) {
	syntax, _, _, _ = parser.DetectSyntax(content)
	parsed, err := parser.Parse(strings.NewReader(string(content)))
	if err != nil {
		return nil, syntax, err
	}
	stages, before, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, syntax, err
	}
	lex := shell.NewLex(parsed.EscapeToken)
	var env []string
	expanded := func(word string) string {
		if s, _, err := lex.ProcessWord(word, shell.EnvsFromSlice(env)); err == nil {
			return s
		}
		return word
	}
	for _, arg := range before {
		for _, a := range arg.Args {
			value, given := args[a.Key]
			if !given && a.Value != nil {
				value = expanded(*a.Value)
			}
			env = append(env, a.Key+"="+value)
		}
	}
	seen := make(map[string]bool)
	add := func(ref string) {
		if ref != "scratch" && ref != "" && !seen[strings.ToLower(ref)] {
			seen[strings.ToLower(ref)] = true
			bases = append(bases, Base{Ref: ref, Pinned: pinned(ref)})
		}
	}
	for i, stage := range stages {
		add(expanded(stage.BaseName))
		for _, command := range stage.Commands {
			if c, ok := command.(*instructions.CopyCommand); ok {
				if _, err := strconv.Atoi(c.From); err != nil {
					add(c.From)
				}
			}
		}
		seen[strings.ToLower(stage.Name)] = true // what is based on this stage is no image
		seen[strconv.Itoa(i)] = true
	}
	return bases, syntax, nil
}

// pinned reports whether a reference names one image for ever.
func pinned(ref string) bool { return strings.Contains(ref, "@sha256:") }
