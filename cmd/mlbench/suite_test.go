package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mlbench/bench/suite"
)

// TestSuiteKeys holds the keys of suite files against the flags: what one can
// say the other can, by the same name. What is told where is the command line's
// alone, and arguments stand after -- there.
func TestSuiteKeys(t *testing.T) {
	var o options
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.register(f)
	o.build.register(f)
	keys := suite.Keys(false)
	f.VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(keys, flag.Name) && !slices.Contains([]string{"out", "format", "history"}, flag.Name) {
			t.Errorf("--%s is no key of suite files", flag.Name)
		}
	})
	for _, k := range keys {
		if f.Lookup(k) == nil && k != "args" {
			t.Errorf("the key %s is no flag", k)
		}
	}
	if !slices.Contains(keys, "args") {
		t.Error("there is no key args")
	}
}

// TestSuiteTemplate gives the examples in what init writes to the flags.
func TestSuiteTemplate(t *testing.T) {
	shown := regexp.MustCompile(`(?m)^#([a-z-]+: .*)$`).FindAllStringSubmatch(string(suite.Template(nil, nil)), -1)
	for _, x := range shown {
		s, err := suite.Read(strings.NewReader(x[1]), suite.File)
		if err != nil {
			t.Fatal(err)
		}
		var o options
		f, none := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
		o.register(f)
		o.build.register(f)
		if _, err := apply(f, none, s, together(s, nil)); err != nil {
			t.Errorf("%s: %v", x[1], err)
		}
	}
	if len(shown) == 0 {
		t.Error("no setting is shown")
	}
}

// TestSuitePrecedence: flags win over a candidate's settings, and those over the
// file's.
func TestSuitePrecedence(t *testing.T) {
	s := &suite.Suite{
		Path: "folder/mlbench.yaml",
		Settings: []suite.Setting{
			{Key: "port", Values: []string{"1"}}, {Key: "health", Values: []string{"/file"}}, {Key: "user", Values: []string{"file"}},
			{Key: "env", Values: []string{"A=file", "B=file", "C=file"}}, {Key: "volume", Values: []string{"./x:/x", "y:/y"}},
			{Key: "pairs", Values: []string{"5"}}, {Key: "fail-on", Values: []string{"starts"}}, {Key: "args", Values: []string{"-file"}},
		},
		Candidates: []suite.Candidate{
			{Name: "a", Kind: suite.Image, Ref: "image:a"},
			{Name: "b", Kind: suite.Image, Ref: "image:b", Settings: []suite.Setting{
				{Key: "port", Values: []string{"2"}}, {Key: "health", Values: []string{"/own"}}, {Key: "env", Values: []string{"B=own", "C=own"}},
				{Key: "args", Values: []string{"-own"}},
			}},
		},
	}
	var o options
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.register(f)
	o.registerSuite(f)
	if err := f.Parse([]string{"--port", "3", "--env", "C=flag", "--fail-on", "target,size", "--target", "2s"}); err != nil {
		t.Fatal(err)
	}
	got, err := o.completeSuite(f, s, choose(s, nil, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := got[0], got[1]
	for _, x := range []struct {
		what      string
		got, want any
	}{
		{"a's name", a.Name, "a"},
		{"a's reference", a.Ref, "image:a"},
		{"a's port", a.Port, 3},
		{"b's port", b.Port, 3},
		{"a's health", a.Health, "/file"},
		{"b's health", b.Health, "/own"},
		{"b's user", b.User, "file"},
		{"a's args", a.Args[0], "-file"},
		{"b's args", b.Args[0], "-own"},
		{"pairs", o.spec.Pairs, 5},
		{"target", o.spec.TargetMS, 2000.0},
		{"target gates", o.spec.TargetGates, true},
		{"runner", o.spec.Runner, "docker"},
	} {
		if x.got != x.want {
			t.Errorf("%s: %v, want %v", x.what, x.got, x.want)
		}
	}
	if !slices.Equal(a.Env, []string{"A=file", "B=file", "C=flag"}) || !slices.Equal(b.Env, []string{"A=file", "B=own", "C=flag"}) {
		t.Error(a.Env, b.Env)
	}
	if !slices.Equal(o.spec.FailOn, []string{"target", "size"}) {
		t.Error(o.spec.FailOn)
	}
	if len(a.Volumes) != 2 || a.Volumes[0][0] != '/' || a.Volumes[1] != "y:/y" {
		t.Error(a.Volumes)
	}
}
