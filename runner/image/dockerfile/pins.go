package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"mlbench/runner/image"
)

// unpinned bases and packages: those that have no version.
func unpinned(b *build) (e evidence) {
	for _, s := range b.used() {
		if base := s.base; s.parent == nil && base.name != "" && base.name != "scratch" && !base.digest && (base.tag == "" || base.tag == "latest") {
			e.add(s.line, s.text)
			e.severity = image.Medium
		}
		for _, at := range s.steps {
			for _, i := range at.installs() {
				b.unpinnedInstall(&e, i)
			}
		}
	}
	return e
}

func (b *build) unpinnedInstall(e *evidence, i install) {
	switch i.tool {
	case "pip", "uv":
		if i.opt("-c", "--constraint", "--require-hashes", "--no-index", "--no-deps") || i.has("sync") {
			return
		}
		for _, r := range b.requirements(i) {
			switch {
			case !floating(r.text):
			case r.file != "":
				e.note(fmt.Sprintf("%s line %d: %s", tidy(r.file), r.line, tidy(r.text)))
			default:
				e.add(i.line, i.text)
			}
		}
	case "conda":
		if slices.ContainsFunc(i.packages, func(p string) bool { return !strings.ContainsAny(p, "=$/<>") && p != "create" && p != "update" }) {
			e.add(i.line, i.text)
		}
	}
}

// unpinnedBytes are names that may stand for other bytes: tags that move on,
// packages without digests, the system's packages.
func unpinnedBytes(b *build) (e evidence) {
	for _, s := range b.used() {
		if s.parent == nil && s.base.name != "" && s.base.name != "scratch" && !s.base.digest {
			e.add(s.line, s.text)
		}
		for _, at := range s.steps {
			for _, i := range at.installs() {
				switch {
				case i.tool == "apt" && slices.ContainsFunc(i.packages, func(p string) bool { return !strings.ContainsAny(p, "=/$") }):
					e.add(i.line, i.text)
				case i.tool == "pip" && !i.opt("--require-hashes") && len(i.files) > 0 && !b.hashes(i):
					e.add(i.line, i.text)
				}
			}
		}
	}
	return e
}

// hashes reports whether an install's files name digests, or cannot be read.
func (b *build) hashes(i install) bool {
	return !slices.ContainsFunc(i.files, func(f string) bool {
		text := b.read(f)
		return text != "" && !strings.Contains(text, hashed)
	})
}

// unchecked are downloads that nothing holds against a digest.
func unchecked(b *build) (e evidence) {
	for _, s := range b.used() {
		for _, at := range s.steps {
			if c, ok := at.what.(*instructions.AddCommand); ok && c.Checksum == "" {
				if slices.ContainsFunc(c.SourcePaths, func(p string) bool {
					return (strings.HasPrefix(p, "https://") || strings.HasPrefix(p, "http://")) && !numbered.MatchString(p) && !strings.HasSuffix(p, ".git")
				}) {
					e.add(at.line, at.text)
				}
			}
			for _, c := range at.commands {
				if slices.Contains([]string{"curl", "wget"}, c.input) && (slices.Contains(shells, c.program()) || strings.HasPrefix(c.program(), "python")) && !pinnedInput(at, c) {
					e.add(c.line, at.around(c))
				}
			}
		}
	}
	return e
}

// pinnedInput reports whether the download before a pipe names a version.
func pinnedInput(at step, c command) bool {
	d := at.download(c)
	return d == nil || slices.ContainsFunc(d.words[1:], numbered.MatchString)
}

// download is the command whose output a command reads.
func (s step) download(c command) *command {
	var last *command
	for i := range s.commands {
		if s.commands[i].line == c.line && s.commands[i].text == c.text {
			break
		}
		if s.commands[i].program() == c.input {
			last = &s.commands[i]
		}
	}
	return last
}

func (s step) around(c command) string {
	if d := s.download(c); d != nil {
		return d.text + " | " + c.text
	}
	return c.text
}
