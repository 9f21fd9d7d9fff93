package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v4"
)

// tags are the types of YAML that a form is written in.
var tags = map[form][]string{
	text:   {"!!str", "!!int", "!!float", "!!timestamp"},
	whole:  {"!!int"},
	number: {"!!int", "!!float"},
	truth:  {"!!bool"},
}

// setting reads the value of a key.
func (r *reader) setting(k key, at, value *yaml.Node, to *[]Setting) error {
	s := Setting{Key: k.name, Line: at.Line}
	var err error
	switch k.form {
	case list:
		s.Values, err = r.items(k, at, value)
	case vars:
		s.Values, err = r.environment(k, at, value)
	default:
		s.Values = make([]string, 1)
		s.Values[0], err = r.scalar(k, at, value)
	}
	*to = append(*to, s)
	return err
}

// scalar reads one value, as it is written.
func (r *reader) scalar(k key, at, value *yaml.Node) (string, error) {
	n, err := r.resolve(value)
	if err != nil {
		return "", err
	}
	form := k.form
	if form == list {
		form = text
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return "", fmt.Errorf("line %d: %s has no value: write one, or leave the line out", at.Line, k.name)
	case n.Kind != yaml.ScalarNode || !slices.Contains(tags[form], n.Tag):
		return "", fmt.Errorf("line %d: %s has to be %s, and is %s", at.Line, k.name, form, found(n))
	case len(k.only) > 0 && !slices.Contains(k.only, n.Value):
		return "", fmt.Errorf("line %d: %s: there is no %q%s", at.Line, k.name, short(n.Value), Nearest(n.Value, k.only))
	case strings.ContainsRune(n.Value, 0):
		return "", fmt.Errorf("line %d: %s holds a zero byte", at.Line, k.name)
	case form == truth:
		return strings.ToLower(n.Value), nil // True and TRUE are YAML too
	}
	return n.Value, nil
}

func (r *reader) items(k key, at, value *yaml.Node) ([]string, error) {
	n, err := r.resolve(value)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: %s has to be a list, one item a line, each begun with \"- \", and is %s", at.Line, k.name, found(n))
	}
	values := make([]string, len(n.Content))
	for i, item := range n.Content {
		if values[i], err = r.scalar(k, item, item); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// environment reads names with values. Unlike elsewhere true is "true" here,
// and a number as it is written: all are text to the program.
func (r *reader) environment(k key, at, value *yaml.Node) ([]string, error) {
	n, err := r.resolve(value)
	if err != nil {
		return nil, err
	}
	if n.Kind == yaml.SequenceNode {
		k.form = text
		values, err := r.items(k, at, n)
		for i, v := range values {
			if strings.HasPrefix(v, "=") || v == "" {
				return nil, fmt.Errorf("line %d: %s: %q has no name: e.g. MODEL=small", n.Content[i].Line, k.name, short(v))
			}
		}
		return values, err
	}
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: %s has to be %s, and is %s", at.Line, k.name, k.form, found(n))
	}
	values := []string{}
	err = r.pairs(n, k.name, func(name string, at, value *yaml.Node) error {
		v, err := r.resolve(value)
		switch {
		case err != nil:
			return err
		case name == "" || strings.ContainsAny(name, "=\x00"):
			return fmt.Errorf("line %d: %s: %q is no name of a variable", at.Line, k.name, short(name))
		case v.Kind != yaml.ScalarNode:
			return fmt.Errorf("line %d: %s: %q has to be one value, and is %s", at.Line, k.name, short(name), found(v))
		case v.Tag == "!!null":
			values = append(values, name)
			return nil
		case strings.ContainsRune(v.Value, 0):
			return fmt.Errorf("line %d: %s: %q holds a zero byte", at.Line, k.name, short(name))
		}
		values = append(values, name+"="+v.Value)
		return nil
	})
	return values, err
}

// found says what is there instead of what has to be.
func found(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "keys with values"
	case n.Kind != yaml.ScalarNode:
		return "an alias"
	case n.Tag == "!!null":
		return "empty"
	case n.Tag == "!!str":
		return fmt.Sprintf("the text %q", short(n.Value))
	case strings.HasPrefix(n.Tag, "!!"):
		return short(n.Value)
	}
	return fmt.Sprintf("%q, tagged %s", short(n.Value), short(n.Tag))
}

// short keeps a value that is named in an error to a line.
func short(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// Nearest is a hint at the known word that is most like one that is not known:
// ": did you mean port?", or else the known ones.
func Nearest(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	like := func(s string) int { return levenshtein.Distance(strings.ToLower(word), strings.ToLower(s), nil) }
	if len(word) < 100 {
		best := slices.MinFunc(known, func(a, b string) int { return like(a) - like(b) })
		if like(best) <= max(2, len(best)/2) {
			return fmt.Sprintf(": did you mean %s?", best)
		}
	}
	return ": known are " + strings.Join(known, ", ")
}
