package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"mlbench/bench"
)

// maxWidth is how wide a table may be, in columns of a terminal.
const maxWidth = 120

// table is what both the text and the Markdown tables are made from.
type table struct {
	head []string
	rows [][]string
	left int  // how many columns, from the first on, hold words and not figures
	last bool // the last column holds words too
}

// candidates is the table that answers the question: one row a candidate.
func candidates(v view) table {
	t := table{left: 1, head: []string{
		"candidate", "size", "ready (median) [" + confidence(v) + "]", "change [" + changeConfidence(v) + "]", "≤ " + limit(v.Spec.TargetMS), "failed",
	}}
	const size, change, target, failed = 1, 3, 4, 5
	anyFailed := false
	for i, c := range v.Candidates {
		s := v.sums[i]
		row := []string{v.names[i], unknown, v.readyOf(i), v.changeOf(i), fmt.Sprintf("%d of %d", s.InTime.InTime, s.Starts), fmt.Sprint(s.Failed)}
		if c.UnpackedBytes != nil {
			row[size] = bytes(*c.UnpackedBytes)
		}
		anyFailed = anyFailed || s.Failed > 0
		t.rows = append(t.rows, row)
	}
	// The sentence and the gates tell of targets and failures too.
	if !anyFailed || t.without(target).width() > maxWidth {
		t = t.without(failed)
	}
	if t.width() > maxWidth {
		t = t.without(target)
	}
	if len(v.Candidates) == 1 {
		t = t.without(change)
	}
	return t
}

// readyOf is a candidate's median time to ready with its interval.
func (v view) readyOf(candidate int) string {
	if s := v.sums[candidate]; s.Starts > 0 {
		return withInterval(s.Ready)
	}
	return unknown
}

// changeOf is how that changed against the baseline, with its interval; "" where
// no pair tells.
func (v view) changeOf(candidate int) string {
	if candidate == 0 {
		return "baseline"
	}
	for _, x := range v.On(bench.MetricReady) {
		if x.Candidate == candidate && x.Pairs > 0 {
			return changeWithInterval(x.Change)
		}
	}
	return ""
}

func (t table) without(column int) table {
	t.head = slices.Delete(slices.Clone(t.head), column, column+1)
	t.rows = slices.Clone(t.rows)
	for i, row := range t.rows {
		t.rows[i] = slices.Delete(slices.Clone(row), column, column+1)
	}
	return t
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// gates is a row a gate.
func gates(v view) table {
	t := table{left: 4, head: []string{"gate", "candidate", "verdict", "why"}}
	for _, g := range v.Gates {
		verdict := string(g.Verdict)
		if !slices.Contains(v.Spec.FailOn, g.Name) {
			verdict += " (only told)"
		}
		t.rows = append(t.rows, []string{g.Name, v.names[g.Candidate], verdict, v.told(g.Why)})
	}
	return t
}

// stacked puts every why under its candidate, where beside it there is no room.
func stacked(t table) table {
	if t.width() <= maxWidth {
		return t
	}
	s := table{left: 3, head: []string{"gate", "verdict", "candidate, why"}}
	for _, row := range t.rows {
		s.rows = append(s.rows, []string{row[0], row[2], row[1]})
		for _, part := range wrapped(row[3], maxWhy) {
			s.rows = append(s.rows, []string{"", "", "  " + part})
		}
	}
	return s
}

// maxWhy is what is left of maxWidth for a reason.
const maxWhy = 80

// wrapped breaks text between words into lines of so many columns. Only a
// longer word makes a longer line.
func wrapped(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && twwidth.Width(line)+1+twwidth.Width(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// width is how many columns of a terminal the table takes.
func (t table) width() int {
	total := 0
	for i := range t.head {
		total += t.widest(i) + 2
	}
	return total
}

func (t table) widest(column int) int {
	widest := twwidth.Width(t.head[column])
	for _, row := range t.rows {
		widest = max(widest, twwidth.Width(row[column]))
	}
	return widest
}

// narrowed leaves the middle out of what is long in these columns, the first
// one first, until the table is no wider than it may be.
func (t table) narrowed(columns ...int) table {
	t.rows = slices.Clone(t.rows)
	for i := range t.rows {
		t.rows[i] = slices.Clone(t.rows[i])
	}
	for _, c := range columns {
		if over := t.width() - maxWidth; over > 0 {
			limit := max(t.widest(c)-over, leastWidth)
			for i := range t.rows {
				t.rows[i][c] = fit(t.rows[i][c], limit)
			}
		}
	}
	return t
}

// leastWidth is what a column is never made narrower than.
const leastWidth = 16

// fit leaves the middle out of text that takes more columns.
func fit(s string, columns int) string {
	s = shorten(s, columns)
	for most := columns; twwidth.Width(s) > columns && most > 1; {
		most -= (twwidth.Width(s) - columns + 1) / 2 // a character takes two at most
		s = shorten(s, max(most, 1))
	}
	return s
}

// write draws the table with the renderer, words to the left and figures to
// the right.
func (t table) write(w io.Writer, with tw.Renderer) error {
	align := slices.Repeat([]tw.Align{tw.AlignRight}, len(t.head))
	for i := range min(t.left, len(align)) {
		align[i] = tw.AlignLeft
	}
	if t.last {
		align[len(align)-1] = tw.AlignLeft
	}
	out := tablewriter.NewTable(w,
		tablewriter.WithRenderer(with),
		tablewriter.WithHeaderAutoFormat(tw.Off), // our words, not upper case
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithAlignment(align),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	)
	out.Header(t.head)
	if err := out.Bulk(t.rows); err != nil {
		return err
	}
	return out.Render()
}

// lines is the renderer for terminals: a line under the head, nothing else.
func lines() tw.Renderer {
	return renderer.NewBlueprint(tw.Rendition{
		Borders: tw.BorderNone,
		Symbols: tw.NewSymbols(tw.StyleLight),
		Settings: tw.Settings{
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.On},
			Lines:      tw.Lines{ShowHeaderLine: tw.On, ShowTop: tw.Off, ShowBottom: tw.Off},
		},
	})
}
