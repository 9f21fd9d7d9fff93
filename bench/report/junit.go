package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mlbench/bench"
)

// The elements of JUnit's XML that its common schema has (Ant's, as in
// windyroad/JUnit-Schema, JUnit.xsd), and in its order; Jenkins' own
// (jenkinsci/xunit-plugin, junit-10.xsd) allows all of them. What the former
// requires is always there. GitLab and GitHub's reporters read the same ones.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		ID         int             `xml:"id,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"` // seconds
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string     `xml:"name,attr"`
		Class   string     `xml:"classname,attr"`
		Time    string     `xml:"time,attr"`
		Skipped *junitNote `xml:"skipped"`
		Error   *junitNote `xml:"error"`
		Failure *junitNote `xml:"failure"`
	}
	junitNote struct {
		Message string `xml:"message,attr"`        // Jenkins shows it
		Type    string `xml:"type,attr,omitempty"` // not of skipped
		Text    string `xml:",chardata"`           // GitLab shows it
	}
)

// JUnit writes one test suite with a test case for every gate and candidate,
// so that a CI system lists them beside its tests.
//
// A gate is a failure only where mlbench's exit code says so too, as CI systems
// fail or mark builds for one. What is inconclusive is skipped, which they show
// in a colour of its own, and a failure where --fail-on names inconclusive. What
// --fail-on does not name is never a failure: where it does not pass, it is
// skipped, and says that it fails. A run that was interrupted or failed has an
// error, whatever its gates say, as what it did not ask has not passed.
func JUnit(w io.Writer, r *bench.Result) error {
	v := look(r)
	suite := junitSuite{
		Name: "mlbench", Package: "mlbench", Hostname: "localhost", // as the schema wants where it is not told
		// The schema allows no zone: it is UTC.
		Timestamp:  r.StartedAt.UTC().Format("2006-01-02T15:04:05"),
		Time:       junitSeconds(v),
		Properties: junitProperties(v),
	}
	if c := junitEnd(r); c != nil {
		suite.Cases = append(suite.Cases, *c)
	}
	for _, g := range r.Gates {
		suite.Cases = append(suite.Cases, junitGate(v, g))
	}
	for _, c := range suite.Cases {
		suite.Tests++
		switch {
		case c.Failure != nil:
			suite.Failures++
		case c.Error != nil:
			suite.Errors++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	var text strings.Builder
	if err := Text(&text, r); err != nil {
		return err
	}
	suite.Out = legal(text.String())
	var warnings []string
	for _, warning := range r.Warnings {
		warnings = append(warnings, "warning: "+v.told(warning)+"\n")
	}
	suite.Err = legal(strings.Join(warnings, ""))
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitGate is the test case of a gate. Its name has no figures, so that CI
// systems know it again in the next run.
func junitGate(v view, g bench.Gate) junitCase {
	name := bench.Printable(g.Name)
	c := junitCase{Name: legal(name + " of " + v.names[g.Candidate]), Class: "mlbench", Time: "0"}
	why := legal(v.told(g.Why))
	kind := "mlbench." + legal(name)
	switch counts := slices.Contains(v.Spec.FailOn, g.Name); {
	case g.Verdict == bench.Pass:
	case g.Verdict == bench.Fail && counts:
		c.Failure = &junitNote{Message: why, Type: kind, Text: why}
	case g.Verdict == bench.Fail:
		c.Skipped = &junitNote{Message: "fails, and --fail-on does not name it: " + why}
	case counts && slices.Contains(v.Spec.FailOn, bench.Inconclusive):
		why = "inconclusive, and --fail-on names that: " + why
		c.Failure = &junitNote{Message: why, Type: kind, Text: why}
	default:
		c.Skipped = &junitNote{Message: "inconclusive: " + why}
	}
	return c
}

// junitEnd is the test case of a run that did not come to its end; nil of others.
func junitEnd(r *bench.Result) *junitCase {
	var why string
	switch r.Ended {
	case bench.EndedFailed:
		why = "the environment failed, or a candidate is never ready: not everything was measured"
	case bench.EndedInterrupted:
		why = "interrupted: not everything was measured"
	default:
		return nil
	}
	return &junitCase{Name: "the run comes to its end", Class: "mlbench", Time: "0", Error: &junitNote{Message: why, Type: "mlbench.ended", Text: why}}
}

// junitSeconds is from the beginning of the run to that of its last start.
func junitSeconds(v view) string {
	last := v.StartedAt
	for _, s := range v.Starts {
		if s.BeginAt.After(last) {
			last = s.BeginAt
		}
	}
	return strconv.FormatFloat(last.Sub(v.StartedAt).Seconds(), 'f', 3, 64)
}

// legal drops what XML 1.0 cannot hold, not even escaped (its section 2.2),
// which would make the whole file unreadable; the rest the encoder escapes.
func legal(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t', c == '\n', c == '\r', c >= 0x20 && c <= 0xD7FF, c >= 0xE000 && c <= 0xFFFD, c >= 0x10000 && c <= 0x10FFFF:
			return c
		}
		return -1
	}, s)
}

// junitProperties are what the verdicts rest on, so that they can be read and
// repeated from this file alone. An unknown or infinite figure has no property.
func junitProperties(v view) []junitProperty {
	var all []junitProperty
	add := func(name, value string) {
		if value != "" {
			all = append(all, junitProperty{name, legal(brief(value, maxLine))})
		}
	}
	interval := func(name string, estimate, low, high float64) {
		for _, x := range []struct {
			suffix string
			value  float64
		}{{"", estimate}, {"_low", low}, {"_high", high}} {
			if told(x.value) {
				add(name+x.suffix, float(x.value))
			}
		}
	}
	add("verdict", string(v.Verdict))
	add("ended", string(v.Ended))
	add("seed", strconv.FormatUint(v.Spec.Seed, 10))
	add("fail_on", strings.Join(v.Spec.FailOn, ","))
	add("margin", float(v.Spec.Margin))
	add("target_ms", float(v.Spec.TargetMS))
	add("quantile", float(v.Spec.Quantile))
	add("cold", string(v.Cold.Level))
	add("runner", v.Spec.Runner)
	add("tool", v.Tool.Version)
	add("host", host(v.Result))
	add("gpu", gpuLine(v))
	for i, c := range v.Candidates {
		at := fmt.Sprintf("candidate.%d.", i)
		add(at+"name", v.names[i])
		add(at+"ref", c.Ref)
		add(at+"digest", c.Digest)
		if c.UnpackedBytes != nil {
			add(at+"unpacked_bytes", whole(c.UnpackedBytes))
		}
		s := v.sums[i]
		add(at+"starts", strconv.Itoa(s.Starts))
		add(at+"failed", strconv.Itoa(s.Failed))
		if s.Starts > 0 {
			interval(at+"ready_ms", s.Ready.Estimate, s.Ready.Low, s.Ready.High)
		}
	}
	for _, c := range v.On(bench.MetricReady) {
		at := fmt.Sprintf("comparison.%d.", c.Candidate)
		add(at+"baseline", v.names[c.Baseline])
		add(at+"candidate", v.names[c.Candidate])
		add(at+"verdict", string(c.Verdict))
		add(at+"pairs", strconv.Itoa(c.Pairs))
		interval(at+"change", c.Change.Estimate, c.Change.Low, c.Change.High)
	}
	return all
}
