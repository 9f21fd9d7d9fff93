package report

import (
	stdbytes "bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mlbench/bench"
	"mlbench/stats"
)

// TestSurfacesAgree: every format of one result says the same verdicts and
// figures, for gates that pass, fail and are inconclusive.
func TestSurfacesAgree(t *testing.T) {
	r := fixture{names: []string{"old:tag", "new:tag", "newer:tag"}, times: in(620), serve: &serving{}, spec: func(s *bench.Spec) {
		n := int64(1250e6)
		s.MaxBytes, s.TargetGates, s.Pairs, s.TargetMS, s.Quantile = &n, true, 12, 800, 0.9
	}}.result(t)
	kinds := make(map[bench.GateVerdict]bool)
	for _, g := range r.Gates {
		kinds[g.Verdict] = true
	}
	if len(kinds) != 3 {
		t.Fatalf("the gates say only %v", kinds)
	}
	render := func(name string) string {
		write, err := Results.ForFile("r" + name)
		if name == "" {
			write, err = Results.Named("text")
		}
		if err != nil {
			t.Fatal(err)
		}
		var b stdbytes.Buffer
		if err := write(&b, r); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	again, err := bench.Read(strings.NewReader(render(".json")), "r.json")
	if err != nil {
		t.Fatal(err)
	}
	if again.Verdict != r.Verdict || !reflect.DeepEqual(again.Gates, r.Gates) || !reflect.DeepEqual(again.Comparisons, r.Comparisons) {
		t.Error("the result file, judged anew, says something else")
	}

	// Text and Markdown, for people: rounded.
	text, md := strings.Join(strings.Fields(render("")), " "), render(".md")
	if head, _, _ := strings.Cut(md, "\n"); !strings.HasPrefix(head, "### ") || !strings.HasSuffix(head, " mlbench: "+string(r.Verdict)) {
		t.Errorf("Markdown begins with %.60q", md)
	}
	for i, c := range r.Candidates {
		ready := withInterval(r.Summary(i).Ready)
		if !strings.Contains(text, ready) || !strings.Contains(md, escape(ready)) {
			t.Errorf("%s: text or Markdown have no %s", c.Name, ready)
		}
	}
	for _, c := range r.On(bench.MetricReady) {
		change := changeWithInterval(c.Change)
		if !strings.Contains(text, change) || !strings.Contains(md, escape(change)) {
			t.Errorf("text or Markdown have no %s", change)
		}
	}
	for _, g := range r.Gates {
		row := fmt.Sprintf("%s %s %s %s", g.Name, g.Verdict, r.Candidates[g.Candidate].Name, g.Why) // stacked, as a reason is long
		mdRow := fmt.Sprintf("| %s | %s | %s | %s |", escape(g.Name), escape(r.Candidates[g.Candidate].Name), escape(string(g.Verdict)), escape(g.Why))
		if !strings.Contains(text, row) || !strings.Contains(squeezed(md), mdRow) {
			t.Errorf("text or Markdown have no gate %q", row)
		}
	}

	// CSV, for spreadsheets: the starts, of which the medians are the same.
	rows, err := csv.NewReader(strings.NewReader(render(".csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range r.Candidates {
		var times []float64
		for _, row := range rows[1:] {
			if ms, err := strconv.ParseFloat(row[7], 64); err == nil && row[0] == c.Name && (row[2] == "pair" || row[2] == "target") {
				times = append(times, ms)
			}
		}
		if got, want := stats.QuantileInterval(times, 0.5, r.Spec.Alpha), r.Summary(i).Ready; got != want {
			t.Errorf("%s: CSV's median is %v, want %v", c.Name, got, want)
		}
	}

	// JUnit and OpenMetrics, for programs: to the last digit.
	suite, samples := junitOf(t, r), metricsOf(t, r)
	properties := make(map[string]string)
	for _, p := range suite.Properties {
		properties[p.Name] = p.Value
	}
	same := func(property, metric string, want, per float64) {
		t.Helper()
		if got, err := strconv.ParseFloat(properties[property], 64); err != nil || got != want {
			t.Errorf("JUnit: %s is %q, want %v", property, properties[property], want)
		}
		if got, ok := samples[metric]; !ok || got != want/per {
			t.Errorf("OpenMetrics: %s is %v, want %v", metric, got, want/per)
		}
	}
	interval := func(property, metric, unit, of string, i stats.Interval, per float64) {
		t.Helper()
		same(property, fmt.Sprintf(`{__name__="%s_%s", %s}`, metric, unit, of), i.Estimate, per)
		same(property+"_low", fmt.Sprintf(`{__name__="%s_low_%s", %s}`, metric, unit, of), i.Low, per)
		same(property+"_high", fmt.Sprintf(`{__name__="%s_high_%s", %s}`, metric, unit, of), i.High, per)
	}
	if properties["verdict"] != string(r.Verdict) || samples[fmt.Sprintf(`{__name__="mlbench_verdict", verdict="%s"}`, r.Verdict)] != 1 {
		t.Errorf("the verdict is %s; JUnit has %q", r.Verdict, properties["verdict"])
	}
	for i, c := range r.Candidates {
		who := fmt.Sprintf(`candidate="%s"`, c.Name)
		interval(fmt.Sprintf("candidate.%d.ready_ms", i), "mlbench_ready", "seconds", who, r.Summary(i).Ready, 1000)
		same(fmt.Sprintf("candidate.%d.unpacked_bytes", i), fmt.Sprintf(`{__name__="mlbench_image_unpacked_bytes", %s}`, who), float64(*c.UnpackedBytes), 1)
	}
	for _, c := range r.On(bench.MetricReady) {
		at, who := fmt.Sprintf("comparison.%d.", c.Candidate), fmt.Sprintf(`baseline="old:tag", candidate="%s"`, r.Candidates[c.Candidate].Name)
		interval(at+"change", "mlbench_change", "ratio", who+`, metric="ready"`, stats.Interval(c.Change), 1)
		same(at+"pairs", fmt.Sprintf(`{__name__="mlbench_comparison_pairs", %s, metric="ready"}`, who), float64(c.Pairs), 1)
		if properties[at+"verdict"] != string(c.Verdict) || samples[fmt.Sprintf(`{__name__="mlbench_comparison_verdict", %s, verdict="%s"}`, who, c.Verdict)] != 1 {
			t.Errorf("%s: the verdict is %s, and JUnit has %q", who, c.Verdict, properties[at+"verdict"])
		}
	}
	for i, g := range r.Gates {
		name, c := r.Candidates[g.Candidate].Name, suite.Cases[i]
		if c.Name != g.Name+" of "+name || (c.Failure != nil) != (g.Verdict == bench.Fail) || (c.Skipped != nil) != (g.Verdict == bench.Unknown) {
			t.Errorf("JUnit: %+v, and the gate says %+v", c, g)
		}
		if samples[fmt.Sprintf(`{__name__="mlbench_gate_verdict", candidate="%s", gate="%s", verdict="%s"}`, name, g.Name, g.Verdict)] != 1 {
			t.Errorf("OpenMetrics: gate %s of %s is not %s", g.Name, name, g.Verdict)
		}
	}
}

// squeezed makes one blank of many, line by line.
func squeezed(s string) string {
	var b strings.Builder
	for row := range strings.Lines(s) {
		b.WriteString(strings.Join(strings.Fields(row), " ") + "\n")
	}
	return b.String()
}
