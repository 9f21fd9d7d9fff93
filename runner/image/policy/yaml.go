package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v4"
)

// maxNodes are looked at in one policy. Aliases could make them any number.
const maxNodes = 100_000

// A field reads the value of a key.
type field func(*yaml.Node) error

// A reader reads YAML strictly, and says in which line it met what it does not
// know.
type reader struct{ nodes int }

// resolve follows an alias.
func (r *reader) resolve(n *yaml.Node) (*yaml.Node, error) {
	if r.nodes++; r.nodes > maxNodes {
		return nil, fmt.Errorf("line %d: more than %d values", n.Line, maxNodes)
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias, nil
	}
	return n, nil
}

// pairs reads a mapping whose keys are for of to know.
func (r *reader) pairs(of func(key string) field) field {
	return func(n *yaml.Node) error {
		n, err := r.resolve(n)
		if err != nil {
			return err
		}
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
			return nil
		}
		if n.Kind != yaml.MappingNode {
			return fmt.Errorf("line %d: it has to be keys with values", n.Line)
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: a key has to be a word", key.Line)
			}
			if seen[key.Value] {
				return fmt.Errorf("line %d: %s is there twice", key.Line, key.Value)
			}
			seen[key.Value] = true
			value := of(key.Value)
			if value == nil {
				return fmt.Errorf("line %d: key %q is not known", key.Line, key.Value)
			}
			if err := value(n.Content[i+1]); err != nil {
				return located(err, key)
			}
		}
		return nil
	}
}

// fields reads a mapping of these keys and no others.
func (r *reader) fields(n *yaml.Node, known map[string]field) error {
	if n.Kind == yaml.SequenceNode || n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return fmt.Errorf("line %d: it has to be keys with values; the keys are %s", n.Line, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	unknown := func(key string) error {
		return fmt.Errorf("key %q is not known%s", key, nearest(key, slices.Sorted(maps.Keys(known))))
	}
	return r.pairs(func(key string) field {
		if f, ok := known[key]; ok {
			return f
		}
		return func(*yaml.Node) error { return unknown(key) }
	})(n)
}

func (r *reader) mapping(known map[string]field) field {
	return func(n *yaml.Node) error { return r.fields(n, known) }
}

func (r *reader) list(item field) field {
	return func(n *yaml.Node) error {
		n, err := r.resolve(n)
		if err != nil {
			return err
		}
		if n.Kind != yaml.SequenceNode {
			return fmt.Errorf("line %d: it has to be a list: one item a line, each begun with \"- \"", n.Line)
		}
		for _, c := range n.Content {
			c, err := r.resolve(c)
			if err != nil {
				return err
			}
			if err := item(c); err != nil {
				return located(err, c)
			}
		}
		return nil
	}
}

func (r *reader) text(set func(string) error) field {
	return func(n *yaml.Node) error {
		n, err := r.resolve(n)
		if err != nil {
			return err
		}
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return fmt.Errorf("line %d: it has to be one value", n.Line)
		}
		return located(set(n.Value), n)
	}
}

// A locatedError says its line already.
type locatedError struct{ error }

func (e locatedError) Unwrap() error { return e.error }

func located(err error, n *yaml.Node) error {
	var already locatedError
	if err == nil || errors.As(err, &already) || strings.HasPrefix(err.Error(), "line ") {
		return err
	}
	return locatedError{fmt.Errorf("line %d: %w", n.Line, err)}
}

// nearest is a hint at the known word that is most like one that is not.
func nearest(word string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int {
		return levenshtein.Distance(word, a, nil) - levenshtein.Distance(word, b, nil)
	})
	if len(word) < 100 && levenshtein.Distance(word, best, nil) <= max(2, len(best)/2) {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ": known are " + strings.Join(known, ", ")
}
