package suite

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A Draft is a candidate of a suite file that is to be written.
type Draft struct {
	Kind   Kind
	Ref    string
	Name   string // "" for Ref
	Notes  []string
	Values []Value // its own
}

// A Value is that of a setting, and what says so; "" where the user did.
type Value struct {
	Setting
	From string
}

// Template is a suite file to begin from, with these candidates and values. Every
// other setting is there as a comment with an example. What all candidates have of
// their own is written once, for all.
func Template(drafts []Draft, values []Value) []byte {
	drafts, values = lifted(drafts, values)
	var b strings.Builder
	b.WriteString(`# What mlbench compare and mlbench run measure in this folder. Keys have the
# names of the flags, which win over what is said here.
# The first is the baseline. Each may have its own of the settings below that
# are marked with *: they win over those.
candidates:
`)
	for _, d := range drafts {
		fmt.Fprintf(&b, "  - %s: %s\n", d.Kind, quoted(d.Ref))
		if d.Name != "" && d.Name != d.Ref {
			fmt.Fprintf(&b, "    name: %s\n", quoted(d.Name))
		}
		for _, note := range d.Notes {
			fmt.Fprintf(&b, "    # %s\n", comment(note))
		}
		for _, v := range d.Values {
			fmt.Fprintf(&b, "    %s\n", v.line())
		}
	}
	b.WriteString(`  # - name: quantised
  #   image: myservice:new
  #   env: {MODEL: small}
  # - folder: ./service # with a Dockerfile, built first
`)
	for _, k := range keys {
		mark := ""
		if k.each {
			mark = "* "
		}
		fmt.Fprintf(&b, "\n# %s%s\n", mark, k.says)
		if i := slices.IndexFunc(values, func(v Value) bool { return v.Key == k.name }); i >= 0 {
			b.WriteString(values[i].line() + "\n")
		} else {
			fmt.Fprintf(&b, "#%s: %s\n", k.name, k.eg)
		}
	}
	return []byte(b.String())
}

// lifted makes a value that all candidates have, from the same source, the
// file's.
func lifted(drafts []Draft, values []Value) ([]Draft, []Value) {
	if len(drafts) == 0 {
		return drafts, values
	}
	has := func(d Draft, v Value) bool { return slices.ContainsFunc(d.Values, v.equal) }
	for _, v := range drafts[0].Values {
		if slices.ContainsFunc(drafts, func(d Draft) bool { return !has(d, v) }) {
			continue
		}
		values = append(slices.Clone(values), v)
		drafts = slices.Clone(drafts)
		for i := range drafts {
			drafts[i].Values = slices.DeleteFunc(slices.Clone(drafts[i].Values), v.equal)
		}
	}
	return drafts, values
}

func (v Value) equal(other Value) bool {
	return v.Key == other.Key && v.From == other.From && slices.Equal(v.Values, other.Values)
}

// line writes a value as the reader reads it.
func (v Value) line() string {
	k, _ := find(v.Key) // what is not known is told as text
	line := v.Key + ": "
	switch k.form {
	case list, vars:
		items := make([]string, len(v.Values))
		for i, item := range v.Values {
			items[i] = quoted(item)
		}
		line += "[" + strings.Join(items, ", ") + "]"
	case whole, number, truth:
		line += v.Values[0]
	default:
		line += quoted(v.Values[0])
	}
	if v.From != "" {
		line += "  # " + comment(v.From)
	}
	return line
}

// plainText is what YAML reads as text without quotation marks, or as a time or
// size that is meant as text: 1s, 5%, /healthz.
var plainText = regexp.MustCompile(`^(/[A-Za-z0-9/_.-]*|[0-9]+(\.[0-9]+)?(ms|s|m|h|%|[kMGT]i?B))$`)

func quoted(s string) string {
	if plainText.MatchString(s) {
		return s
	}
	b, _ := json.Marshal(s) // strings always can be; JSON's are YAML's too
	return string(b)
}

// comment is foreign text as it may stand behind a #: on one line, and with
// nothing that an editor would show as something else.
func comment(s string) string {
	const most = 200
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return s
}
