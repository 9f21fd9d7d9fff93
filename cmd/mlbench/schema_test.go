package main

import (
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// resultSchema is the schema of result files that is published.
var resultSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	return c.Compile("../../docs/result.schema.json")
})

// valid holds result files against the published schema: valid r.json …
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: valid FILE...")
	}
	schema, err := resultSchema()
	ts.Check(err)
	for _, name := range args {
		f, err := os.Open(ts.MkAbs(name))
		ts.Check(err)
		doc, err := jsonschema.UnmarshalJSON(f)
		_ = f.Close()
		ts.Check(err)
		if err := schema.Validate(doc); err != nil {
			ts.Fatalf("%s is not what docs/result.schema.json says: %v", name, err)
		}
	}
}
