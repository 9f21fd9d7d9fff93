package report

import (
	"fmt"
	"io"
	"strings"

	"mlbench/bench"
	"mlbench/bench/repro"
	"mlbench/runner/image"
)

// Repros are the formats of how reproducible a build is.
var Repros = Formats[*repro.Report]{
	{"text", "", reproText},
	{"markdown", ".md", reproMarkdown},
	{"json", ".json", func(w io.Writer, r *repro.Report) error { return r.Write(w) }},
}

// How many of a kind a terminal and a comment show; the JSON has all.
const (
	mostDrifts       = 20
	mostDriftsFolded = 100
)

// A part of a report of reproducibility is a table under a title.
type reproPart struct {
	title string
	count int // of which the table may show fewer
	table
}

// reproHead is what was compared.
func reproHead(r *repro.Report) []string {
	var lines []string
	a, b := r.Images[0], r.Images[1]
	if r.Builder == nil {
		lines = append(lines, fmt.Sprintf("repro: %s (%s) → %s (%s)", word(a.Ref), bytes(a.Bytes), word(b.Ref), bytes(b.Bytes)))
	} else {
		lines = append(lines,
			fmt.Sprintf("repro: %s, built twice in %s and %s, %s and %s", word(r.Folder),
				milliseconds(a.BuildMS), milliseconds(b.BuildMS), bytes(a.Bytes), bytes(b.Bytes)),
			fmt.Sprintf("builder: %s of engine %s; %s", r.Builder.Name, bench.Printable(r.Builder.Version), r.Builder.Meaning))
		if a.Kept {
			lines = append(lines, fmt.Sprintf("kept: %s and %s", a.Ref, b.Ref))
		}
	}
	if len(r.Ignore) > 0 {
		verb := "match"
		if r.Ignored == 1 {
			verb = "matches"
		}
		lines = append(lines, fmt.Sprintf("ignored: %s that %s %s", plural(r.Ignored, "differing file"), verb, brief(strings.Join(r.Ignore, ", "), maxLine)))
	}
	if o := r.Output; o != nil {
		for i, which := range []string{"first", "second"} {
			lines = append(lines, fmt.Sprintf("output of the %s: %s in %s, %s", which, bytes(o.Bytes[i]), milliseconds(o.RunMS[i]), o.Digests[i]))
		}
	}
	if len(r.Config) > 0 {
		lines = append(lines, "configuration differs in: "+strings.Join(r.Config, ", "))
	}
	return lines
}

// reproParts are the tables.
func reproParts(r *repro.Report) []reproPart {
	var parts []reproPart
	add := func(title string, n, left int, head []string, row func(i int) []string) {
		if n == 0 {
			return
		}
		p := reproPart{fmt.Sprintf("%s: %d", title, n), n, table{head: head, left: left}}
		for i := range min(n, mostDriftsFolded) {
			p.rows = append(p.rows, row(i))
		}
		parts = append(parts, p)
	}
	if o := r.Output; o != nil && o.Line != nil {
		p := reproPart{fmt.Sprintf("output that differs, from line %d on", o.Line.Number), 2, table{head: []string{"image", "prints"}, left: 2}}
		for i, which := range []string{"first", "second"} {
			text := brief(o.Line.Texts[i], maxPrinted)
			switch {
			case o.Line.Ends[i]:
				text = "(no such line)"
			case o.Line.Texts[0] == o.Line.Texts[1] && o.Bytes[i] < o.Bytes[1-i]:
				text += " (its end, without a line break)"
			}
			p.rows = append(p.rows, []string{which, text})
		}
		parts = append(parts, p)
	}
	add("packages that drift", len(r.Packages), 4, []string{"package", "kind", "first", "second"}, func(i int) []string {
		p := r.Packages[i]
		return []string{brief(p.Name, maxCellName), string(p.Kind), orNone(p.Versions[0]), orNone(p.Versions[1])}
	})
	add("layers that differ", len(r.Layers), 1, []string{"made by", "layer", "files that differ"}, func(i int) []string {
		l := r.Layers[i]
		files := fmt.Sprint(l.Files)
		switch {
		case l.DiffIDs[1] == "":
			files = "only in first"
		case l.DiffIDs[0] == "":
			files = "only in second"
		case l.Files == 0:
			files = "none: times"
		}
		return []string{brief(l.CreatedBy, maxStep), fmt.Sprint(l.Place + 1), files} // as inspect counts
	})
	for _, files := range []struct {
		title string
		list  []image.FileDrift
	}{{"files that differ", r.Files}, {"known noise", r.Noise}} {
		noise := len(files.list) > 0 && files.list[0].Why != ""
		head := []string{"file", "what", "whose", "first", "second"}
		if noise {
			head[2] = "why"
		}
		add(files.title, len(files.list), 3, head, func(i int) []string {
			f := files.list[i]
			whose := strings.TrimSpace(string(f.Owner.Kind) + " " + brief(f.Owner.Name, maxCellName))
			if noise {
				whose = f.Why
			}
			row := []string{brief("/"+f.Path, maxPath), what(f.What), whose, bytes(f.Sizes[0]), bytes(f.Sizes[1])}
			for _, d := range f.What {
				switch d {
				case image.OnlyFirst:
					row[4] = unknown
				case image.OnlySecond:
					row[3] = unknown
				}
			}
			return row
		})
	}
	return parts
}

// How many columns of a table foreign text may take.
const (
	maxStep     = 80
	maxPrinted  = 100
	maxPath     = 46
	maxCellName = 28 // of a name or a version
)

func orNone(s string) string {
	if s == "" {
		return unknown
	}
	return brief(s, maxCellName)
}

func what(aspects []image.Aspect) string {
	var words []string
	for _, d := range aspects {
		words = append(words, string(d))
	}
	return strings.Join(words, ", ")
}

// reproSentence is the grade in words, to paste.
func reproSentence(r *repro.Report) string {
	what := word(r.Folder) + " built twice"
	if r.Builder == nil {
		what = word(r.Images[0].Ref) + " and " + word(r.Images[1].Ref)
	}
	s := fmt.Sprintf("%s: grade %s, %s", what, onScale(r.Grade), repro.Words(r.Grade))
	if n := len(r.Packages); n > 0 {
		s += fmt.Sprintf(" (%s: %s)", plural(n, "package"), firstNames(r.Packages))
	}
	switch {
	case r.IgnoreNoise && len(r.Noise) > 0:
		s += fmt.Sprintf("; %s of known noise ignored", plural(len(r.Noise), "file"))
	case r.Quiet != r.Grade:
		s += fmt.Sprintf("; without known noise grade %d, %s", r.Quiet, repro.Words(r.Quiet))
	}
	s += "." + outputInShort(r.Output)
	if r.Gate != nil {
		verdict := "passed"
		if r.Gate.Verdict == bench.Fail {
			verdict = "failed"
		}
		asked := fmt.Sprintf("%d or better", r.Gate.Limit)
		if r.Gate.Limit == image.SameDigest {
			asked = fmt.Sprint(r.Gate.Limit)
		}
		s += fmt.Sprintf(" Gate grade %s: %s is asked for.", verdict, asked)
	}
	return s
}

// outputInShort says whether both images print the same.
func outputInShort(o *repro.Output) string {
	switch {
	case o == nil:
		return ""
	case o.Verdict == bench.Pass:
		return fmt.Sprintf(" Both print the same, to the byte (%s, %s).", bytes(o.Bytes[0]), o.Digests[0])
	}
	s := " Gate output failed: they print other things"
	if o.Line != nil {
		s += fmt.Sprintf(", from line %d on", o.Line.Number)
	}
	if o.Itself != nil && *o.Itself {
		s += ", and so does one of them when it is run again"
	}
	return s + "."
}

// onScale says which end is the best: "4 of 5" alone sounds like a good one.
func onScale(g image.ReproGrade) string {
	switch g {
	case image.SameDigest:
		return fmt.Sprintf("%d of %d (the best)", g, image.OtherVersions)
	case image.OtherVersions:
		return fmt.Sprintf("%d of %d (the worst)", g, image.OtherVersions)
	}
	return fmt.Sprintf("%d of %d (%d is the best)", g, image.OtherVersions, image.SameDigest)
}

func firstNames(packages []image.PackageDrift) string {
	var names []string
	for i, p := range packages {
		if i == 3 {
			names = append(names, "…")
			break
		}
		names = append(names, word(p.Name))
	}
	return strings.Join(names, ", ")
}

// reproText renders how reproducible a build is for a terminal. It ends with
// the sentence.
func reproText(w io.Writer, r *repro.Report) error {
	p := printer{w: w}
	for _, line := range reproHead(r) {
		p.paragraph("", line)
	}
	for _, part := range reproParts(r) {
		p.line("")
		p.line(part.title)
		more := part.count - mostDrifts
		part.rows = part.rows[:min(len(part.rows), mostDrifts)]
		p.table(part.table)
		if more > 0 {
			p.line(fmt.Sprintf("and %d more: all are in --out FILE.json", more))
		}
	}
	p.line("")
	for _, remedy := range r.Remedies {
		p.paragraph("", "→ "+brief(remedy, maxLine))
	}
	p.warnings(r.Warnings)
	p.line(reproSentence(r))
	return p.err
}

// reproMarkdown renders it for a pull request: the sentence first.
func reproMarkdown(w io.Writer, r *repro.Report) error {
	return comment(w, func(w io.Writer, rows int) error {
		p := printer{w: w}
		p.line(fmt.Sprintf("### mlbench repro: grade %s\n", onScale(r.Grade)))
		p.line(escape(reproSentence(r)))
		if rows == 0 {
			p.line("\nThe rest is too long for a comment.")
			return p.err
		}
		p.line("")
		p.list("", briefly(r.Remedies), "", rows)
		for _, part := range reproParts(r) {
			if part.count > len(part.rows) {
				part.title += fmt.Sprintf(", of which these are the first %d", len(part.rows))
			}
			p.details(part.title, rows, part.table)
		}
		p.notes(append(reproHead(r), warned(r.Warnings)...), rows)
		return p.err
	})
}
