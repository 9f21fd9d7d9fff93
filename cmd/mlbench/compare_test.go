package main

import (
	"slices"
	"strings"
	"testing"
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
