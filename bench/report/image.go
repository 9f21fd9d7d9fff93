package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"mlbench/runner/image"
)

// Images are the formats of what is in an image. Of owners and layers the top
// largest are shown, and all for 0; JSON has all.
func Images(top int) Formats[*image.Report] {
	return Formats[*image.Report]{
		{"text", "", func(w io.Writer, r *image.Report) error { return imageText(w, r, top) }},
		{"markdown", ".md", func(w io.Writer, r *image.Report) error { return imageMarkdown(w, r, top) }},
		{"json", ".json", asJSON[*image.Report]},
	}
}

// imageText renders a report for a terminal. It ends with a sentence to paste.
func imageText(w io.Writer, r *image.Report, top int) error {
	p := printer{w: w}
	p.paragraph("", imageHeadline(r))
	p.paragraph("", imageFacts(r))
	p.part(reasonTable(r, top))
	p.part(ownerTable(r, top))
	p.part(layerTable(r, top))
	p.part(stackedFindings(r.Findings, inDetail(top)))
	p.part(imageGates(r))
	p.line("")
	p.warnings(r.Warnings)
	p.line(imageSentence(r))
	return p.err
}

// part draws a table that has rows, after an empty line.
func (p *printer) part(t table) {
	if len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
}

func (p *printer) warnings(warnings []string) {
	for _, warning := range warnings[:min(len(warnings), maxWarnings)] {
		p.paragraph("", "warning: "+brief(warning, maxLine))
	}
	if more := len(warnings) - maxWarnings; more > 0 {
		p.line(fmt.Sprintf("warning: and %d more like these", more))
	}
}

// maxWarnings is how many warnings a text shows: an image may be malformed in
// every file.
const maxWarnings = 10

func imageName(r *image.Report) string { return brief(r.Ref, maxName) }

// imageHeadline is what somebody has to know who reads no more.
func imageHeadline(r *image.Report) string {
	s := fmt.Sprintf("%s: %s in %s", imageName(r), bytes(r.UnpackedBytes), plural(len(r.Layers), "layer"))
	packages, owned := 0, int64(0)
	for _, o := range r.Owners {
		if o.Kind.IsPackage() {
			packages, owned = packages+1, owned+o.Bytes
		}
	}
	if packages > 0 {
		s += fmt.Sprintf(", %s owned by %s", part(owned, r.UnpackedBytes), plural(packages, "package"))
	}
	return s + "; " + findingsInShort(r)
}

// inDetail is how much of findings is shown.
func inDetail(top int) int {
	if top == 0 {
		return withAllEvidence
	}
	return withEvidence
}

// findingsInShort counts findings, and says what the heaviest weighs.
func findingsInShort(r *image.Report) string {
	var heaviest int64
	high, notes := 0, 0
	for _, f := range r.Findings {
		heaviest = max(heaviest, f.Bytes)
		switch f.Severity {
		case image.High:
			high++
		case image.Note:
			notes++
		}
	}
	s := "no finding"
	if n := len(r.Findings) - notes; n > 0 {
		s = plural(n, "finding")
	}
	if high > 0 {
		s += fmt.Sprintf(" (%d high)", high)
	}
	if notes > 0 {
		s += " and " + plural(notes, "note")
	}
	if heaviest > 0 {
		s += ", the heaviest " + bytes(heaviest)
	}
	return s
}

func imageFacts(r *image.Report) string {
	var facts []string
	if r.Digest != "" {
		facts = append(facts, brief(r.Digest, 80))
	}
	if r.Platform != "" {
		facts = append(facts, brief(r.Platform, 40))
	}
	facts = append(facts, plural(r.Files, "file"))
	if r.CompressedBytes != nil {
		facts = append(facts, bytes(*r.CompressedBytes)+" compressed")
	}
	if r.WastedBytes > 0 {
		facts = append(facts, bytes(r.WastedBytes)+" wasted on what later layers replace or remove")
	}
	return strings.Join(facts, ", ")
}

// part is a share of a whole: "5.1 %".
func part(n, of int64) string {
	if of <= 0 {
		return unknown
	}
	return number(100*float64(n)/float64(of), 1) + " %"
}

// some is a size, and a dash for none.
func some(n int64) string {
	if n == 0 {
		return unknown
	}
	return bytes(n)
}

// reasonTable says why the bytes are there.
func reasonTable(r *image.Report, top int) table {
	t := table{left: 1, head: []string{"why it is there", "owners", "size", "share", "wasted"}}
	var sum, wasted int64
	reasons := weighty(r.Reasons)
	shown := cut(len(reasons), top)
	for _, g := range reasons[:shown] {
		sum, wasted = sum+g.Bytes, wasted+g.Wasted
		t.rows = append(t.rows, []string{word(g.Reason), fmt.Sprint(g.Owners), bytes(g.Bytes), part(g.Bytes, r.UnpackedBytes), some(g.Wasted)})
	}
	if more := len(reasons) - shown; more > 0 {
		rest := r.UnpackedBytes - sum
		t.rows = append(t.rows, []string{fmt.Sprintf("and %d more", more), "", bytes(rest), part(rest, r.UnpackedBytes), some(r.WastedBytes - wasted)})
	}
	if r.WastedBytes == 0 {
		t = t.without(4)
	}
	return t.narrowed(0)
}

// word makes a name from an image fit for a table.
func word(s string) string { return brief(s, maxName) }

func ownerTable(r *image.Report, top int) table {
	t := table{left: 4, head: []string{"owner", "kind", "version", "why", "size", "share", "up to here"}}
	var sum int64
	shown := cut(len(r.Owners), top)
	for _, o := range r.Owners[:shown] {
		sum += o.Bytes
		t.rows = append(t.rows, []string{
			cmp.Or(word(o.Name), unknown), word(string(o.Kind)), word(o.Version), word(o.Reason),
			bytes(o.Bytes), part(o.Bytes, r.UnpackedBytes), part(sum, r.UnpackedBytes),
		})
	}
	if more := len(r.Owners) - shown; more > 0 {
		rest := r.UnpackedBytes - sum
		t.rows = append(t.rows, []string{fmt.Sprintf("and %d more", more), "", "", "", bytes(rest), part(rest, r.UnpackedBytes), part(r.UnpackedBytes, r.UnpackedBytes)})
	}
	return t.narrowed(2, 0, 3, 1)
}

// cut is how many of n are shown. One alone is never left out, as the line that
// says so is no shorter.
func cut(n, top int) int {
	if top == 0 || n <= top+1 {
		return n
	}
	return top
}

func layerTable(r *image.Report, top int) table {
	t := table{last: true, head: []string{"layer", "size", "wasted", "files", "made by"}}
	shown := cut(len(r.Layers), top)
	least := leastShown(r, shown)
	var rest int64
	for i, l := range r.Layers {
		if len(t.rows) == shown || l.UnpackedBytes < least {
			rest += l.UnpackedBytes
			continue
		}
		made := brief(l.CreatedBy, maxWidth)
		if made == "" {
			made = unknown
		}
		t.rows = append(t.rows, []string{fmt.Sprint(i + 1), some(l.UnpackedBytes), some(l.WastedBytes), fmt.Sprint(l.Files), made})
	}
	if more := len(r.Layers) - len(t.rows); more > 0 {
		t.rows = append(t.rows, []string{"", some(rest), "", "", fmt.Sprintf("(%d smaller layers)", more)})
	}
	if r.WastedBytes == 0 {
		t = t.without(2)
	}
	return t.narrowed(len(t.head) - 1)
}

func imageGates(r *image.Report) table {
	t := table{left: 3, head: []string{"gate", "verdict", "why"}}
	for _, g := range r.Gates {
		t.rows = append(t.rows, []string{word(g.Name), string(g.Verdict), brief(g.Why, maxLine)})
	}
	return t.narrowed(0, 2)
}
