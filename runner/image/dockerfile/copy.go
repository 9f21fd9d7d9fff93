package dockerfile

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"mlbench/runner/image"
)

// copies are the paths that a step copies from the context, and where to.
func (s step) copies() (from []string, to string) {
	switch c := s.what.(type) {
	case *instructions.CopyCommand:
		if c.From == "" {
			return c.SourcePaths, c.DestPath
		}
	case *instructions.AddCommand:
		return c.SourcePaths, c.DestPath
	}
	return nil, ""
}

// copiesAll reports whether a step copies the whole context.
func (s step) copiesAll() bool {
	from, _ := s.copies()
	return slices.ContainsFunc(from, func(p string) bool { return slices.Contains([]string{".", "./", "/", "*", "./*"}, p) })
}

// junk are names in a context that no service needs.
var junk = []string{".git", ".venv", "venv", "env", "node_modules", "__pycache__", ".env", "tests", "test", "notebooks", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".tox", ".idea", ".vscode", "wandb", "mlruns"}

// contextJunk is what a COPY of all brings along for lack of a .dockerignore, or
// past it.
func contextJunk(b *build) (e evidence) {
	if b.context == nil {
		return e
	}
	ignored, found := b.ignored()
	var clutter []string
	for _, name := range junk {
		if _, err := fs.Lstat(b.context, name); err == nil && !ignored(name) {
			clutter = append(clutter, name)
		}
	}
	if found && len(clutter) == 0 {
		return e
	}
	for _, at := range b.shipped() {
		if !at.copiesAll() {
			continue
		}
		e.add(at.line, at.text)
	}
	if len(e.lines) == 0 {
		return e
	}
	if !found {
		e.note("no .dockerignore")
	}
	for _, name := range clutter {
		e.note("in the context: " + name)
	}
	if len(clutter) == 0 {
		e.severity = image.Note
	}
	return e
}

// maxIgnore is how much of a .dockerignore is read.
const maxIgnore = 64 << 10

// ignored says which names .dockerignore leaves out, and whether there is one:
// BuildKit prefers that of the Dockerfile's own name.
func (b *build) ignored() (ignored func(name string) bool, found bool) {
	none := func(string) bool { return false }
	for _, name := range []string{path.Base(b.name) + ".dockerignore", ".dockerignore"} {
		if info, err := fs.Stat(b.context, name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := b.context.Open(name)
		if err != nil {
			return none, true
		}
		patterns, err := ignorefile.ReadAll(io.LimitReader(f, maxIgnore))
		f.Close()
		if err != nil {
			return none, true
		}
		m, err := patternmatcher.New(patterns)
		if err != nil {
			return none, true
		}
		return func(name string) bool {
			// tests/** leaves out all that is in the folder.
			out, err := m.MatchesOrParentMatches(name)
			in, errIn := m.MatchesOrParentMatches(name + "/x")
			return err == nil && out || errIn == nil && in
		}, true
	}
	return none, false
}

// cacheOrder is an install after a COPY of everything: whatever is edited, all
// of it is installed again. An install before, or one whose downloads a mount
// keeps, does the work; what follows is the application's own.
func cacheOrder(b *build) (e evidence) {
	for _, s := range b.used() {
		var copied *step
		before := s.parent != nil
		for n := range s.steps {
			at := &s.steps[n]
			if at.copiesAll() && copied == nil {
				copied = at
			}
			for _, i := range at.installs() {
				kept := slices.ContainsFunc(at.mounts, func(m *instructions.Mount) bool { return m.Type == instructions.MountTypeCache })
				switch {
				case copied == nil:
					before = before || !i.system() && !ownTools(i)
				case kept, ownTools(i), !i.system() && before && len(i.files) == 0, i.opt("--no-deps"):
				default:
					e.add(copied.line, copied.text)
					e.add(i.line, i.text)
				}
			}
		}
	}
	return e
}

// ownTools reports whether an install brings nothing but installers.
func ownTools(i install) bool {
	return i.python() && len(i.files) == 0 && len(i.packages) > 0 && !slices.ContainsFunc(i.packages, func(p string) bool { return !isInstaller(p) })
}

// rewrittenFiles are those whose owner or mode a RUN changes after an earlier
// step has shipped them: the layer holds each of them again.
func rewrittenFiles(b *build) (e evidence) {
	var shipped []string
	for _, at := range b.shipped() {
		for _, c := range at.commands {
			if !slices.Contains([]string{"chown", "chmod", "chgrp"}, c.program()) || !recursive(c) {
				continue
			}
			if slices.ContainsFunc(targets(c), func(w string) bool {
				target := join(at.workdir, strings.TrimSuffix(strings.TrimRight(w, "*"), "/"))
				return target != "" && slices.ContainsFunc(shipped, func(p string) bool { return covers(target, p) })
			}) {
				e.add(c.line, c.text)
			}
		}
		switch c := at.what.(type) {
		case *instructions.CopyCommand:
			shipped = append(shipped, join(at.workdir, at.scope.expandPath(c.DestPath)))
		case *instructions.AddCommand:
			shipped = append(shipped, join(at.workdir, at.scope.expandPath(c.DestPath)))
		}
	}
	return e
}

// targets are the files that chown and the like are to change: what comes after
// the options and the owner or mode.
func targets(c command) []string {
	plain := slices.DeleteFunc(slices.Clone(c.words[1:]), func(w string) bool { return strings.HasPrefix(w, "-") })
	if len(plain) < 2 {
		return nil
	}
	return plain[1:]
}

func recursive(c command) bool {
	return slices.ContainsFunc(c.words[1:], func(w string) bool {
		return w == "--recursive" || strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.Contains(w, "R")
	})
}
