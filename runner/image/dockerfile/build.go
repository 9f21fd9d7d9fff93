package dockerfile

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// A build is what a Dockerfile says, variables put in where they are known.
type build struct {
	name    string
	context fs.FS
	source  []string // its lines
	escape  rune
	stages  []*stage
}

// A stage is what is between two FROMs.
type stage struct {
	name   string
	line   int
	text   string
	parent *stage // the stage that it is built upon; nil where that is an image
	base   base   // the image at the bottom of it and its parents
	steps  []step
	scope  scope // what is set at its end
}

// A step is one instruction.
type step struct {
	line    int
	text    string
	what    instructions.Command
	scope   scope
	workdir string // absolute, as far as it is known; "" where it is not

	commands []command             // of RUN
	mounts   []*instructions.Mount // of RUN
}

func newBuild(source []string, escape rune, stages []instructions.Stage, args []instructions.ArgCommand) *build {
	b := &build{source: source, escape: escape}
	global := newScope(escape)
	for _, a := range args {
		for _, kv := range a.Args {
			global.setArg(kv, scope{})
		}
	}
	for _, from := range stages {
		b.add(from, global)
	}
	return b
}

func (b *build) add(from instructions.Stage, global scope) {
	s := &stage{name: from.Name, text: strings.TrimSpace(from.SourceCode), line: first(from.Location), scope: newScope(b.escape)}
	name, known := global.expand(from.BaseName)
	workdir := "/"
	if s.parent = b.stage(name); s.parent != nil {
		s.base = s.parent.base
		s.scope = s.parent.scope.child()
		if n := len(s.parent.steps); n > 0 {
			workdir = s.parent.steps[n-1].workdir
		}
	} else if known {
		s.base = parseBase(name)
	}
	b.stages = append(b.stages, s)

	shell := true // RUN's text is for a POSIX shell
	for _, c := range from.Commands {
		at := step{line: first(c.Location()), what: c, workdir: workdir}
		at.text = b.line(at.line)
		switch c := c.(type) {
		case *instructions.ArgCommand:
			s.scope = s.scope.copy()
			for _, kv := range c.Args {
				s.scope.setArg(kv, global)
			}
		case *instructions.EnvCommand:
			s.scope = s.scope.copy()
			for _, kv := range c.Env {
				s.scope.setEnv(kv.Key, kv.Value)
			}
		case *instructions.WorkdirCommand:
			workdir = join(workdir, s.scope.expandPath(c.Path))
			at.workdir = workdir
		case *instructions.ShellCommand:
			shell = slices.ContainsFunc(c.Shell, func(w string) bool { return slices.Contains(shells, path.Base(w)) }) // conda run … bash -c, too
		case *instructions.RunCommand:
			// A mount that cannot be understood mounts nothing that counts.
			_ = c.Expand(func(word string) (string, error) {
				word, _ = s.scope.expand(word)
				return word, nil
			})
			at.mounts = instructions.GetMounts(c)
			at.commands = b.commands(c, shell, s.scope)
		}
		at.scope = s.scope
		s.steps = append(s.steps, at)
	}
}

// stage finds one that is before the present end by its name or number.
func (b *build) stage(name string) *stage {
	for i := len(b.stages) - 1; i >= 0; i-- {
		if s := b.stages[i]; s.name != "" && strings.EqualFold(s.name, name) {
			return s
		}
	}
	return nil
}

// source of a COPY --from or a mount: a stage, or nil where it is an image.
func (b *build) from(name string) *stage {
	if s := b.stage(name); s != nil {
		return s
	}
	if i, err := strconv.Atoi(name); err == nil && 0 <= i && i < len(b.stages) {
		return b.stages[i]
	}
	return nil
}

// final is the stage that is shipped.
func (b *build) final() *stage { return b.stages[len(b.stages)-1] }

// root is the stage at the bottom: that whose FROM names an image.
func (s *stage) root() *stage {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// all steps of a stage and of those that it is built upon, in order.
func (s *stage) all() []step {
	var chain []*stage
	for ; s != nil; s = s.parent {
		chain = append(chain, s)
	}
	var steps []step
	for _, s := range slices.Backward(chain) {
		steps = append(steps, s.steps...)
	}
	return steps
}

// shipped are the steps whose layers are in the image.
func (b *build) shipped() []step { return b.final().all() }

// used are the stages that the last one needs, itself included: builders leave
// the others out.
func (b *build) used() []*stage {
	var used []*stage
	var visit func(s *stage)
	visit = func(s *stage) {
		if s == nil || slices.Contains(used, s) {
			return
		}
		used = append(used, s)
		visit(s.parent)
		for _, at := range s.steps {
			if c, ok := at.what.(*instructions.CopyCommand); ok && c.From != "" {
				visit(b.from(c.From))
			}
			for _, m := range at.mounts {
				if m.From != "" {
					visit(b.from(m.From))
				}
			}
		}
	}
	visit(b.final())
	slices.SortFunc(used, func(x, y *stage) int { return x.line - y.line })
	return used
}

func (b *build) line(n int) string {
	if n < 1 || n > len(b.source) {
		return ""
	}
	return strings.TrimSpace(b.source[n-1])
}

func first(where []parser.Range) int {
	if len(where) == 0 {
		return 0
	}
	return where[0].Start.Line
}

// join puts a path on a folder; "" is a path that is not known.
func join(folder, p string) string {
	switch {
	case p == "" || strings.Contains(p, "$"):
		return ""
	case path.IsAbs(p):
		return path.Clean(p)
	case folder == "":
		return ""
	}
	return path.Join(folder, p)
}
