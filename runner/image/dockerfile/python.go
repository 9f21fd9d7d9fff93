package dockerfile

import (
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// installCaches that installs leave in their layer.
func installCaches(b *build) (e evidence) {
	for _, at := range b.shipped() {
		for _, i := range at.installs() {
			if b.leavesCache(at, i) {
				e.add(i.line, i.text)
			}
		}
	}
	return e
}

// leavesCache says it of pip, Poetry and conda. uv's cache is hard links to what
// it installs (its documentation, "Cache"), so that it costs nothing unless
// copies were asked for.
func (b *build) leavesCache(at step, i install) bool {
	set := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			v, ok := i.env[n]
			if !ok {
				v, ok = at.scope.Get(n)
			}
			return ok && !slices.Contains([]string{"", "0", "false", "no", "off"}, strings.ToLower(v))
		})
	}
	gone := func(folders ...string) bool {
		return slices.ContainsFunc(folders, func(f string) bool {
			return at.mounted("/root"+f) || at.mounted("~"+f) || at.deletes("/root"+f) || at.deletes("~"+f) || at.deletes("${HOME}"+f)
		})
	}
	switch i.tool {
	case "pip":
		return !ownTools(i) && !i.opt("--no-cache-dir") && !set("PIP_NO_CACHE_DIR") && !at.calls("pip", "purge") && !at.calls("pip3", "purge") &&
			!gone("/.cache/pip") && !at.mountedVar("PIP_CACHE_DIR", i) && !i.opt("--cache-dir") && !i.has("--help", "--dry-run")
	case "uv":
		copies := slices.Contains(i.options["--link-mode"], "copy") || i.env["UV_LINK_MODE"] == "copy" || at.scope.env["UV_LINK_MODE"] == "copy"
		return copies && !i.opt("--no-cache", "-n", "--no-cache-dir", "--cache-dir") && !set("UV_NO_CACHE") && !gone("/.cache/uv") &&
			!at.mountedVar("UV_CACHE_DIR", i) && !at.calls("uv", "clean")
	case "poetry":
		return !i.opt("--no-cache") && !set("POETRY_NO_CACHE") && !gone("/.cache/pypoetry") && !at.mountedVar("POETRY_CACHE_DIR", i) && !at.calls("poetry", "cache") &&
			i.env["POETRY_CACHE_DIR"] == "" && at.scope.env["POETRY_CACHE_DIR"] == ""
	case "conda":
		for _, program := range []string{"conda", "mamba", "micromamba"} {
			if at.calls(program, "clean") {
				return false
			}
		}
		return !slices.ContainsFunc(at.mounts, func(m *instructions.Mount) bool { return strings.HasSuffix(strings.TrimRight(m.Target, "/"), "pkgs") }) &&
			!at.deletesAny("pkgs")
	}
	return false
}

// mountedVar reports whether the folder that a variable names is on a mount or
// removed.
func (s step) mountedVar(name string, i install) bool {
	folder, ok := i.env[name]
	if !ok {
		folder, ok = s.scope.Get(name)
	}
	folder = strings.TrimRight(folder, "/")
	return ok && (s.mounted(folder) || s.deletes(folder))
}

// deletesAny reports whether a step removes a folder of that name.
func (s step) deletesAny(name string) bool {
	return slices.ContainsFunc(s.commands, func(c command) bool {
		return c.program() == "rm" && slices.ContainsFunc(c.words[1:], func(w string) bool {
			return path.Base(strings.TrimRight(w, "/*")) == name
		})
	})
}

// isInstaller reports whether a package only installs others.
func isInstaller(requirement string) bool {
	return slices.Contains([]string{"pip", "setuptools", "wheel", "uv", "poetry", "pipenv", "pip-tools", "virtualenv", "build", "pdm"}, bare(requirement))
}

// maxRequirements is how much of a file of requirements is read.
const maxRequirements = 256 << 10

// A requirement is a line of what pip is to install.
type requirement struct {
	text string
	file string // "" where the Dockerfile names it
	line int
}

// requirements of an install: those in its command and, where the context is
// known, in its files.
func (b *build) requirements(i install) (all []requirement) {
	for _, p := range i.packages {
		all = append(all, requirement{text: p, line: i.line})
	}
	for _, f := range i.files {
		for n, l := range strings.Split(b.read(f), "\n") {
			l, _, _ = strings.Cut(l, " #")
			l = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(l), `\`))
			if l != "" && l[0] != '#' && l[0] != '-' {
				all = append(all, requirement{l, f, n + 1})
			}
		}
	}
	return all
}

// read is a text file of the context that a build names by a path of the image:
// where a COPY brings a file of that name, else as if the context were copied.
func (b *build) read(name string) string {
	if b.context == nil || path.Ext(name) != ".txt" {
		return ""
	}
	candidates := []string{path.Clean(strings.TrimLeft(name, "/"))}
	for _, s := range b.stages {
		for _, at := range s.steps {
			if c, ok := at.what.(*instructions.CopyCommand); ok && c.From == "" {
				for _, from := range c.SourcePaths {
					if path.Base(from) == path.Base(name) {
						candidates = append(candidates, path.Clean(strings.TrimLeft(from, "/")))
					}
				}
			}
		}
	}
	for _, c := range append(candidates, path.Base(name)) {
		if info, err := fs.Stat(b.context, c); err != nil || !info.Mode().IsRegular() { // a pipe would be waited for
			continue
		}
		f, err := b.context.Open(c)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, maxRequirements))
		f.Close()
		if err == nil {
			return string(text)
		}
	}
	return ""
}

var (
	commit   = regexp.MustCompile(`@[0-9a-f]{7,64}(#|$)`)
	exact    = regexp.MustCompile(`===?\s*[^\s*]|@\s`)
	hashed   = "--hash="
	numbered = regexp.MustCompile(`\d+\.\d+|[0-9a-f]{40}`)
)

// floating reports whether another day's install may bring another version.
func floating(r string) bool {
	r, _, _ = strings.Cut(r, ";")
	switch {
	case strings.Contains(r, "git+"):
		return !commit.MatchString(r)
	case isPath(r), strings.HasPrefix(r, "$"), isInstaller(r):
		return false // not known, or at hand
	}
	return !exact.MatchString(r)
}
