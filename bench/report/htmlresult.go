package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"mlbench/bench"
)

// HTML renders a result as one file that a browser shows without asking for
// another: the verdict in words, the candidates, and where each figure comes
// from, drawn.
func HTML(w io.Writer, r *bench.Result) error { return resultPage(look(r)).write(w) }

// verdictColumn is where signs stand in the table of gates.
const verdictColumn = "verdict"

func resultPage(v view) page {
	verdict := shorten(bench.Printable(string(v.Verdict)), maxName)
	p := page{
		Title: "mlbench: " + verdict + " – " + shorten(headlineOf(v), 2*maxName), Kind: "How fast these start",
		Heading: "mlbench: " + verdict, Verdict: signOf(string(v.Verdict), "").Class,
		Made: "mlbench " + shorten(bench.Printable(v.Tool.Version), maxName) + ", " + v.StartedAt.UTC().Format("2006-01-02 15:04 MST") + ". All times are of starts until ready unless said otherwise; intervals are in brackets.",
	}
	if len(v.Candidates) == 1 {
		p.Kind = "How fast this starts"
	}
	said := sentences(v)
	for _, s := range said[:min(len(said), mostSentences)] {
		p.Said = append(p.Said, shorten(s, maxSentence))
	}
	for _, s := range failures(v) {
		p.Alerts = append(p.Alerts, alert{"fail", s})
	}
	for _, u := range unpassedGates(v) {
		p.Alerts = append(p.Alerts, alert{signOf(string(u.verdict), "").Class, u.line})
	}
	p.About = []string{v.StartedAt.UTC().Format("2006-01-02 15:04 MST"), headlineOf(v)}
	if v.Cold.Level != "" {
		p.About = append(p.About, "cold level "+shorten(bench.Printable(string(v.Cold.Level)), maxName))
	}

	if n := len(v.Warnings); n > 0 {
		p.About = append(p.About, plural(n, "warning")+", below")
	}

	p.add("candidates", "Candidates", pageBlock{Table: candidateTable(v)}, pageBlock{List: ifAny(together(v))})
	p.add("change", "Change against the baseline", pageBlock{Figure: changeFigure(v)})
	p.add("steps", "Step by step", stepBlocks(v)...)
	p.add("starts", "Start by start", pageBlock{Figure: startsFigure(v)})
	p.add("phases", "Where the time goes", pageBlock{Figure: phasesFigure(v)}, pageBlock{List: mostOf(v)},
		folded("Phases and costs in figures", pageBlock{Table: tableOf("Phases of the starts, medians", phases(v))}),
		pageBlock{Fold: foldOf(witnesses(v), "What a start takes"), Table: tableOf("What a start takes", witnesses(v))})
	p.add("gpu", "On the GPU", pageBlock{Figure: gpuFigure(v)}, pageBlock{Table: tableOf("On the GPU", onGPU(v))}, pageBlock{List: noteOn(onGPU(v), func() []string { return []string{onGPUNote(v)} })})
	p.add("load", "Under load", pageBlock{Table: tableOf("Under load", loads(v))}, pageBlock{List: noteOn(loads(v), func() []string { return loadFacts(v) })})
	var wins []pageBlock
	for i, w := range v.Wins {
		wins = append(wins, winBlocks(w, v.names, v.winNotes(i))...)
	}
	p.add("wins", "Biggest wins", wins...)
	imports, touched := explainedBlocks(v)
	p.add("imports", "What is imported", imports...)
	p.add("touched", "What is touched", touched...)
	p.add("gates", "Gates", pageBlock{Table: tableOf("Gates, with why", gates(v), verdictColumn)})
	p.add("diagnostics", "How it was measured", measuredBlocks(v)...)
	return p
}

func ifAny(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func folded(under string, b pageBlock) pageBlock {
	if b.Table != nil || b.List != nil {
		b.Fold = under
	}
	return b
}

func foldOf(t table, under string) string {
	if len(t.rows) == 0 {
		return ""
	}
	return under
}

func noteOn(t table, notes func() []string) []string {
	if len(t.rows) == 0 {
		return nil
	}
	return notes()
}

// headlineOf names the candidates on one line.
func headlineOf(v view) string {
	switch n := len(v.names); {
	case n == 0:
		return ""
	case n == 1:
		return v.names[0]
	case n == 2:
		return v.names[0] + " → " + v.names[1]
	}
	return v.names[0] + " → " + firstOf(v.names[1:], 3)
}

// candidateTable is the table of a comment, and what each gate says.
func candidateTable(v view) *pageTable {
	figures, of := v, *v.Result
	of.Gates = nil // they have a column of their own
	figures.Result = &of
	t := tableOf("Candidates: time to ready, change, size and gates", verdicts(figures))
	if t == nil {
		return nil
	}
	t.Head = append(t.Head, pageHead{Text: "gates", Words: true})
	for i := range t.Rows {
		cell := pageCell{Words: true}
		for _, g := range v.Gates {
			if g.Candidate == i {
				s := signOf(string(g.Verdict), bench.Printable(g.Name))
				if !slices.Contains(v.Spec.FailOn, g.Name) {
					s.Says += " (only told)"
					s.Class = "told"
				}
				cell.Signs = append(cell.Signs, s)
			}
		}
		t.Rows[i] = append(t.Rows[i], cell)
	}
	return t
}

// measuredBlocks are warnings, how it was measured, and how to do so again.
func measuredBlocks(v view) []pageBlock {
	var blocks []pageBlock
	if w := warnings(v); len(w) > 0 {
		blocks = append(blocks, pageBlock{Heading: plural(len(w), "warning"), List: capped(w, mostWarnings)})
	}
	line, notes := command(v)
	if line != "" || len(notes) > 0 {
		blocks = append(blocks, pageBlock{Heading: "To repeat it", Text: "This measures the same candidates again, in the same order.", Code: line}, pageBlock{List: notes})
	}
	measured := facts(v)
	for i := range measured {
		measured[i] = strings.TrimSpace(measured[i])
	}
	return append(blocks, pageBlock{Heading: "Host, cold level, digests and seed", List: capped(measured, mostWarnings)})
}

// mostWarnings bounds lists of foreign lines, so that a page stays small.
const mostWarnings = 200

func capped(lines []string, most int) []string {
	if more := len(lines) - most; more > 0 {
		return append(slices.Clone(lines[:most]), fmt.Sprintf("and %d more", more))
	}
	return lines
}
