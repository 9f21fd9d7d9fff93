package dockerfile

import (
	"maps"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Values may name others, so that each could be twice as long as the one before.
const (
	maxValue     = 1 << 10
	maxVariables = 256
)

// A scope is the variables that are set at a place, as far as they are known:
// those of ENV, which the image keeps, and those of ARG, which its stage has.
type scope struct {
	env, args map[string]string
	lex       *shell.Lex
}

func newScope(escape rune) scope {
	return scope{env: map[string]string{}, args: map[string]string{}, lex: shell.NewLex(escape)}
}

// Get and Keys make a scope what the expansion of words asks.
func (s scope) Get(name string) (string, bool) {
	if v, ok := s.env[name]; ok {
		return v, true
	}
	v, ok := s.args[name]
	return v, ok
}

func (s scope) Keys() []string { return nil }

// copy is a scope whose changes do not show in those of earlier steps.
func (s scope) copy() scope {
	s.env, s.args = maps.Clone(s.env), maps.Clone(s.args)
	return s
}

// child is what a stage that is built upon another begins with.
func (s scope) child() scope {
	s.env, s.args = maps.Clone(s.env), map[string]string{}
	return s
}

func (s *scope) setEnv(name, value string) {
	if value, ok := s.expand(value); ok && len(s.env) < maxVariables {
		s.env[name] = value
	} else {
		delete(s.env, name)
		delete(s.args, name)
	}
}

// setArg sets a build argument to its default. One without takes that of the
// same name before the first FROM, which is in global.
func (s *scope) setArg(kv instructions.KeyValuePairOptional, global scope) {
	if len(s.args) >= maxVariables {
		return
	}
	if kv.Value == nil {
		if v, ok := global.args[kv.Key]; ok {
			s.args[kv.Key] = v
		}
		return
	}
	if value, ok := s.expand(*kv.Value); ok {
		s.args[kv.Key] = value
	}
}

// expand puts values in for variables. It is false where one is not known, or
// where the result is too long.
func (s scope) expand(word string) (string, bool) {
	if len(word) > maxValue {
		return word, false
	}
	result, err := s.lex.ProcessWordWithMatches(word, s)
	if err != nil || len(result.Unmatched) > 0 || len(result.Result) > maxValue {
		return word, false
	}
	return result.Result, true
}

// expandPath is "" where the path is not known.
func (s scope) expandPath(p string) string {
	p, ok := s.expand(p)
	if !ok {
		return ""
	}
	return p
}
