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

// unlinked keeps GitHub and GitLab from making links of addresses, issues and
// merge requests in foreign text; # and @ are escape's.
var unlinked = strings.NewReplacer("://", ":\u200b//", "www.", "www\u200b.", "WWW.", "WWW\u200b.",
	"GH-", "GH\u200b-", "gh-", "gh\u200b-", "!", "!\u200b")

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

// fenced writes a line of code that nothing in it ends.
func (p *printer) fenced(language, line string) {
	fence := "```"
	for strings.Contains(line, fence) {
		fence += "`"
	}
	p.line(fence + language + "\n" + line + "\n" + fence)
}
