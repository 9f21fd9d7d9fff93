package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"mlbench/bench"
)

// table is what both the text and the Markdown tables are made from.
type table struct {
	head []string
	rows [][]string
}

// candidates is the table that answers the question: one row a candidate.
func candidates(r *bench.Result) table {
	t := table{head: []string{
		"candidate", "size", "ready (median)", confidence(r) + " interval", "change", confidence(r) + " interval",
		"≤ " + milliseconds(r.Spec.TargetMS), "failed",
	}}
	for i, c := range r.Candidates {
		s := r.Summary(i)
		row := []string{bench.Printable(c.Name), unknown, unknown, unknown, "", "",
			fmt.Sprintf("%d of %d", s.InTime.InTime, s.Starts), fmt.Sprint(s.Failed)}
		if c.UnpackedBytes != nil {
			row[1] = bytes(*c.UnpackedBytes)
		}
		if s.Starts > 0 {
			row[2], row[3] = milliseconds(s.Ready.Estimate), interval(s.Ready.Low, s.Ready.High)
		}
		if i == 0 && len(r.Candidates) > 1 {
			row[4] = "baseline"
		}
		for _, x := range r.Comparisons {
			if x.Candidate == i && x.Pairs > 0 {
				row[4] = percent(x.Change.Estimate)
				row[5] = "[" + percent(x.Change.Low) + ", " + percent(x.Change.High) + "]"
			}
		}
		t.rows = append(t.rows, row)
	}
	if len(r.Candidates) == 1 {
		t = t.without(5).without(4)
	}
	return t
}

func (t table) without(column int) table {
	t.head = slices.Delete(slices.Clone(t.head), column, column+1)
	for i, row := range t.rows {
		t.rows[i] = slices.Delete(slices.Clone(row), column, column+1)
	}
	return t
}

// phases is where the time goes: a row a phase, medians a candidate. The
// engine's own share, which no image can change, has a row of its own.
func phases(r *bench.Result) table {
	t := table{head: []string{"phase (median)"}}
	var names []string
	columns := make([]map[string]float64, len(r.Candidates))
	for i, c := range r.Candidates {
		t.head = append(t.head, bench.Printable(c.Name))
		columns[i] = make(map[string]float64)
		for _, p := range r.Summary(i).Phases {
			columns[i][p.Name] = p.MS.Estimate
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	for _, name := range names {
		row := []string{meaning(name)}
		for i := range r.Candidates {
			if ms, ok := columns[i][name]; ok {
				row = append(row, milliseconds(ms))
			} else {
				row = append(row, unknown)
			}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// meaning says beside a phase's name what it is.
func meaning(phase string) string {
	switch phase {
	case "create":
		return "create (engine)"
	case "start":
		return "start (engine)"
	case "boot":
		return "boot (until it listens)"
	case "warmup":
		return "warmup (until ready)"
	case "first_request":
		return "first_request"
	}
	return phase
}

// gates is a row a gate.
func gates(r *bench.Result) table {
	t := table{head: []string{"gate", "candidate", "verdict", "why"}}
	for _, g := range r.Gates {
		verdict := string(g.Verdict)
		if !slices.Contains(r.Spec.FailOn, g.Name) {
			verdict += " (only told)"
		}
		t.rows = append(t.rows, []string{g.Name, bench.Printable(r.Candidates[g.Candidate].Name), verdict, g.Why})
	}
	return t
}

// write draws the table with the renderer, its first column to the left and
// figures to the right.
func (t table) write(w io.Writer, with tw.Renderer, align []tw.Align) error {
	out := tablewriter.NewTable(w,
		tablewriter.WithRenderer(with),
		tablewriter.WithHeaderAutoFormat(tw.Off), // our words, not upper case
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithAlignment(align),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	)
	out.Header(t.head)
	if err := out.Bulk(t.rows); err != nil {
		return err
	}
	return out.Render()
}

// figures aligns the first n columns to the left and the rest to the right.
func (t table) figures(n int) []tw.Align {
	align := slices.Repeat([]tw.Align{tw.AlignRight}, len(t.head))
	for i := range min(n, len(align)) {
		align[i] = tw.AlignLeft
	}
	return align
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
