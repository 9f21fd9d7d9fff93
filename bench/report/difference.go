package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"mlbench/runner/image"
)

// Differences are the formats of how two images differ. Of owners the top ones
// by their change are shown, and all for 0; JSON has all.
func Differences(top int) Formats[*image.Difference] {
	return Formats[*image.Difference]{
		{"text", "", func(w io.Writer, d *image.Difference) error { return differenceText(w, d, top) }},
		{"markdown", ".md", func(w io.Writer, d *image.Difference) error { return differenceMarkdown(w, d, top) }},
		{"json", ".json", asJSON[*image.Difference]},
	}
}

// differenceText renders a difference for a terminal. It ends with a sentence
// to paste.
func differenceText(w io.Writer, d *image.Difference, top int) error {
	p := printer{w: w}
	before, after := differenceNames(d)
	p.paragraph("", before+" → "+after)
	p.paragraph("", changeInShort(d))
	p.paragraph("", layersInShort(d))
	p.part(reasonChanges(d, top))
	p.part(ownerChanges(d, top))
	p.findings("fixed in "+after+":", d.Findings.Fixed, titleOnly)
	p.findings("new in "+after+":", d.Findings.New, inDetail(top))
	p.findings("still in "+after+":", kept(d), withRemedy)
	p.part(imageGates(d.New))
	p.line("")
	p.warnings(differenceWarnings(d))
	p.line(differenceSentence(d))
	return p.err
}

func (p *printer) findings(title string, findings []image.Finding, detail int) {
	if len(findings) > 0 {
		p.line("")
		p.paragraph("", title)
		p.table(stackedFindings(findings, detail))
	}
}

// differenceNames are what the images are called, never both the same.
func differenceNames(d *image.Difference) (before, after string) {
	before, after = imageName(d.Old), imageName(d.New)
	if before == after {
		return before + " (old)", after + " (new)"
	}
	return before, after
}

func changeInShort(d *image.Difference) string {
	s := fmt.Sprintf("%s → %s", bytes(d.Changed.Old), bytes(d.Changed.New))
	if n := d.Changed.Bytes(); n != 0 {
		s += " (" + signedBytes(n)
		if d.Changed.Old > 0 {
			s += ", " + percent(float64(n)/float64(d.Changed.Old))
		}
		s += ")"
	}
	if o, n := d.Old.CompressedBytes, d.New.CompressedBytes; o != nil && n != nil {
		s += fmt.Sprintf(", %s → %s compressed", bytes(*o), bytes(*n))
	}
	return s + "; " + findingsChanged(d)
}

// layersInShort says what who has the old image need not pull, and what both
// take together.
func layersInShort(d *image.Difference) string {
	s := fmt.Sprintf("%s → %d, ", plural(len(d.Old.Layers), "layer"), len(d.New.Layers))
	switch d.Layers.Shared {
	case 0:
		s += "none of them shared"
	case 1:
		s += fmt.Sprintf("the lowest is shared (%s)", bytes(d.Layers.Bytes))
	default:
		s += fmt.Sprintf("the lowest %d are shared (%s)", d.Layers.Shared, bytes(d.Layers.Bytes))
	}
	return s + fmt.Sprintf("; both together take %s", bytes(d.Layers.Together))
}

func reasonChanges(d *image.Difference, top int) table {
	t := table{left: 1, head: []string{"why it is there", "old", "new", "change"}}
	rest := d.Changed
	changed := slices.DeleteFunc(slices.Clone(d.Reasons), func(g image.ReasonChange) bool { return g.Bytes.Bytes() == 0 })
	shown := cut(len(changed), top)
	for _, g := range changed[:shown] {
		rest.Old, rest.New = rest.Old-g.Bytes.Old, rest.New-g.Bytes.New
		t.rows = append(t.rows, append([]string{word(g.Reason)}, changeCells(g.Bytes)...))
	}
	if more := len(d.Reasons) - shown; more > 0 {
		t.rows = append(t.rows, append([]string{left(more, shown == len(changed))}, changeCells(rest)...))
	}
	t.rows = append(t.rows, append([]string{"all"}, changeCells(d.Changed)...))
	return t.narrowed(0)
}

// left is what a table says of those that it has no rows for.
func left(n int, same bool) string {
	if same {
		return fmt.Sprintf("and %d as before", n)
	}
	return fmt.Sprintf("and %d more", n)
}

func changeCells(c image.Change) []string {
	change := unknown
	if n := c.Bytes(); n != 0 {
		change = signedBytes(n)
	}
	return []string{some(c.Old), some(c.New), change}
}

// ownerChanges is a row for each owner that is not as it was.
func ownerChanges(d *image.Difference, top int) table {
	t := table{left: 4, head: []string{"owner", "kind", "version", "why", "old", "new", "change"}}
	var changed []image.OwnerChange
	for _, o := range d.Owners {
		if o.Bytes.Bytes() != 0 || o.In != image.Both || o.OldVersion != o.NewVersion {
			changed = append(changed, o)
		}
	}
	if len(changed) == 0 {
		return t
	}
	rest := d.Changed
	shown := cut(len(changed), top)
	for _, o := range changed[:shown] {
		rest.Old, rest.New = rest.Old-o.Bytes.Old, rest.New-o.Bytes.New
		t.rows = append(t.rows, append([]string{cmp.Or(word(o.Name), unknown), word(string(o.Kind)), versions(o), word(o.Reason)}, changeCells(o.Bytes)...))
	}
	if shown < len(d.Owners) {
		t.rows = append(t.rows, append([]string{left(len(d.Owners)-shown, shown == len(changed)), "", "", ""}, changeCells(rest)...))
	}
	return t.narrowed(2, 0, 3, 1)
}

// versions says which version became which.
func versions(o image.OwnerChange) string {
	before, after := word(o.OldVersion), word(o.NewVersion)
	switch {
	case o.In == image.OldOnly || before == after:
		return before
	case o.In == image.NewOnly:
		return after
	}
	if before == "" {
		before = unknown
	}
	if after == "" {
		after = unknown
	}
	return fit(before, 24) + " → " + fit(after, 24)
}

// kept are the findings that stay, each with what it weighed before.
func kept(d *image.Difference) []image.Finding {
	var findings []image.Finding
	for _, k := range d.Findings.Kept {
		f := k.Finding
		if k.OldBytes != f.Bytes {
			f.Title += fmt.Sprintf(" (%s before)", bytes(k.OldBytes))
		}
		findings = append(findings, f)
	}
	return findings
}

func differenceWarnings(d *image.Difference) []string {
	var warnings []string
	before, after := differenceNames(d)
	for _, w := range d.Old.Warnings {
		warnings = append(warnings, before+": "+brief(w, maxLine))
	}
	for _, w := range d.New.Warnings {
		warnings = append(warnings, after+": "+brief(w, maxLine))
	}
	return warnings
}
