package report

import (
	stdbytes "bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"slices"
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

	// HTML, for people too: the same words, in tables and beside drawings.
	page := htmlOf(t, render(".html"))
	if page.heading != "mlbench: "+string(r.Verdict) {
		t.Errorf("HTML's heading is %q, and the verdict %s", page.heading, r.Verdict)
	}
	for _, said := range sentences(look(r)) {
		if !strings.Contains(page.text, said) {
			t.Errorf("HTML does not say %q", said)
		}
	}
	for i, c := range r.Candidates {
		row := page.tables["Candidates: time to ready, change, size and gates"][i]
		if row[0] != c.Name || row[1] != withInterval(r.Summary(i).Ready) || !strings.HasPrefix(row[3], bytes(*c.UnpackedBytes)) {
			t.Errorf("HTML's candidate %s has the row %q", c.Name, row)
		}
		if medians := page.rows["starts"][c.Name]; medians != "median "+withInterval(r.Summary(i).Ready) {
			t.Errorf("beside the starts of %s is %q", c.Name, medians)
		}
	}
	for _, c := range r.On(bench.MetricReady) {
		change, name := changeWithInterval(c.Change), r.Candidates[c.Candidate].Name
		if row := page.tables["Candidates: time to ready, change, size and gates"][c.Candidate]; row[2] != change {
			t.Errorf("HTML's change of %s is %q, want %s", name, row[2], change)
		}
		if said := page.rows["change"][name]; said != worded(c.Verdict)+" "+change {
			t.Errorf("beside the interval of %s is %q", name, said)
		}
	}
	for i, g := range r.Gates {
		want := []string{g.Name, r.Candidates[g.Candidate].Name, string(g.Verdict), g.Why}
		if row := page.tables["Gates, with why"][i]; !slices.Equal(row, want) {
			t.Errorf("HTML's gate is %q, want %q", row, want)
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

// A readPage is what of a page is read again.
type readPage struct {
	heading, text string
	tables        map[string][][]string        // by caption, without their heads
	rows          map[string]map[string]string // what stands beside the drawings of a figure, by name
}

func htmlOf(t *testing.T, text string) readPage {
	t.Helper()
	doc := checkHTML(t, text)
	p := readPage{heading: textOf(find(doc, "h1")[0]), text: textOf(doc), tables: make(map[string][][]string), rows: make(map[string]map[string]string)}
	for _, table := range find(doc, "table") {
		caption := textOf(find(table, "caption")[0])
		for _, tr := range find(find(table, "tbody")[0], "tr") {
			row := []string{textOf(find(tr, "th")[0])}
			for _, td := range find(tr, "td") {
				row = append(row, textOf(td))
			}
			p.tables[caption] = append(p.tables[caption], row)
		}
	}
	for _, figure := range find(doc, "figure") {
		beside := make(map[string]string)
		name := ""
		for _, div := range find(figure, "div") {
			switch attribute(div, "class") {
			case "name":
				name = textOf(div)
			case "value":
				beside[name] = textOf(div)
			}
		}
		p.rows[attribute(figure, "class")] = beside
	}
	return p
}

// squeezed makes one blank of many, line by line.
func squeezed(s string) string {
	var b strings.Builder
	for row := range strings.Lines(s) {
		b.WriteString(strings.Join(strings.Fields(row), " ") + "\n")
	}
	return b.String()
}
