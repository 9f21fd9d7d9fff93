package report

import (
	"fmt"
	"io"
	"strings"

	"mlbench/bench"
	"mlbench/bench/explain"
)

// Explanations are the formats of what explain finds.
var Explanations = Formats[*explain.Report]{
	{"text", "", explanationText},
	{"markdown", ".md", explanationMarkdown},
	{"", ".html", explanationHTML},
	{"json", ".json", asJSON[*explain.Report]},
}

// A section is a part of an explanation, in any format.
type section struct {
	title string
	table table
	lines []string // after it
}

// shownOwners, shownImports and shownTree are how many rows a reader gets: the
// JSON has them all.
const (
	shownOwners  = 12
	shownImports = 15
	shownTree    = 25
)

// explanationText renders where a start goes for a terminal.
func explanationText(w io.Writer, r *explain.Report) error {
	p := printer{w: w}
	p.line(explainedNames(r))
	p.paragraph("", "cold: "+bench.Printable(string(r.Cold.Level))+" – "+bench.Printable(r.Cold.How))
	for _, s := range explainSections(r) {
		p.textSection(s)
	}
	if len(r.Warnings) > 0 {
		p.line("")
		p.warnings(r.Warnings)
	}
	return p.err
}

func (p *printer) textSection(s section) {
	p.line("")
	p.paragraph("", s.title)
	if len(s.table.rows) > 0 {
		p.table(s.table.narrowed(0, 1))
	}
	for _, line := range s.lines {
		p.paragraph("  ", line)
	}
}

// markdownSection writes no more than so many rows of it.
func (p *printer) markdownSection(s section, rows int) {
	p.line("")
	p.line("#### " + escape(s.title))
	if len(s.table.rows) > 0 {
		p.line("")
		p.markdown(s.table, rows)
	}
	if len(s.lines) > 0 {
		p.line("")
		p.list("", s.lines, "", rows)
	}
}

// explanationMarkdown renders it for a pull request.
func explanationMarkdown(w io.Writer, r *explain.Report) error {
	var b strings.Builder
	p := printer{w: &b}
	p.line("### mlbench: where a start goes")
	p.line("")
	p.line(escape(explainedNames(r)))
	for _, s := range explainSections(r) {
		p.markdownSection(s, shownTree)
	}
	p.line("")
	if len(r.Warnings) > 0 {
		p.list("**warning:** ", briefly(r.Warnings), "", maxWarnings)
		p.line("")
	}
	p.line(escape("cold: " + string(r.Cold.Level) + " – " + r.Cold.How))
	if p.err == nil {
		_, p.err = io.WriteString(w, b.String())
	}
	return p.err
}

func explainedNames(r *explain.Report) string { return strings.Join(explainNames(r), " → ") }

func explainNames(r *explain.Report) []string {
	var names []string
	for _, c := range r.Candidates {
		names = append(names, word(c.Name))
	}
	return names
}

func explainSections(r *explain.Report) []section {
	sections := append([]section{explainPhases(r)}, explainOnGPU(r)...)
	last := &r.Candidates[len(r.Candidates)-1] // what the old one could gain is past
	if r.Difference != nil {
		sections = append(sections, explainDifference(r)...)
	} else {
		if last.Imports != nil {
			sections = append(sections, explainImports(last.Imports))
		}
		if last.Touched != nil {
			sections = append(sections, explainTouched(last.Touched))
		}
	}
	if r.Wins != nil {
		sections = append(sections, winSections(*r.Wins, explainNames(r))...)
	}
	if len(last.Opportunities) > 0 {
		sections = append(sections, couldBeGained(last, inOneOf(r, len(r.Candidates)-1)))
	}
	for i, c := range r.Candidates {
		if len(c.Missing) > 0 {
			sections = append(sections, section{title: "not known" + inOneOf(r, i), lines: printable(c.Missing)})
		}
	}
	return sections
}

// inOneOf names the candidate where there are several.
func inOneOf(r *explain.Report, i int) string {
	if len(r.Candidates) == 1 {
		return ""
	}
	return " in " + explainNames(r)[i]
}

// explainPhases has a column for each candidate, and one for the change.
func explainPhases(r *explain.Report) section {
	t := explainTimes(r, "phase", func(c explain.Candidate) []explain.Phase { return c.Phases })
	row, all := []string{"ready"}, []float64(nil)
	starts := 0
	for _, c := range r.Candidates {
		row, all = append(row, milliseconds(c.ReadyMS)), append(all, c.ReadyMS)
		starts = max(starts, c.Starts)
	}
	t.rows = append(t.rows, withChange(row, all, r))
	return section{title: fmt.Sprintf("phases, medians of %s", plural(starts, "start")), table: t}
}

// explainOnGPU is nothing where no candidate was seen on a GPU.
func explainOnGPU(r *explain.Report) []section {
	t := explainTimes(r, "on the GPU", func(c explain.Candidate) []explain.Phase { return c.OnGPU })
	if len(t.rows) == 0 {
		return nil
	}
	row := []string{"memory when ready"}
	for _, c := range r.Candidates {
		cell := unknown
		if c.GPUMemoryBytes != nil {
			cell = bytes(*c.GPUMemoryBytes)
		}
		row = append(row, cell)
	}
	if len(r.Candidates) > 1 {
		row = append(row, "")
	}
	t.rows = append(t.rows, row)
	return []section{{title: "on the GPU: until it is first seen there, and then until its memory stands, beside boot and warmup", table: t}}
}

// explainTimes are the medians of each candidate, and their change.
func explainTimes(r *explain.Report, head string, of func(explain.Candidate) []explain.Phase) table {
	t := table{left: 1, head: append([]string{head}, explainNames(r)...)}
	if len(r.Candidates) == 1 {
		t.head[1] = "time"
	} else {
		t.head = append(t.head, "change")
	}
	var names []string
	for _, c := range r.Candidates {
		for _, p := range of(c) {
			names = appendNew(names, p.Name)
		}
	}
	for _, name := range names {
		row := []string{bench.Printable(name)}
		var all []float64
		for _, c := range r.Candidates {
			cell := unknown
			for _, p := range of(c) {
				if p.Name == name {
					cell, all = milliseconds(p.MS), append(all, p.MS)
				}
			}
			row = append(row, cell)
		}
		t.rows = append(t.rows, withChange(row, all, r))
	}
	return t
}

func withChange(row []string, all []float64, r *explain.Report) []string {
	switch {
	case len(r.Candidates) == 1:
		return row
	case len(all) < len(r.Candidates):
		return append(row, unknown)
	}
	return append(row, signedMillis(all[1]-all[0]))
}

func signedMillis(ms float64) string {
	u := unitFor(ms)
	return u.signed(ms) + u.name
}

func explainImports(i *explain.Imports) section {
	s := section{title: fmt.Sprintf("imports: %s, %s in all, in %s that told of them (ready in %s)",
		plural(i.Modules, "module"), milliseconds(i.TotalMS), plural(i.Starts, "more start"), milliseconds(i.ReadyMS))}
	s.table = table{left: 3, head: []string{"package", "whose", "imported by", "own modules", "and its alone", "and all it imports first"}}
	for _, p := range i.Packages[:min(len(i.Packages), shownImports)] {
		whose := string(p.Kind)
		if p.Owner != nil && p.Kind == explain.Installed {
			whose = string(p.Owner.Kind) + " " + p.Owner.Name
		}
		s.table.rows = append(s.table.rows, printable([]string{
			shorten(p.Name, maxName), shorten(whose, maxName), shorten(p.By, maxName), milliseconds(p.SelfMS), milliseconds(p.AloneMS), milliseconds(p.CumulativeMS),
		}))
	}
	if more := len(i.Packages) - shownImports; more > 0 {
		s.lines = append(s.lines, fmt.Sprintf("and %s more", plural(more, "package")))
	}
	if tree := treeLines(i.Tree, "", i.TotalMS/20); len(tree) > 0 {
		s.lines = append(s.lines, "largest: "+strings.Join(tree[:min(len(tree), 5)], "; "))
	}
	if len(i.Later) > 0 {
		var later []string
		for _, p := range i.Later[:min(len(i.Later), 5)] {
			later = append(later, fmt.Sprintf("%s %s", word(p.Name), milliseconds(p.CumulativeMS)))
		}
		s.lines = append(s.lines, fmt.Sprintf("imported by the first request alone: %s (%s)", milliseconds(i.LaterMS), strings.Join(later, ", ")))
	}
	s.lines = append(s.lines, printable(i.Warnings)...)
	return s
}

// treeLines are the paths to the largest imports: who imports whom.
func treeLines(tree []explain.Module, path string, least float64) []string {
	var lines []string
	for _, m := range tree {
		if m.CumulativeMS < least {
			continue
		}
		here := strings.TrimPrefix(path+" > "+word(m.Name), " > ")
		below := treeLines(m.Imports, here, least)
		if len(below) == 0 {
			below = []string{here + " " + milliseconds(m.CumulativeMS)}
		}
		lines = append(lines, below...)
	}
	return lines
}

func explainTouched(t *explain.Touched) section {
	s := section{title: fmt.Sprintf("touched until ready: %s of %s, %d of %d files", bytes(t.Ready.Bytes), bytes(t.Bytes), t.Ready.Files, t.Files)}
	if f := t.FirstResponse; f != nil {
		s.title += fmt.Sprintf("; until the first response: %s, %d files", bytes(f.Bytes), f.Files)
	}
	s.table = table{left: 1, head: []string{"whose", "size", "touched", "files", "touched", "in files never touched"}}
	for _, o := range t.Owners[:min(len(t.Owners), shownOwners)] {
		s.table.rows = append(s.table.rows, printable([]string{
			shorten(strings.TrimSpace(string(o.Kind)+" "+o.Name), maxName), bytes(o.Bytes), bytes(o.TouchedBytes), fmt.Sprint(o.Files), fmt.Sprint(o.TouchedFiles), bytes(o.NeverBytes),
		}))
	}
	if more := len(t.Owners) - shownOwners; more > 0 {
		s.lines = append(s.lines, fmt.Sprintf("and %s more", plural(more, "owner")))
	}
	for _, g := range t.Never {
		if g.Bytes < 100e3 { // less is not worth a line
			break
		}
		s.lines = append(s.lines, bench.Printable(fmt.Sprintf("never touched, %s: %s in %s (%s)", g.Reason, bytes(g.Bytes), plural(len(g.Owners), "owner"), firstOf(g.Owners, 8))))
	}
	s.lines = append(s.lines, "touched is: "+bench.Printable(t.How))
	return s
}

// firstOf lists the first names and counts the others.
func firstOf(names []string, most int) string {
	var shown []string
	for _, n := range names[:min(len(names), most)] {
		shown = append(shown, shorten(n, maxName))
	}
	s := strings.Join(shown, ", ")
	if more := len(names) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func couldBeGained(c *explain.Candidate, in string) section {
	s := section{title: "what could be gained" + in}
	var bases []string
	for _, o := range c.Opportunities {
		gain := unknown
		switch {
		case o.MS != nil:
			gain = "up to " + milliseconds(*o.MS)
		case o.Bytes != nil:
			gain = bytes(*o.Bytes)
		}
		s.lines = append(s.lines, bench.Printable(gain+": "+o.What))
		bases = appendNew(bases, bench.Printable("rests on: "+o.Basis))
	}
	s.lines = append(s.lines, bases...)
	return s
}

func printable(list []string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = bench.Printable(list[i])
	}
	return out
}
