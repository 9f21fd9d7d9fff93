package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/runner/image"
)

const (
	findingWidth  = 96 // columns of a finding beside its severity and its bytes
	evidenceLines = 2  // how many lines of evidence a finding has, if not all is asked for
)

// stackedFindings puts remedy and evidence under each finding, where beside it
// there is no room.
func stackedFindings(findings []image.Finding, all bool) table {
	t := table{left: 1, last: true, head: []string{"severity", "bytes", "finding"}}
	for _, f := range findings {
		lines := within(wrapped(shorten(bench.Printable(f.Title), maxLine), findingWidth))
		if len(lines) == 0 {
			lines = []string{shorten(bench.Printable(f.ID), maxName)}
		}
		lines = append(lines, indented("→ ", "  ", wrapped(shorten(bench.Printable(f.Remedy), maxLine), findingWidth-2))...)
		most := evidenceLines
		if all {
			most = 0
		}
		lines = append(lines, indented("  ", "  ", evidence(f.Evidence, most))...)
		t.rows = append(t.rows, []string{word(string(f.Severity)), some(f.Bytes), lines[0]})
		for _, line := range lines[1:] {
			t.rows = append(t.rows, []string{"", "", line})
		}
	}
	return t
}

// indented puts something before the first line and something before the
// others.
func indented(first, others string, lines []string) []string {
	var out []string
	for i, line := range within(lines) {
		if i == 0 {
			out = append(out, first+line)
		} else {
			out = append(out, others+line)
		}
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

// evidence puts pieces next to each other on so many lines at most, all for 0,
// and counts the others.
func evidence(pieces []string, most int) []string {
	const width = findingWidth - 2
	const counted = len("and 1000000 more") + 1
	var lines []string
	line := ""
	for i, piece := range pieces {
		piece = fit(bench.Printable(piece), width-counted)
		if i < len(pieces)-1 {
			piece += ","
		}
		room := width
		if len(lines)+1 == most {
			room -= counted
		}
		if line != "" && twwidth.Width(line)+1+twwidth.Width(piece) > room {
			if len(lines)+1 == most {
				return append(lines, fmt.Sprintf("%s and %d more", line, len(pieces)-i))
			}
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+piece, " ")
	}
	if line != "" {
		lines = append(lines, line)
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
			word(string(f.Severity)), shorten(bench.Printable(f.Title), maxCell), shorten(bench.Printable(f.Remedy), maxCell), some(f.Bytes),
		})
	}
	return t
}

// maxCell is how many characters of a sentence a Markdown table's cell has.
const maxCell = 300
