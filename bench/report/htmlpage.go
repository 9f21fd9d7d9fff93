package report

import (
	"html"
	"io"
	"regexp"
	"strings"

	"mlbench/bench"
)

// Pages are written by hand rather than by html/template: that calls methods by
// their names, so that the linker keeps those of all types, and mlbench would be
// a quarter larger for this one page.

// markup is HTML as it is to be. Constants become markup by themselves, and text
// by escapeHTML alone: the compiler refuses any other.
type markup string

// escapeHTML is how all text comes into a page or a drawing: nothing in it is
// markup, and nothing turns its direction.
func escapeHTML(s string) markup { return markup(html.EscapeString(bench.Printable(s))) }

// hypertext is markup that is being written.
type hypertext struct{ b strings.Builder }

func (h *hypertext) put(parts ...markup) {
	for _, m := range parts {
		h.b.WriteString(string(m))
	}
}

// each puts every text between what is before and after it.
func (h *hypertext) each(texts []string, before, after markup) {
	for _, s := range texts {
		h.put(before, escapeHTML(s), after)
	}
}

// some puts a text between what is before and after it, if there is one.
func (h *hypertext) some(before markup, text string, after markup) {
	if text != "" {
		h.put(before, escapeHTML(text), after)
	}
}

func (p page) write(w io.Writer) error {
	var h hypertext
	h.put(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="`, escapeHTML(pagePolicy), `">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>`, escapeHTML(p.Title), `</title>
<style>`, markup(pageStyle), `</style>
</head>
<body>
<header>
<p class="kind">`, escapeHTML(p.Kind), `</p>
<h1`)
	h.some(` class="`, p.Verdict, `"`)
	h.put(`>`, seal(p.Verdict), `<span>`, escapeHTML(p.Heading), `</span></h1>
`)
	if len(p.Said) > 0 {
		h.put(`<div class="said">`)
		for _, said := range p.Said {
			h.put(`<p>`, glued(escapeHTML(said)), `</p>`)
		}
		h.put(`</div>`)
	}
	h.put("\n")
	if len(p.Alerts) > 0 {
		h.put(`<ul class="alerts">`)
		for _, a := range p.Alerts {
			h.put(`<li class="`, escapeHTML(a.Tone), `">`, escapeHTML(a.Text), `</li>`)
		}
		h.put(`</ul>`)
	}
	h.put("\n")
	if len(p.About) > 0 {
		h.put(`<p class="about">`)
		h.each(p.About, `<span>`, `</span> `)
		h.put(`</p>`)
	}
	h.put("\n</header>\n<main>\n")
	for _, part := range p.Parts {
		h.put(`<section aria-labelledby="`, escapeHTML(part.ID), "\">\n<h2 id=\"", escapeHTML(part.ID), `">`, escapeHTML(part.Title), "</h2>\n")
		for _, b := range part.Blocks {
			h.block(b)
		}
		h.put("</section>\n")
	}
	h.put("</main>\n<footer><p>", escapeHTML(p.Made), "</p></footer>\n</body>\n</html>\n")
	_, err := io.WriteString(w, h.b.String())
	return err
}

// quantity is a number and its unit.
var quantity = regexp.MustCompile(`(\d|≤) (%|ms|s|min|kB|MB|GB|\d)`)

// glued keeps numbers and their units in one line.
func glued(text markup) markup { return markup(quantity.ReplaceAllString(string(text), "$1\u00a0$2")) }

// seal is the sign of a verdict before the heading.
func seal(verdict string) markup {
	const begin, end markup = `<svg class="seal" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">`, `</svg>`
	switch verdict {
	case "":
		return ""
	case "pass":
		return begin + `<circle cx="16" cy="16" r="15"/><path d="M9.5 16.5l4.5 4.5l9-9.5"/>` + end
	case "fail":
		return begin + `<path class="ground" d="M10 1h12l9 9v12l-9 9h-12l-9 -9v-12z"/><path d="M10.5 10.5l11 11M21.5 10.5l-11 11"/>` + end
	}
	return begin + `<rect x="2" y="2" width="28" height="28" rx="6"/><path d="M12.5 12.8a3.5 3.5 0 1 1 5 3.200c-1.200 .6 -1.500 1.200 -1.500 2.600M16 22v.4"/>` + end
}

func (h *hypertext) block(b pageBlock) {
	h.some(`<details><summary>`, b.Fold, `</summary>`)
	h.put("\n")
	h.some(`<h3>`, b.Heading, "</h3>\n")
	h.some(`<p>`, b.Text, "</p>\n")
	h.some(`<p class="aside">`, b.Aside, "</p>\n")
	if b.Figure != nil {
		h.figure(b.Figure)
	}
	if b.Table != nil {
		h.table(b.Table)
	}
	if len(b.List) > 0 {
		h.put(`<ul class="notes">`)
		h.each(b.List, `<li>`, "</li>\n")
		h.put("</ul>\n")
	}
	h.some(`<div class="scroll code" role="region" tabindex="0" aria-label="command"><pre><code>`, b.Code, "</code></pre></div>\n")
	if b.Fold != "" {
		h.put("</details>\n")
	}
}

func (h *hypertext) sign(s verdictSign) {
	h.put(`<span class="sign `, escapeHTML(s.Class), `">`)
	h.some(`<span class="shape" aria-hidden="true">`, s.Shape, `</span>`)
	h.put(escapeHTML(s.Text))
	h.some(`<span class="unseen">: `, s.Says, `</span>`)
	h.put(`</span>`)
}

func (h *hypertext) table(t *pageTable) {
	h.put(`<div class="scroll" role="region" tabindex="0" aria-label="`, escapeHTML(t.Caption), "\"><table>\n<caption class=\"unseen\">", escapeHTML(t.Caption), "</caption>\n<thead><tr>")
	for _, head := range t.Head {
		h.put(`<th scope="col"`)
		if head.Words {
			h.put(` class="words"`)
		}
		h.put(`>`, escapeHTML(head.Text), `</th>`)
	}
	h.put("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		h.put(`<tr>`)
		for _, c := range row {
			h.cell(c)
		}
		h.put("</tr>\n")
	}
	h.put("</tbody>\n</table></div>\n")
}

func (h *hypertext) cell(c pageCell) {
	switch {
	case c.Head:
		h.put(`<th scope="row">`, escapeHTML(c.Text), `</th>`)
	case len(c.Signs) > 0:
		h.put(`<td class="signs">`)
		for _, s := range c.Signs {
			h.sign(s)
			h.put(` `)
		}
		h.put(`</td>`)
	case c.Words:
		h.put(`<td class="words">`, escapeHTML(c.Text), `</td>`)
	default:
		h.put(`<td>`, escapeHTML(c.Text), `</td>`)
	}
}

func (h *hypertext) figure(f *pageFigure) {
	h.put(`<figure class="`, escapeHTML(f.Class), "\">\n<div class=\"rows\">\n")
	for _, row := range f.Rows {
		if row.Axis {
			h.put(`<div class="row axis">`)
		} else {
			h.put(`<div class="row"><div class="name">`, escapeHTML(row.Name), `</div><div class="value">`)
			if row.Sign != nil {
				h.sign(*row.Sign)
				h.put(` `)
			}
			h.put(escapeHTML(row.Value), `</div>`)
		}
		h.put(`<div class="plots">`)
		h.put(row.Plots...)
		h.put(`</div>`)
		h.some(`<div class="note">`, row.Note, `</div>`)
		h.put("</div>\n")
	}
	h.put("</div>\n")
	if len(f.Legend) > 0 {
		h.put(`<ul class="legend">`)
		for _, key := range f.Legend {
			h.put(`<li><svg width="14" height="14" aria-hidden="true"><rect class="`, escapeHTML(key.Class), `" x="1" y="1" width="12" height="12" rx="2"/></svg>`, escapeHTML(key.Text), `</li>`)
		}
		h.put("</ul>\n")
	}
	h.put(`<figcaption>`, escapeHTML(f.Caption))
	h.some(` `, f.Note, "")
	h.put("</figcaption>\n</figure>\n")
}
