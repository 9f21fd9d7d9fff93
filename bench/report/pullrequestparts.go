package report

import (
	"fmt"
	"slices"

	"mlbench/bench"
)

// What is never left out has these bounds, in sentences and in characters of
// each, of which escape makes five bytes at most. A comparison of ten images
// has nine, of about 250.
const mostSentences, maxSentence = 20, 500

// pullRequest are the pieces of a comment. What is worth most is what a reader
// decides by; the command is worth more than the figures that it gives again.
func pullRequest(v view) []piece {
	const figures, measured = "Gates, phases and costs", "How it was measured, and how to repeat it"
	of := func(t func(view) table) func(*printer, int) {
		return func(p *printer, rows int) { p.section(t(v), rows) }
	}
	how := measured
	if n := len(v.Warnings); n > 0 {
		how = plural(n, "warning") + ", how it was measured, and how to repeat it"
	}
	return []piece{
		{write: func(p *printer, _ int) { p.verdict(v) }},
		{what: "candidates", worth: 90, write: of(verdicts)},
		{what: "failures", worth: 85, write: func(p *printer, rows int) {
			p.list("**", failures(v), "**", rows)
			p.list("", unpassed(v), "", rows)
		}},
		{what: "steps", worth: 78, write: func(p *printer, rows int) {
			for _, s := range stepSections(v) {
				p.markdownSection(s, rows)
			}
		}},
		{what: "bars", worth: 80, write: func(p *printer, rows int) { p.phases(v, rows) }},
		{what: "biggest wins", worth: 60, write: func(p *printer, rows int) {
			for _, s := range v.winSections() {
				p.markdownSection(s, rows)
			}
		}},
		{what: "load", worth: 70, write: of(loads)},
		{what: "GPU", worth: 65, write: of(onGPU)},
		{what: "all gates", fold: figures, worth: 40, write: of(gates)},
		{what: "phases", fold: figures, worth: 30, write: of(phases)},
		{what: "costs", fold: figures, worth: 20, write: of(witnesses)},
		{what: "notes on load and GPU", fold: figures, worth: 10, write: func(p *printer, rows int) { p.list("", besides(v), "", rows) }},
		{what: "warnings", fold: how, worth: 50, write: func(p *printer, rows int) { p.list("**warning:** ", warnings(v), "", rows) }},
		{what: "command", fold: how, worth: 75, write: func(p *printer, _ int) { p.repeat(v) }},
		{what: "facts", fold: how, worth: 35, write: func(p *printer, rows int) { p.list("", facts(v), "", rows) }},
	}
}

// gateSigns stand before the word, which says all that they do; they differ by
// shape and not by colour alone: for mail, screen readers and whoever tells red
// from green by neither.
var gateSigns = map[bench.GateVerdict]string{bench.Pass: "✅ ", bench.Fail: "❌ ", bench.Unknown: "❓ "}

// verdict is the line that everybody reads, and the sentences.
func (p *printer) verdict(v view) {
	p.line("### " + gateSigns[v.Verdict] + "mlbench: " + escape(shorten(string(v.Verdict), maxName)))
	p.line("")
	found := sentences(v)
	if len(found) == 1 {
		p.line(escape(shorten(found[0], maxSentence)))
		return
	}
	for i := range found {
		found[i] = shorten(found[i], maxSentence)
	}
	p.list("", found, "", mostSentences)
}

// verdicts is the table of a comment: a row a candidate, what changed and what
// its target and size gates say.
func verdicts(v view) table {
	t := table{left: 1, head: []string{
		"candidate", "ready (median) [" + confidence(v) + "]", "change [" + changeConfidence(v) + "]", "size",
		quantile(v.Spec.Quantile) + " ≤ " + limit(v.Spec.TargetMS), "failed",
	}}
	const change, size, target, failed = 2, 3, 4, 5
	anyFailed := false
	for i, c := range v.Candidates {
		s := v.sums[i]
		row := []string{v.names[i], v.readyOf(i), v.changeOf(i), unknown, fmt.Sprintf("%d of %d", s.InTime.InTime, s.Starts), fmt.Sprint(s.Failed)}
		if c.UnpackedBytes != nil {
			row[size] = bytes(*c.UnpackedBytes) + sizeChange(v, i)
		}
		for _, g := range v.Gates {
			switch {
			case g.Candidate != i:
			case g.Name == bench.GateTarget:
				row[target] += ", " + string(g.Verdict)
			case g.Name == bench.GateSize:
				row[size] += ", " + string(g.Verdict)
			}
		}
		anyFailed = anyFailed || s.Failed > 0
		t.rows = append(t.rows, row)
	}
	if !anyFailed {
		t = t.without(failed)
	}
	if len(v.Candidates) == 1 {
		t = t.without(change)
	}
	return t
}

// sizeChange is how much larger or smaller than the baseline a candidate is,
// " (−31.4 %)"; nothing where that is not known, and for none.
func sizeChange(v view, candidate int) string {
	before, after := v.Candidates[0].UnpackedBytes, v.Candidates[candidate].UnpackedBytes
	if candidate == 0 || before == nil || *before <= 0 || *before == *after {
		return ""
	}
	return " (" + percent(float64(*after)/float64(*before)-1) + ")"
}

// unpassed are the gates that did not pass, a line each.
func unpassed(v view) []string {
	var lines []string
	for _, u := range unpassedGates(v) {
		lines = append(lines, u.line)
	}
	return lines
}

// An unpassedGate is what is said of a gate that did not pass.
type unpassedGate struct {
	verdict bench.GateVerdict
	line    string
}

// unpassedGates are the gates that did not pass, failed ones first: of one that
// several candidates share there is one line. Why is told where there is one
// candidate; all are in the table of gates.
func unpassedGates(v view) []unpassedGate {
	var lines []unpassedGate
	for _, verdict := range []bench.GateVerdict{bench.Fail, bench.Unknown} {
		var gates []string
		who, why := make(map[string][]string), make(map[string]string)
		for _, g := range v.Gates {
			if g.Verdict == verdict {
				gates = appendNew(gates, g.Name)
				who[g.Name] = append(who[g.Name], v.names[g.Candidate])
				why[g.Name] = g.Why
			}
		}
		for _, name := range gates {
			said := string(verdict)
			if !slices.Contains(v.Spec.FailOn, name) {
				said += " (only told)"
			}
			line := fmt.Sprintf("gate %s: %s for %s", shorten(bench.Printable(name), maxName), said, firstOf(who[name], mostNamed))
			if len(who[name]) == 1 {
				line += ": " + shorten(v.told(why[name]), maxUnpassed)
			}
			lines = append(lines, unpassedGate{verdict, line})
		}
	}
	return lines
}

// mostNamed is how many candidates are named that share a verdict.
const mostNamed = 10

// maxUnpassed is how many characters of a reason are seen; the table has more.
const maxUnpassed = 200

// phases draws the bars in a block of code, which GitHub, GitLab, mail and
// terminals all show alike, as they do not a Mermaid chart; and says in words
// what they are drawn for.
func (p *printer) phases(v view, rows int) {
	drawn := bars(v, rows)
	if drawn == "" {
		return
	}
	p.line("Where the time until ready goes, by medians of the starts that were ready:")
	p.line("")
	p.line("```text\n" + drawn + "\n```")
	if most := mostOf(v); len(most) > 0 {
		p.line("")
		p.list("", most, "", rows)
	}
}
