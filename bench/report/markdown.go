package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/renderer"

	"mlbench/bench"
)

// maxMarkdown is how long a Markdown report may be, in bytes: GitHub refuses
// comments of more than 65,536 characters.
const maxMarkdown = 65_000

// Markdown renders a result for a pull request: the verdict first. It is
// never too long for a comment: what does not fit is left out, and that is said.
func Markdown(w io.Writer, r *bench.Result) error {
	v := look(r)
	return comment(w, func(w io.Writer, rows int) error { return markdown(w, v, rows) })
}

// comment writes what fits a comment: with fewer and fewer rows of every table
// and list, until with none.
func comment(w io.Writer, render func(w io.Writer, rows int) error) error {
	var text string
	for _, rows := range []int{1 << 30, 100, 20, 0} {
		var b strings.Builder
		if err := render(&b, rows); err != nil {
			return err
		}
		if text = b.String(); len(text) <= maxMarkdown {
			break
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// markdown writes no more than so many rows of every table and list.
func markdown(w io.Writer, v view, rows int) error {
	p := printer{w: w}
	p.line(fmt.Sprintf("### mlbench: %s", v.Verdict))
	p.line("")
	if found := sentences(v); len(found) == 1 {
		p.line(escape(shorten(found[0], 5000)))
	} else {
		p.list("", found, "", max(rows, 20)) // this is what a comment is read for
	}
	p.line("")
	if rows == 0 {
		p.line("The rest is too long for a comment.")
		return p.err
	}
	if failed := failures(v); len(failed) > 0 {
		p.list("**", failed, "**", rows)
		p.line("")
	}
	p.markdown(candidates(v), rows)
	if t := witnesses(v); len(t.rows) > 0 {
		p.line("")
		p.markdown(t, rows)
	}
	if t := phases(v); len(t.rows) > 0 {
		p.line("")
		p.markdown(t, rows)
	}
	if t := onGPU(v); len(t.rows) > 0 {
		p.line("")
		p.markdown(t, rows)
		p.line("")
		p.line(escape(onGPUNote(v)))
	}
	if t := loads(v); len(t.rows) > 0 {
		p.line("")
		p.markdown(t, rows)
		p.line("")
		p.list("", loadFacts(v), "", rows)
	}
	if len(v.Gates) > 0 {
		p.line("")
		p.markdown(gates(v), rows)
	}
	for _, s := range v.winSections() {
		p.markdownSection(s, rows)
	}
	p.line("")
	p.line("<details><summary>How it was measured</summary>\n")
	var warnings []string
	for _, warning := range v.Warnings {
		warnings = append(warnings, v.told(warning))
	}
	p.list("**warning:** ", warnings, "", rows)
	p.list("", strings.Split(coldness(v), "\n"), "", rows)
	var facts []string
	if s := together(v); s != "" {
		facts = append(facts, s)
	}
	facts = append(facts, adjustments(v)...)
	facts = append(facts, atQuantile(v)...)
	if s := exactness(v); s != "" {
		facts = append(facts, s)
	}
	facts = append(facts, host(v.Result))
	if s := gpuLine(v); s != "" {
		facts = append(facts, s)
	}
	for _, c := range v.On(bench.MetricReady) {
		if g := c.PairingGain; g != nil && *g > 0 {
			facts = append(facts, fmt.Sprintf("comparing %s pair by pair removed %s of the variance", v.names[c.Candidate], plain(*g)))
		}
	}
	for i, c := range v.Candidates {
		if c.Digest != "" {
			facts = append(facts, v.names[i]+" is "+shorten(bench.Printable(c.Digest), 80))
		}
	}
	p.list("", facts, "", rows)
	p.line(fmt.Sprintf("- mlbench %s, %s", escape(shorten(bench.Printable(v.Tool.Version), maxName)), v.StartedAt.Format("2006-01-02 15:04 MST")))
	p.line("\n</details>")
	return p.err
}

// list writes items, no more than so many.
func (p *printer) list(before string, items []string, after string, most int) {
	for _, item := range items[:min(len(items), most)] {
		p.line("- " + before + escape(strings.TrimSpace(item)) + after)
	}
	if more := len(items) - most; more > 0 {
		p.line(fmt.Sprintf("- and %d more", more))
	}
}

func (p *printer) markdown(t table, rows int) {
	shown := table{left: t.left, last: t.last, head: escaped(t.head)}
	for _, row := range t.rows[:min(len(t.rows), rows)] {
		shown.rows = append(shown.rows, escaped(row))
	}
	if more := len(t.rows) - rows; more > 0 {
		row := make([]string, len(t.head))
		row[0] = fmt.Sprintf("and %d more", more)
		shown.rows = append(shown.rows, row)
	}
	if p.err == nil {
		p.err = shown.write(p.w, renderer.NewMarkdown())
	}
}

func escaped(row []string) []string {
	out := make([]string, len(row))
	for i := range row {
		out[i] = escape(row[i])
	}
	return out
}

// unlinked keeps GitHub from making links of addresses in foreign text.
var unlinked = strings.NewReplacer("://", ":\u200b//", "www.", "www\u200b.", "WWW.", "WWW\u200b.")

// escape makes text that comes from images and users into plain Markdown: no
// markup, no HTML, no link, no mention of people or issues, on one line.
func escape(s string) string {
	s = unlinked.Replace(strings.TrimSpace(strings.ReplaceAll(bench.Printable(s), "\uFFFD", " ")))
	var b strings.Builder
	for i, c := range s {
		switch c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '$':
			b.WriteString("&#36;") // no formula
		case '@', '#':
			b.WriteRune(c)
			b.WriteString("\u200b") // so that nobody is called
		case '\\', '`', '*', '_', '[', ']', '|', '~':
			b.WriteByte('\\')
			b.WriteRune(c)
		case '-', '+', '=':
			if i == 0 {
				b.WriteByte('\\') // no list, no line
			}
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
