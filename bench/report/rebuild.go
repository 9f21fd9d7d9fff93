package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"mlbench/bench/rebuild"
)

// Rebuilds are the formats of how long rebuilds take.
var Rebuilds = Formats[*rebuild.Report]{
	{"text", "", rebuildText},
	{"markdown", ".md", rebuildMarkdown},
	{"json", ".json", func(w io.Writer, r *rebuild.Report) error { return r.Write(w) }},
}

// mostAnew is how many steps of a folder are shown, those that take longest; the
// JSON has all.
const mostAnew = 5

// A rebuildView is a view of rebuilds as starts.
type rebuildView struct {
	view
	of *rebuild.Report
}

func lookRebuild(r *rebuild.Report) rebuildView {
	v := rebuildView{look(r.Result), r}
	v.is, v.one = "is rebuilt", rebuild.Called
	return v
}

// how is how it was done.
func (v rebuildView) how() string {
	line := strings.Trim(v.of.Appended, "\n")
	what := fmt.Sprintf("in each rebuild its last line is new, as %q", brief(line, maxStep))
	if strings.TrimSpace(line) == "" {
		what = "in each rebuild its last line is new, of spaces and tabs"
	}
	return fmt.Sprintf("%s changes: %s; built with %s of engine %s and its cache", word(v.of.Touched), what, v.of.Builder, brief(v.of.Engine, maxName))
}

// folders is the table that answers the question: one row a folder.
func (v rebuildView) folders() table {
	t := table{left: 1, head: []string{
		"folder", "rebuild (median) [" + confidence(v.view) + "]", "change [" + changeConfidence(v.view) + "]", "steps done anew", "from the cache", "context", "first build",
	}}
	const change = 2
	for i, f := range v.of.Folders {
		first := unknown
		if f.FirstMS != nil {
			first = milliseconds(*f.FirstMS)
		}
		t.rows = append(t.rows, []string{
			v.names[i], v.readyOf(i), v.changeOf(i), fmt.Sprint(f.Executed), fmt.Sprint(f.Cached), bytes(f.ContextBytes), first,
		})
	}
	if len(v.of.Folders) == 1 {
		t = t.without(change)
	}
	return t.narrowed(0)
}

// anew is the table of the steps that take the time.
func (v rebuildView) anew() table {
	t := table{left: 2, head: []string{"folder", "step done anew", "took (median)"}}
	for i, f := range v.of.Folders {
		steps := slices.DeleteFunc(slices.Clone(f.Steps), func(s rebuild.Step) bool { return !s.Anew() })
		longest := slices.SortedStableFunc(slices.Values(steps), func(a, b rebuild.Step) int { return cmp.Compare(*b.MedianMS, *a.MedianMS) })
		shown := longest[:min(len(longest), mostAnew)]
		for _, s := range steps { // as the Dockerfile has them
			if slices.ContainsFunc(shown, func(x rebuild.Step) bool { return x.Name == s.Name }) {
				t.rows = append(t.rows, []string{v.names[i], step(s.Name), milliseconds(*s.MedianMS)})
			}
		}
		if rest := longest[len(shown):]; len(rest) > 0 {
			t.rows = append(t.rows, []string{v.names[i], fmt.Sprintf("and %d more that take less", len(rest)), ""})
		}
	}
	return t.narrowed(1, 0)
}

// step is a step's name on one line.
func step(name string) string {
	return brief(strings.Join(strings.Fields(brief(name, maxLine)), " "), maxStep)
}

// sentences are what was found, and why.
func (v rebuildView) sentences() []string {
	var lines []string
	for _, i := range judged(v.view) {
		var parts []string
		if len(v.Candidates) == 1 {
			parts = append(parts, alone(v.view))
		}
		for _, c := range v.of.Comparisons {
			if c.Candidate == i {
				parts = append(parts, comparison(v.view, c))
			}
		}
		if v.Spec.TargetGates {
			parts = append(parts, target(v.view, i))
		}
		lines = append(lines, strings.TrimSpace(strings.Join(parts, " ")))
	}
	if s := v.why(); s != "" {
		lines = append(lines, s)
	}
	return lines
}

// why is what a change makes the builder do.
func (v rebuildView) why() string {
	var parts []string
	for i, f := range v.of.Folders {
		at := slices.IndexFunc(f.Steps, rebuild.Step.Anew)
		switch {
		case len(f.Steps) == 0:
		case at < 0:
			parts = append(parts, "no step of "+v.names[i]+" anew")
		default:
			parts = append(parts, fmt.Sprintf("%s of %s anew (%s)", plural(f.Executed, "step"), v.names[i], fromStep(f, at)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("After a change of %s the builder does %s.", word(v.of.Touched), strings.Join(parts, ", "))
}

// fromStep says with which step it begins.
func fromStep(f rebuild.FolderReport, at int) string {
	name := step(f.Steps[at].Name)
	if f.Executed == 1 {
		return name
	}
	return "from " + name + " on"
}

// rebuildText renders rebuilds for a terminal. It ends with the sentence.
func rebuildText(w io.Writer, r *rebuild.Report) error {
	v := lookRebuild(r)
	p := printer{w: w}
	p.line("rebuild: " + headline(v.view))
	p.paragraph("", v.how())
	p.line("")
	if failed := failures(v.view); len(failed) > 0 {
		for _, line := range failed {
			p.line(line)
		}
		p.line("")
	}
	p.table(v.folders())
	if t := v.anew(); len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
	if len(r.Gates) > 0 {
		p.line("")
		p.table(stacked(gates(v.view)))
	}
	p.line("")
	p.warnings(r.Warnings)
	if s := together(v.view); s != "" {
		p.line(s)
	}
	p.line(host(r.Result))
	for _, s := range v.sentences() {
		p.line(s)
	}
	return p.err
}

// rebuildMarkdown renders them for a pull request: the sentence first.
func rebuildMarkdown(w io.Writer, r *rebuild.Report) error {
	v := lookRebuild(r)
	return comment(w, func(w io.Writer, rows int) error {
		p := printer{w: w}
		p.line("### mlbench rebuild: " + escape(headline(v.view)) + "\n")
		for _, s := range v.sentences() {
			p.line(escape(s) + "\n")
		}
		if rows == 0 {
			p.line("The rest is too long for a comment.")
			return p.err
		}
		p.markdown(v.folders(), rows)
		if t := v.anew(); len(t.rows) > 0 {
			p.details("steps done anew", rows, t)
		}
		if len(r.Gates) > 0 {
			p.details("gates", rows, gates(v.view))
		}
		notes := append([]string{v.how()}, warned(r.Warnings)...)
		if s := together(v.view); s != "" {
			notes = append(notes, s)
		}
		p.line("\n<details><summary>how it was measured</summary>\n")
		p.list("", append(notes, host(r.Result)), "", rows)
		p.line("\n</details>")
		return p.err
	})
}
