package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Expressions of GitHub Actions, as far as our workflows use them: paths into
// contexts, words, ==, !=, &&, ||, brackets and always(). What is not known is
// an error of the test.
type expressions struct {
	t      *testing.T
	failed bool
	values map[string]string // by path, e.g. "inputs.old"
}

var (
	inText = regexp.MustCompile(`\$\{\{(.*?)\}\}`)
	token  = regexp.MustCompile(`^\s*(\|\||&&|==|!=|\(|\)|'(?:[^']|'')*'|[A-Za-z_][\w.-]*(?:\(\))?)`)
)

// fill replaces what stands in ${{ }}.
func (e expressions) fill(s string) string {
	return inText.ReplaceAllStringFunc(s, func(m string) string { return e.eval(inText.FindStringSubmatch(m)[1]) })
}

// holds is what an if says; "" is success().
func (e expressions) holds(condition string) bool {
	if m := inText.FindStringSubmatch(condition); m != nil {
		condition = m[1]
	}
	if !strings.Contains(condition, "always()") && e.failed {
		return false
	}
	return condition == "" || truthy(e.eval(condition))
}

func truthy(s string) bool { return s != "" && s != "false" && s != "0" }

func (e expressions) eval(s string) string {
	e.t.Helper()
	var tokens []string
	for rest := s; strings.TrimSpace(rest) != ""; {
		m := token.FindStringSubmatch(rest)
		if m == nil {
			e.t.Fatalf("expression %q: not known from %q on", s, rest)
		}
		tokens, rest = append(tokens, m[1]), rest[len(m[0]):]
	}
	p := &parser{expressions: e, tokens: tokens}
	v := p.or()
	if len(p.tokens) > 0 {
		e.t.Fatalf("expression %q: left over %q", s, p.tokens)
	}
	return v
}

type parser struct {
	expressions
	tokens []string
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) is(t string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == t {
		p.next()
		return true
	}
	return false
}

func (p *parser) or() string {
	v := p.and()
	for p.is("||") {
		if w := p.and(); !truthy(v) {
			v = w
		}
	}
	return v
}

func (p *parser) and() string {
	v := p.compared()
	for p.is("&&") {
		if w := p.compared(); truthy(v) {
			v = w
		}
	}
	return v
}

func (p *parser) compared() string {
	v := p.one()
	switch {
	case p.is("=="):
		return fmt.Sprint(strings.EqualFold(v, p.one()))
	case p.is("!="):
		return fmt.Sprint(!strings.EqualFold(v, p.one()))
	}
	return v
}

func (p *parser) one() string {
	p.t.Helper()
	switch t := p.next(); {
	case t == "(":
		v := p.or()
		if !p.is(")") {
			p.t.Fatal("a bracket is not closed")
		}
		return v
	case t == "always()":
		return "true"
	case strings.HasPrefix(t, "'"):
		return strings.ReplaceAll(t[1:len(t)-1], "''", "'")
	default:
		v, known := p.values[t]
		context, _, _ := strings.Cut(t, ".")
		if !known && context != "vars" && context != "steps" { // which are empty where nobody set them
			p.t.Fatalf("a workflow asks for %q, which the test does not have", t)
		}
		return v
	}
}

func TestExpressions(t *testing.T) {
	e := expressions{t: t, values: map[string]string{"inputs.a": "x", "inputs.none": "", "github.event.run.id": "7"}}
	for s, want := range map[string]string{
		"inputs.a": "x", "inputs.a == 'x'": "true", "inputs.a != 'X'": "false", "inputs.none || inputs.a": "x", "vars.NONE || github.event.run.id": "7",
		"inputs.a == 'x' && (inputs.none == 'y' || inputs.a == 'x')": "true", "always() && inputs.a != 'x'": "false", "'it''s'": "it's",
	} {
		if got := e.eval(s); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	if got := e.fill("a ${{ inputs.a }}-${{ github.event.run.id }}"); got != "a x-7" {
		t.Error(got)
	}
	e.failed = true
	if e.holds("") || e.holds("inputs.a == 'x'") || !e.holds("always() && inputs.a == 'x'") {
		t.Error("after a failure")
	}
}
