package dockerfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"mlbench/runner/image"
)

// Files that are nothing but secrets. Others may be templates.
var secretFile = regexp.MustCompile(`(^|/)(id_rsa|id_dsa|id_ecdsa|id_ed25519|\.netrc|\.pypirc|\.aws|\.ssh|\.env|\.git-credentials|\.kube|kaggle\.json)(/|$)`)

// tells reports whether a text holds a secret, as the built image's check finds
// them in its history.
func tells(text string) bool { return image.Redacted(text) != text }

// secrets in variables, addresses and copied files. Those of stages that are not
// shipped stay in the builder's cache alone, and matter less.
func secrets(b *build) evidence {
	e := evidence{severity: image.Medium}
	shipped := b.shippedLines()
	for _, s := range b.stages {
		for _, at := range s.steps {
			if text := secret(at); text != "" {
				e.add(at.line, text)
				if shipped[at.line] {
					e.severity = image.High
				}
			}
		}
	}
	return e
}

func (b *build) shippedLines() map[int]bool {
	lines := map[int]bool{}
	for _, at := range b.shipped() {
		lines[at.line] = true
	}
	return lines
}

// secret is what of a step holds a secret, without it: "" where nothing does.
func secret(at step) string {
	switch c := at.what.(type) {
	case *instructions.ArgCommand:
		for _, kv := range c.Args {
			if image.SecretName(kv.Key) {
				return "ARG " + kv.Key
			}
		}
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			if image.IsSecret(kv.Key, kv.Value) || tells(kv.Value) {
				return "ENV " + kv.Key + "=…"
			}
		}
	case *instructions.CopyCommand:
		if c.From == "" && slices.ContainsFunc(c.SourcePaths, secretFile.MatchString) {
			return at.text
		}
	case *instructions.AddCommand:
		if slices.ContainsFunc(c.SourcePaths, func(s string) bool { return secretFile.MatchString(s) || tells(s) }) {
			return at.text
		}
	case *instructions.RunCommand:
		for _, r := range at.commands {
			if tells(strings.Join(r.words, " ")) {
				return r.text
			}
		}
	}
	return ""
}

// root is what a service runs as unless the last USER says otherwise. A base
// that is not known to be root's may have a USER of its own: less is said of it.
func root(b *build) (e evidence) {
	var last *step
	steps := b.shipped()
	for i := range steps {
		if _, ok := steps[i].what.(*instructions.UserCommand); ok {
			last = &steps[i]
		}
	}
	from := b.final().root()
	switch {
	case last != nil:
		user, known := last.scope.expand(last.what.(*instructions.UserCommand).User)
		user, _, _ = strings.Cut(user, ":")
		if known && (user == "root" || user == "0" || user == "") {
			e.add(last.line, last.text)
		}
	case from.base.plain():
		e.add(from.line, from.text+" and no USER")
	}
	return e
}

func noHealthcheck(b *build) (e evidence) {
	for _, at := range b.shipped() {
		if _, ok := at.what.(*instructions.HealthCheckCommand); ok {
			return e
		}
	}
	if from := b.final(); from.base.plain() {
		e.add(from.line, from.text+" and no HEALTHCHECK")
	}
	return e
}

func fullOS(b *build) (e evidence) {
	from := b.final().root()
	if yes, heavy := from.base.full(); yes {
		e.add(from.line, from.text)
		if !heavy {
			e.severity = image.Low
		}
	}
	return e
}
