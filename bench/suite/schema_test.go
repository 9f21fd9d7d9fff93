package suite

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// TestSchemaFits: what the reader takes an editor takes too, and it finds fault
// with what it can know to be wrong.
func TestSchemaFits(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mlbench.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mlbench.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		t.Helper()
		var value any
		if err := yaml.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(doc)
	}
	example, err := os.ReadFile("testdata/mlbench.yaml")
	if err != nil {
		t.Fatal(err)
	}
	drafts := []Draft{{Kind: Image, Ref: "a", Values: []Value{{Setting{Key: "port", Values: []string{"80"}}, "x"}}}, {Kind: Folder, Ref: "./b", Name: "b"}, {Kind: Command, Ref: "c"}}
	for name, text := range map[string][]byte{
		"the example": example, "a template": Template(drafts, nil),
		"folders": []byte("candidates: [./a, {folder: b, build-arg: {A: 1, B: }, dockerfile: c, build-target: d, gpus: none}, {folder: c, build-arg: [A=b]}]\n"),
	} {
		if err := validate(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Read(bytes.NewReader(text), File); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{
		"prot: 1", "port: a", "port: [1]", "candidates: a", "candidates: [{name: a}]", "candidates: [{image: a, folder: b}]", "candidates: [{folder: [a]}]",
		"candidates: [{folder: a, margin: 5%}]", "build-arg: A=b", "build-arg: {A: [b]}", "dockerfile: {}", "cold: cach", "fail-on: [sizes]", "gpus: [0]",
	} {
		if validate([]byte(text)) == nil {
			t.Errorf("%s: no fault is found", text)
		}
		if _, err := Read(bytes.NewReader([]byte(text)), File); err == nil {
			t.Errorf("%s: it is read", text)
		}
	}
}
