package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"mlbench/runner/image/policy"
)

// A reader reads YAML strictly. What it looks at is as deep as the keys are, so
// that neither nesting nor an anchor that holds itself leads it far.
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

// pairs reads a mapping, key by key. What is for the error.
func (r *reader) pairs(n *yaml.Node, what string, each func(name string, at, value *yaml.Node) error) error {
	n, err := r.resolve(n)
	if err != nil {
		return err
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s has to be keys with values, and is %s", n.Line, what, found(n))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, err := r.resolve(n.Content[i])
		if err != nil {
			return err
		}
		name := at.Value
		switch before := seen[name]; {
		case at.Kind != yaml.ScalarNode:
			return fmt.Errorf("line %d: a key has to be a word, and is %s", at.Line, found(at))
		case name == "<<":
			return fmt.Errorf("line %d: << is not known: what candidates share stands above them, and an alias stands for a whole value", at.Line)
		case before > 0:
			return fmt.Errorf("line %d: %q is there twice, first in line %d", at.Line, short(name), before)
		}
		seen[name] = at.Line
		if err := each(name, n.Content[i], n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) parse(b []byte) error {
	document, err := load(b)
	if err != nil {
		return err
	}
	r := &reader{}
	hasPolicy := false
	err = r.pairs(document.Content[0], "the file", func(name string, at, value *yaml.Node) error {
		switch name {
		case keyCandidates:
			return s.list(r, value)
		case keyPolicy: // read by those who know it
			hasPolicy = true
			return nil
		}
		k, ok := find(name)
		if !ok {
			return fmt.Errorf("line %d: key %q is not known%s", at.Line, short(name), Nearest(name, append(Keys(false), keyCandidates, keyPolicy)))
		}
		return r.setting(k, at, value, &s.Settings)
	})
	if err == nil && hasPolicy {
		_, err = policy.Read(bytes.NewReader(b), s.Path)
	}
	return err
}

// load parses a file of one document.
func load(b []byte) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var document, other yaml.Node
	err = loader.Load(&document)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) != 1:
		return nil, errors.New("it is empty: a file that lists candidates begins with the line \"candidates:\"")
	case err != nil:
		return nil, err
	}
	switch err := loader.Load(&other); {
	case err == nil:
		return nil, fmt.Errorf("line %d: a second document begins: write all into one", other.Line)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return &document, nil
}

// list reads the candidates.
func (s *Suite) list(r *reader, n *yaml.Node) error {
	n, err := r.resolve(n)
	if err != nil {
		return err
	}
	if n.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: candidates has to be a list, one a line, each begun with \"- \", and is %s", n.Line, found(n))
	}
	if len(n.Content) > maxCandidates {
		return fmt.Errorf("line %d: %d candidates: there are %d at most", n.Line, len(n.Content), maxCandidates)
	}
	lines := map[string]int{}
	for _, item := range n.Content {
		c, err := r.candidate(item)
		if err != nil {
			return err
		}
		if before := lines[c.Name]; before > 0 {
			return fmt.Errorf("line %d: a candidate named %q is there already, in line %d: give one another name", c.Line, short(c.Name), before)
		}
		lines[c.Name] = c.Line
		s.Candidates = append(s.Candidates, c)
	}
	return nil
}

// candidate reads one: an image reference or a folder alone, or keys.
func (r *reader) candidate(item *yaml.Node) (Candidate, error) {
	c := Candidate{Line: item.Line}
	n, err := r.resolve(item)
	if err != nil {
		return c, err
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && n.Value != "" {
		c.Name, c.Kind, c.Ref = n.Value, Image, n.Value
		if IsPath(n.Value) {
			c.Kind = Folder
		}
		return c, nil
	}
	if n.Kind == yaml.ScalarNode {
		return c, fmt.Errorf("line %d: a candidate has to be an image, or keys with values such as image:, folder: and name:, and is %s", item.Line, found(n))
	}
	made := key{} // of how it is built
	madeLine := 0
	err = r.pairs(item, "a candidate", func(name string, at, value *yaml.Node) error {
		if name == keyName {
			return r.one(name, at, value, &c.Name)
		}
		if kind := Kind(name); slices.Contains(kinds, kind) {
			if c.Kind != "" {
				return fmt.Errorf("line %d: %s beside %s: a candidate is one of them", at.Line, name, c.Kind)
			}
			c.Kind = kind
			return r.one(name, at, value, &c.Ref)
		}
		k, ok := find(name)
		switch {
		case !ok:
			return fmt.Errorf("line %d: key %q of a candidate is not known%s", at.Line, short(name), Nearest(name, append(Keys(true), keyName, string(Image), string(Folder), string(Command))))
		case !k.each:
			return fmt.Errorf("line %d: %s is the same for all candidates: write it above them", at.Line, name)
		case k.made:
			made, madeLine = k, at.Line
		}
		return r.setting(k, at, value, &c.Settings)
	})
	switch {
	case err != nil:
		return c, err
	case c.Kind == "":
		return c, fmt.Errorf("line %d: a candidate without image, folder or command: what is to be started?", item.Line)
	case made.made && c.Kind != Folder:
		return c, fmt.Errorf("line %d: %s is for a folder that is built, and this candidate is of the kind %s: write folder:, or leave it out", madeLine, made.name, c.Kind)
	case c.Name == "":
		c.Name = c.Ref
	}
	return c, nil
}

// one reads a value that is text and must be there.
func (r *reader) one(name string, at, value *yaml.Node, to *string) error {
	s, err := r.scalar(key{name: name, form: text}, at, value)
	if err == nil && strings.TrimSpace(s) == "" {
		err = fmt.Errorf("line %d: %s is empty", at.Line, name)
	}
	*to = s
	return err
}
