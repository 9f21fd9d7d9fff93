package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/renderer"

	"mlbench/bench"
)

// Markdown renders a result for a pull request.
func Markdown(w io.Writer, r *bench.Result) error {
	p := printer{w: w}
	p.line(fmt.Sprintf("### mlbench: %s", r.Verdict))
	p.line("")
	p.line(escape(Sentence(r)))
	p.line("")
	for i, c := range r.Candidates {
		if s := r.Summary(i); s.Failed > 0 {
			p.line(fmt.Sprintf("**%s: %d of %s failed** (%s)\n", escape(c.Name), s.Failed, plural(s.Starts, "start"), bench.Counts(s.Outcomes)))
		}
	}
	p.markdown(candidates(r), 1)
	if t := phases(r); len(t.rows) > 0 {
		p.line("")
		p.markdown(t, 1)
	}
	if len(r.Gates) > 0 {
		p.line("")
		p.markdown(gates(r), 4)
	}
	p.line("")
	p.line("<details><summary>How it was measured</summary>\n")
	for _, warning := range r.Warnings {
		p.line("- **warning:** " + escape(warning))
	}
	for _, line := range strings.Split(coldness(r), "\n") {
		p.line("- " + escape(strings.TrimSpace(line)))
	}
	p.line("- " + escape(host(r)))
	for _, c := range r.Candidates {
		if c.Digest != "" {
			p.line("- " + escape(c.Name) + " is " + escape(c.Digest))
		}
	}
	p.line(fmt.Sprintf("- mlbench %s, %s", escape(r.Tool.Version), r.StartedAt.Format("2006-01-02 15:04 MST")))
	p.line("\n</details>")
	return p.err
}

func (p *printer) markdown(t table, left int) {
	for _, row := range append(t.rows, t.head) {
		for i := range row {
			row[i] = escape(row[i])
		}
	}
	if p.err == nil {
		p.err = t.write(p.w, renderer.NewMarkdown(), t.figures(left))
	}
}

// escape makes text that comes from images and users into plain Markdown: no
// markup, no HTML, no mention of people or issues, on one line.
func escape(s string) string {
	s = strings.ReplaceAll(bench.Printable(s), "\uFFFD", " ")
	var b strings.Builder
	for _, c := range s {
		switch c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@', '#':
			b.WriteRune(c)
			b.WriteString("\u200b") // so that nobody is called
		case '\\', '`', '*', '_', '[', ']', '|', '~':
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
