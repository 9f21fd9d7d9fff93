package report

import (
	stdbytes "bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mlbench/bench"
)

// junitRules are what the common schema of JUnit's XML (windyroad/JUnit-Schema,
// JUnit.xsd, at cfa434d) says of the elements, where it is stricter than
// Jenkins' (jenkinsci/xunit-plugin, junit-10.xsd), and the latter where that is:
// what passes is valid by both, as xmllint said of all fixtures' files.
var junitRules = map[string]struct {
	attributes map[string]string // by name, what the value has to match
	children   []string          // in this order
	many       string            // the child of which there may be several, or none
	choice     bool              // at most one of the children
	text       bool
}{
	"testsuites": {children: []string{"testsuite"}, many: "testsuite"},
	"testsuite": {
		attributes: map[string]string{
			"name": `.+`, "package": `.*`, "id": `\d+`, "timestamp": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`, "hostname": `.+`,
			"tests": `\d+`, "failures": `\d+`, "errors": `\d+`, "skipped": `\d+`, "time": `\d+(\.\d+)?`,
		},
		children: []string{"properties", "testcase", "system-out", "system-err"}, many: "testcase",
	},
	"properties": {children: []string{"property"}, many: "property"},
	"property":   {attributes: map[string]string{"name": `.+`, "value": `[\s\S]*`}},
	"testcase": {
		attributes: map[string]string{"name": `.+`, "classname": `.+`, "time": `\d+(\.\d+)?`},
		children:   []string{"skipped", "error", "failure"}, choice: true,
	},
	"skipped":    {attributes: map[string]string{"message": `.+`}},
	"error":      {attributes: map[string]string{"message": `.+`, "type": `.+`}, text: true},
	"failure":    {attributes: map[string]string{"message": `.+`, "type": `.+`}, text: true},
	"system-out": {text: true},
	"system-err": {text: true},
}

// checkJUnit holds a file against junitRules.
func checkJUnit(file []byte) error {
	type open struct {
		name     string
		children []string
	}
	var stack []open
	d := xml.NewDecoder(stdbytes.NewReader(file)) // refuses what XML does not allow
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			rule, ok := junitRules[name]
			if !ok {
				return fmt.Errorf("no element %s", name)
			}
			if len(stack) == 0 && name != "testsuites" {
				return fmt.Errorf("it begins with %s", name)
			}
			if len(stack) > 0 {
				stack[len(stack)-1].children = append(stack[len(stack)-1].children, name)
			}
			if len(token.Attr) != len(rule.attributes) {
				return fmt.Errorf("%s has %d attributes: %v", name, len(token.Attr), token.Attr)
			}
			seen := make(map[string]bool)
			for _, a := range token.Attr {
				pattern, ok := rule.attributes[a.Name.Local]
				if !ok || seen[a.Name.Local] || !regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(a.Value) {
					return fmt.Errorf("%s: %s=%q", name, a.Name.Local, a.Value)
				}
				seen[a.Name.Local] = true
			}
			stack = append(stack, open{name: name})
		case xml.EndElement:
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			rule := junitRules[e.name]
			if rule.choice {
				if len(e.children) > 1 || len(e.children) == 1 && !slices.Contains(rule.children, e.children[0]) {
					return fmt.Errorf("%s has %v", e.name, e.children)
				}
				continue
			}
			children := slices.CompactFunc(e.children, func(a, b string) bool { return a == b && a == rule.many })
			wanted := rule.children
			if !slices.Contains(children, rule.many) {
				wanted = slices.DeleteFunc(slices.Clone(wanted), func(c string) bool { return c == rule.many })
			}
			if !slices.Equal(children, wanted) {
				return fmt.Errorf("%s has %v, want %v", e.name, children, wanted)
			}
		case xml.CharData:
			if len(stack) > 0 && !junitRules[stack[len(stack)-1].name].text && strings.TrimSpace(string(token)) != "" {
				return fmt.Errorf("text in %s: %q", stack[len(stack)-1].name, token)
			}
		}
	}
	return nil
}

// junitOf renders a result and reads it back.
func junitOf(t testing.TB, r *bench.Result) junitSuite {
	t.Helper()
	var b stdbytes.Buffer
	if err := JUnit(&b, r); err != nil {
		t.Fatal(err)
	}
	if err := checkJUnit(b.Bytes()); err != nil {
		t.Errorf("not valid: %v\n%.2000s", err, b.Bytes())
	}
	var all junitSuites
	if err := xml.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Suites) != 1 {
		t.Fatalf("%d suites", len(all.Suites))
	}
	return all.Suites[0]
}

// TestJUnit: every result is valid, and counts what it has.
func TestJUnit(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			r := f.result(t)
			s := junitOf(t, r)
			var failures, errored, skipped int
			names := make(map[string]bool)
			for _, c := range s.Cases {
				if names[c.Name] {
					t.Errorf("two cases are named %q", c.Name)
				}
				names[c.Name] = true
				switch {
				case c.Failure != nil:
					failures++
				case c.Error != nil:
					errored++
				case c.Skipped != nil:
					skipped++
				}
			}
			if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errored || s.Skipped != skipped {
				t.Errorf("it counts %d, %d, %d, %d and has %d, %d, %d, %d", s.Tests, s.Failures, s.Errors, s.Skipped, len(s.Cases), failures, errored, skipped)
			}
			if (failures > 0) != (r.Verdict == bench.Fail) && !slices.Contains(r.Spec.FailOn, bench.Inconclusive) {
				t.Errorf("%d failures, and the verdict is %s", failures, r.Verdict)
			}
			if red := failures+errored > 0; !red && (r.Ended == bench.EndedFailed || r.Ended == bench.EndedInterrupted) {
				t.Errorf("it ended %s, and all is well", r.Ended)
			}
			for _, p := range s.Properties {
				checkPrintable(t, p.Value)
			}
		})
	}
}

// TestJUnitCases: what becomes of a gate depends on whether it counts.
func TestJUnitCases(t *testing.T) {
	regression := []string{bench.GateRegression}
	for _, test := range []struct {
		verdict bench.GateVerdict
		failOn  []string
		want    string
	}{
		{bench.Pass, regression, "passes"},
		{bench.Pass, nil, "passes"},
		{bench.Fail, regression, "fails: why"},
		{bench.Fail, nil, "is skipped: fails, and --fail-on does not name it: why"},
		{bench.Fail, []string{bench.GateStarts, bench.Inconclusive}, "is skipped: fails, and --fail-on does not name it: why"},
		{bench.Unknown, regression, "is skipped: inconclusive: why"},
		{bench.Unknown, []string{bench.Inconclusive}, "is skipped: inconclusive: why"},
		{bench.Unknown, append([]string{bench.Inconclusive}, regression...), "fails: inconclusive, and --fail-on names that: why"},
	} {
		r := fixtures[0].result(t)
		r.Spec.FailOn = test.failOn
		r.Gates = []bench.Gate{{Name: bench.GateRegression, Candidate: 1, Verdict: test.verdict, Why: "why"}}
		s := junitOf(t, r)
		got := "passes"
		switch c := s.Cases[0]; {
		case c.Failure != nil:
			got = "fails: " + c.Failure.Message
			if c.Failure.Text != c.Failure.Message {
				t.Errorf("GitLab would show %q", c.Failure.Text)
			}
		case c.Skipped != nil:
			got = "is skipped: " + c.Skipped.Message
		}
		if got != test.want || s.Cases[0].Name != "regression of new:tag" {
			t.Errorf("%s with %v: %s %s, want %s", test.verdict, test.failOn, s.Cases[0].Name, got, test.want)
		}
	}
}

// TestJUnitIsLegal: nothing that XML cannot hold comes through, whatever stands
// in names, reasons and warnings.
func TestJUnitIsLegal(t *testing.T) {
	bad := "a\x00b\x0bc\uFFFE\uFFFF\xff]]>&<x y=\"1\">\n\t\u2028é😀"
	r := fixtures[0].result(t)
	r.Candidates[1].Name, r.Candidates[0].Ref, r.Gates[0].Why, r.Gates[0].Verdict = bad, bad, bad, bench.Fail
	r.Gates[1].Name, r.Gates[1].Verdict = bad, bench.Unknown
	r.Warnings = append(r.Warnings, bad)
	r.Tool.Version, r.Host.Kernel, r.Spec.Runner = bad, bad, bad
	s := junitOf(t, r)
	if want := "]]>&<x y=\"1\">"; !strings.Contains(s.Cases[0].Failure.Text, want) || !strings.Contains(s.Err, want) || !strings.Contains(s.Cases[1].Name, want) {
		t.Errorf("it is lost: %+v", s.Cases)
	}
	if got := legal(bad); got != "abc\uFFFD]]>&<x y=\"1\">\n\t\u2028é😀" {
		t.Errorf("%q", got)
	}
}

// TestCheckJUnit: the check above finds what the schemas forbid.
func TestCheckJUnit(t *testing.T) {
	var b stdbytes.Buffer
	if err := JUnit(&b, fixtures[0].result(t)); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	for _, test := range [][2]string{
		{` hostname="localhost"`, ""},
		{` hostname="localhost"`, ` hostname="localhost" color="red"`},
		{` classname="mlbench"`, ""},
		{`time="0"`, `time="soon"`},
		{"<system-err></system-err>", ""},
		{"</testcase>", "<skipped message=\"a\" type=\"b\"></skipped></testcase>"},
		{"<system-out>", "<system-err></system-err><system-out>"},
		{"</properties>", "</properties>text"},
		{"</testcase>", "<skipped message=\"a\"></skipped><error message=\"a\" type=\"b\"></error></testcase>"},
		{"</testcase>", "<flaky></flaky></testcase>"},
		{"starts of", "starts \x01 of"},
		{"</testsuites>", ""},
	} {
		bad := strings.Replace(good, test[0], test[1], 1)
		if bad == good {
			t.Errorf("there is no %q", test[0])
		} else if checkJUnit([]byte(bad)) == nil {
			t.Errorf("with %q for %q it is taken for valid", test[1], test[0])
		}
	}
}
