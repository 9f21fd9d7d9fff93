package report

import (
	"io"
	"strings"

	"mlbench/runner/image"
)

// imageMarkdown renders a report for a pull request.
func imageMarkdown(w io.Writer, r *image.Report, top int) error {
	return comment(w, func(w io.Writer, rows int) error {
		p := printer{w: w}
		p.line("### mlbench inspect: " + string(r.Verdict) + "\n")
		p.line(escape(shorten(imageSentence(r), 5000)))
		if rows == 0 {
			p.line("\nThe rest is too long for a comment.")
			return p.err
		}
		p.section(imageGates(r), rows)
		p.section(findingTable(r.Findings), rows)
		p.section(reasonTable(r, top), rows)
		p.details("Owners", rows, ownerTable(r, top))
		p.details("Layers", rows, layerTable(r, top))
		p.evidence(r.Findings, rows)
		p.notes(append([]string{imageFacts(r)}, warned(r.Warnings)...), rows)
		return p.err
	})
}

// differenceMarkdown renders a difference for a pull request.
func differenceMarkdown(w io.Writer, d *image.Difference, top int) error {
	return comment(w, func(w io.Writer, rows int) error {
		p := printer{w: w}
		before, after := differenceNames(d)
		p.line("### mlbench inspect: " + string(d.New.Verdict) + "\n")
		p.line(escape(shorten(differenceSentence(d), 5000)))
		if rows == 0 {
			p.line("\nThe rest is too long for a comment.")
			return p.err
		}
		p.line("\n" + escape(layersInShort(d)) + ".")
		p.section(imageGates(d.New), rows)
		p.section(reasonChanges(d, top), rows)
		for _, part := range []struct {
			title    string
			findings []image.Finding
		}{{"New", d.Findings.New}, {"Still there", kept(d)}, {"Fixed", d.Findings.Fixed}} {
			if len(part.findings) > 0 {
				p.line("\n" + part.title + ":")
				p.section(findingTable(part.findings), rows)
			}
		}
		p.details("Owners", rows, ownerChanges(d, top))
		p.evidence(append(append([]image.Finding{}, d.Findings.New...), kept(d)...), rows)
		p.notes(append([]string{
			before + " is " + imageFacts(d.Old), after + " is " + imageFacts(d.New),
		}, warned(differenceWarnings(d))...), rows)
		return p.err
	})
}

// section draws a table that has rows, after an empty line.
func (p *printer) section(t table, rows int) {
	if len(t.rows) > 0 {
		p.line("")
		p.markdown(t, rows)
	}
}

// details is a table that is folded away.
func (p *printer) details(title string, rows int, t table) {
	if len(t.rows) > 0 {
		p.line("\n<details><summary>" + title + "</summary>")
		p.section(t, rows)
		p.line("\n</details>")
	}
}

// evidence is what findings rest on, folded away.
func (p *printer) evidence(findings []image.Finding, rows int) {
	var items []string
	for _, f := range findings {
		if len(f.Evidence) > 0 {
			lines := evidence(f.Evidence, 10)
			items = append(items, word(f.ID)+": "+strings.Join(lines, " "))
		}
	}
	if len(items) > 0 {
		p.line("\n<details><summary>Evidence</summary>\n")
		p.list("", items, "", rows)
		p.line("\n</details>")
	}
}

// notes are what else is to be said, folded away.
func (p *printer) notes(notes []string, rows int) {
	p.line("\n<details><summary>What was read</summary>\n")
	p.list("", notes, "", rows)
	p.line("\n</details>")
}

func warned(warnings []string) []string {
	var out []string
	for _, w := range warnings {
		out = append(out, "warning: "+brief(w, maxLine))
	}
	return out
}
