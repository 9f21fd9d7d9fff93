package report

import (
	stdbytes "bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mlbench/bench"
)

// published is the schema that users have.
var published = filepath.Join("..", "..", "docs", "result.schema.json")

func schema(t testing.TB) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	b, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(stdbytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("result.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("result.schema.json") // against the draft's own schema too
	if err != nil {
		t.Fatal(err)
	}
	return s, doc.(map[string]any)
}

func document(t testing.TB, r *bench.Result) map[string]any {
	t.Helper()
	var b stdbytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

// TestSchema: every result is what the schema says.
func TestSchema(t *testing.T) {
	s, _ := schema(t)
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			if err := s.Validate(document(t, f.result(t))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSchemaRefuses what is no result, and only that.
func TestSchemaRefuses(t *testing.T) {
	s, _ := schema(t)
	start := func(doc map[string]any) map[string]any { return doc["starts"].([]any)[0].(map[string]any) }
	for _, test := range []struct {
		name string
		edit func(map[string]any)
		ok   bool
	}{
		{"nothing else", func(map[string]any) {}, true},
		{"an unknown field", func(d map[string]any) { d["new_in_v1"] = 1; start(d)["new"] = "x" }, true},
		{"another metric", func(d map[string]any) {
			d["comparisons"].([]any)[0].(map[string]any)["metric"] = "energy"
		}, true},
		{"another schema", func(d map[string]any) { d["schema"] = "mlbench.result/v2" }, false},
		{"no spec", func(d map[string]any) { delete(d, "spec") }, false},
		{"another verdict", func(d map[string]any) { d["verdict"] = "perhaps" }, false},
		{"a time in words", func(d map[string]any) { start(d)["ready_ms"] = "1 s" }, false},
		{"a negative phase", func(d map[string]any) { start(d)["phases_ms"] = map[string]any{"boot": json.Number("-1")} }, false},
		{"no candidate", func(d map[string]any) { delete(start(d), "candidate") }, false},
		{"no moment", func(d map[string]any) { start(d)["begin_at"] = "yesterday" }, false},
	} {
		doc := document(t, fixtures[0].result(t))
		test.edit(doc)
		if err := s.Validate(doc); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestSchemaIsWhole: it has every field of the result file and no other, and
// describes them all.
func TestSchemaIsWhole(t *testing.T) {
	_, doc := schema(t)
	fields{t, doc}.check("result", doc, reflect.TypeFor[bench.Result]())
}

// fields holds a schema against the types that are written.
type fields struct {
	t    *testing.T
	root map[string]any
}

// resolved is the part of the schema that says what a value looks like.
func (f fields) resolved(node map[string]any) map[string]any {
	for {
		if either, ok := node["anyOf"].([]any); ok {
			node = either[0].(map[string]any) // the other is null
			continue
		}
		ref, ok := node["$ref"].(string)
		if !ok {
			return node
		}
		node = f.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
}

func (f fields) check(path string, node map[string]any, of reflect.Type) {
	if says, _ := node["description"].(string); says == "" && node["$ref"] == nil {
		f.t.Errorf("%s: not described", path)
	}
	node = f.resolved(node)
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	wants := func(key string) map[string]any {
		part, ok := node[key].(map[string]any)
		if !ok {
			f.t.Errorf("%s: the schema has no %s", path, key)
		}
		return part
	}
	switch {
	case of == reflect.TypeFor[time.Time](), of.Implements(reflect.TypeFor[encoding.TextMarshaler]()), of == reflect.TypeFor[[]byte]():
		if !strings.Contains(fmt.Sprint(node["type"]), "string") {
			f.t.Errorf("%s: it is %v, and has to be a string", path, node["type"])
		}
	case of.Kind() == reflect.Slice:
		if items := wants("items"); items != nil {
			f.check(path+"[]", items, of.Elem())
		}
	case of.Kind() == reflect.Map:
		if values := wants("additionalProperties"); values != nil {
			f.check(path+".*", values, of.Elem())
		}
	case of.Kind() == reflect.Struct:
		if properties := wants("properties"); properties != nil {
			f.object(path, node, properties, of)
		}
	}
}

// object holds an object's properties against a type's fields. Those of a
// Change are what its MarshalJSON writes, under the names of its own.
func (f fields) object(path string, node, properties map[string]any, of reflect.Type) {
	required := fmt.Sprint(node["required"])
	known := make(map[string]bool)
	for _, field := range reflect.VisibleFields(of) {
		if !field.IsExported() { // is not written
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if of == reflect.TypeFor[bench.Change]() {
			name = strings.ToLower(field.Name)
		}
		known[name] = true
		property, ok := properties[name].(map[string]any)
		if !ok {
			f.t.Errorf("%s.%s: not in the schema", path, name)
			continue
		}
		always := !strings.Contains(options, "omit")
		if stated := strings.Contains(strings.NewReplacer("[", " ", "]", " ").Replace(required), " "+name+" "); stated && !always {
			f.t.Errorf("%s.%s: the schema requires what may be missing", path, name)
		}
		if says, _ := property["description"].(string); says == "" {
			f.t.Errorf("%s.%s: not described", path, name)
		}
		f.check(path+"."+name, property, field.Type)
	}
	for name := range properties {
		if !known[name] {
			f.t.Errorf("%s.%s: the schema has it, and no result does", path, name)
		}
	}
}
