package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mlbench/runner/image"
)

const (
	findingWidth  = 90 // columns of a finding beside its severity and its bytes
	evidenceLines = 2  // how many lines of evidence a finding has, if not all is asked for
)

// How much of a finding is shown.
const (
	titleOnly = iota
	withRemedy
	withEvidence
	withAllEvidence
)

// stackedFindings puts remedy and evidence under each finding, where beside it
// there is no room.
func stackedFindings(findings []image.Finding, detail int) table {
	t := table{left: 1, last: true, head: []string{"severity", "bytes", "finding"}}
	for _, f := range findings {
		lines := within(wrapped(titleOf(f), findingWidth))
		if detail >= withRemedy {
			lines = append(lines, indented("→ ", wrapped(brief(f.Remedy, maxLine), findingWidth-2))...)
		}
		switch detail {
		case withEvidence:
			lines = append(lines, indented("  ", evidence(f.Evidence, evidenceLines))...)
		case withAllEvidence:
			for _, piece := range f.Evidence {
				lines = append(lines, indented("  ", wrapped(brief(piece, maxLine), findingWidth-2))...)
			}
		}
		t.rows = append(t.rows, []string{fit(word(string(f.Severity)), leastWidth), some(f.Bytes), lines[0]})
		for _, line := range lines[1:] {
			t.rows = append(t.rows, []string{"", "", line})
		}
	}
	return t
}

func titleOf(f image.Finding) string {
	return cmp.Or(strings.TrimSpace(brief(f.Title, maxLine)), word(f.ID), unknown)
}

// indented puts something before the first line, and as much space before the
// others.
func indented(first string, lines []string) []string {
	var out []string
	for i, line := range within(lines) {
		if i > 0 {
			first = "  "
		}
		out = append(out, first+line)
	}
	return out
}

// within cuts words that are wider than a line.
func within(lines []string) []string {
	for i := range lines {
		lines[i] = fit(lines[i], findingWidth-2)
	}
	return lines
}

// evidence puts pieces one after the other on so many lines at most, and counts
// those that have no room.
func evidence(pieces []string, most int) []string {
	const width = findingWidth - 2
	var lines, shown []string
	for i, piece := range pieces {
		shown = append(shown, brief(piece, most*width-14)) // there is to be room for the count
		text := strings.Join(shown, "; ")
		if more := len(pieces) - i - 1; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
		with := wrapped(text, width)
		if i > 0 && len(with) > most {
			break
		}
		lines = with
	}
	return lines
}

// leastShown is the least size of a layer that is among so many largest.
func leastShown(r *image.Report, shown int) int64 {
	if shown == 0 || shown == len(r.Layers) {
		return 0
	}
	var sizes []int64
	for _, l := range r.Layers {
		sizes = append(sizes, l.UnpackedBytes)
	}
	slices.Sort(sizes)
	return sizes[len(sizes)-shown]
}

// findingTable has a row a finding, for where columns are as wide as they need.
func findingTable(findings []image.Finding) table {
	t := table{left: 3, head: []string{"severity", "finding", "remedy", "bytes"}}
	for _, f := range findings {
		t.rows = append(t.rows, []string{
			fit(word(string(f.Severity)), leastWidth), shorten(titleOf(f), maxCell), brief(f.Remedy, maxCell), some(f.Bytes),
		})
	}
	return t
}

// maxCell is how many characters of a sentence a Markdown table's cell has.
const maxCell = 300
