package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mlbench/bench/suite"
)

func TestDistinct(t *testing.T) {
	for refs, want := range map[string]string{
		"a":                   "a",
		"a b c":               "a b c",
		"a a":                 "a a (again)",
		"a b b":               "a b b (again)",
		"a b a c b a":         "a b a (again) c b (again) a (third time)",
		"a a a a a a a a a a": "a a (again) a (third time) a (fourth time) a (fifth time) a (sixth time) a (seventh time) a (eighth time) a (ninth time) a (tenth time)",
	} {
		if got := strings.Join(distinct(strings.Fields(refs)), " "); got != want {
			t.Errorf("%s: %s, want %s", refs, got, want)
		}
	}
	// Command lines can look like names.
	for _, refs := range [][]string{{"a", "a (again)", "a"}, {"a", "a", "a (again)"}, {"a (again)", "a", "a", "a (again)"}} {
		names := distinct(refs)
		if slices.Sort(names); len(slices.Compact(names)) != len(refs) {
			t.Errorf("%q: %q", refs, names)
		}
	}
}

// TestCheckSteps: what a project's file asks for holds for several candidates, and
// is no error for one; what a flag asks for is.
func TestCheckSteps(t *testing.T) {
	wants := &suite.Suite{Path: suite.File, Settings: []suite.Setting{{Key: "steps", Values: []string{"true"}}}}
	for _, c := range []struct {
		flag       string
		file       *suite.Suite
		candidates int
		steps, ok  bool
	}{
		{"", nil, 1, false, true},
		{"--steps", nil, 1, true, false},
		{"--steps=false", nil, 1, false, true},
		{"--steps", nil, 2, true, true},
		{"", wants, 1, true, true},
		{"", wants, 3, true, true},
		{"--steps", wants, 1, true, false},
		{"--steps=false", wants, 3, false, true},
	} {
		var o options
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(strings.Fields(c.flag)); err != nil {
			t.Fatal(err)
		}
		if c.file != nil {
			if _, err := o.completeSuite(f, c.file, []choice{{name: "a:tag", ref: "a:tag"}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := checkSteps(f, c.candidates); (err == nil) != c.ok || o.spec.Steps != c.steps {
			t.Errorf("%+v: steps %t, %v", c, o.spec.Steps, err)
		}
	}
}
