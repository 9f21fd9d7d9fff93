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
	"mlbench/runner"
	"mlbench/stats"
)

// maxWidth is how wide a table may be, in columns of a terminal.
const maxWidth = 120

// table is what both the text and the Markdown tables are made from.
type table struct {
	head []string
	rows [][]string
	left int // how many columns, from the first on, hold words and not figures
}

// candidates is the table that answers the question: one row a candidate.
func candidates(v view) table {
	t := table{left: 1, head: []string{
		"candidate", "size", "ready (median) [" + confidence(v) + "]", "change [" + changeConfidence(v) + "]", "≤ " + limit(v.Spec.TargetMS), "failed",
	}}
	const size, ready, change, target, failed = 1, 2, 3, 4, 5
	anyFailed := false
	for i, c := range v.Candidates {
		s := v.sums[i]
		row := []string{v.names[i], unknown, unknown, "", fmt.Sprintf("%d of %d", s.InTime.InTime, s.Starts), fmt.Sprint(s.Failed)}
		if c.UnpackedBytes != nil {
			row[size] = bytes(*c.UnpackedBytes)
		}
		if s.Starts > 0 {
			row[ready] = withInterval(s.Ready)
		}
		if i == 0 {
			row[change] = "baseline"
		}
		for _, x := range v.On(bench.MetricReady) {
			if x.Candidate == i && x.Pairs > 0 {
				row[change] = changeWithInterval(x.Change)
			}
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

func (t table) without(column int) table {
	t.head = slices.Delete(slices.Clone(t.head), column, column+1)
	t.rows = slices.Clone(t.rows)
	for i, row := range t.rows {
		t.rows[i] = slices.Delete(slices.Clone(row), column, column+1)
	}
	return t
}

// Rows beside the phases. The engine floor is the part of a start that no
// image can change: the time that the engine takes for its create and start
// calls.
const (
	engineFloor = "engine floor"
	cpuTime     = "CPU time"
)

// What a pull is made of. Layers are unpacked while others are downloaded:
// unpacking is what is left when the last byte is there.
const (
	download = "download"
	extract  = "extract"
)

// phases is where the time goes: a row a phase, medians a candidate. With
// many candidates, or long names, it is a row a candidate.
func phases(v view) table {
	var names []string
	columns := make([]map[string]stats.Interval, len(v.Candidates))
	for i := range v.Candidates {
		columns[i] = make(map[string]stats.Interval)
		if floor, ok := middle(v, i, floor); ok {
			columns[i][engineFloor] = floor
			names = appendNew(names, engineFloor)
		}
	}
	for _, name := range runner.PhaseNames() {
		for i := range v.Candidates {
			for _, p := range v.sums[i].Phases {
				if p.Name == name {
					columns[i][name] = p.MS
					names = appendNew(names, name)
				}
			}
		}
		if name != "pull" {
			continue
		}
		for i := range v.Candidates {
			for _, part := range []string{download, extract} {
				if ms, ok := middle(v, i, partOfPull(part)); ok {
					columns[i][part] = ms
					names = appendNew(names, part)
				}
			}
		}
	}
	for i := range v.Candidates {
		if ms, ok := middle(v, i, cpuUntilReady); ok {
			columns[i][cpuTime] = ms
			names = appendNew(names, cpuTime)
		}
	}
	fill := func(what string, cell func(stats.Interval) string) table {
		t := table{left: 1, head: append([]string{what}, v.names...)}
		for _, name := range names {
			row := []string{meaning(name)}
			for i := range v.Candidates {
				if ms, ok := columns[i][name]; ok {
					row = append(row, cell(ms))
				} else {
					row = append(row, unknown)
				}
			}
			t.rows = append(t.rows, row)
		}
		return t
	}
	t := fill("phase (median) ["+confidence(v)+"]", withInterval)
	if t.width() <= maxWidth {
		return t
	}
	t = fill("phase (median)", func(i stats.Interval) string { return milliseconds(i.Estimate) })
	if t.width() <= maxWidth {
		return t
	}
	turned := table{left: 1, head: append([]string{"phases (median)"}, names...)}
	for i, name := range v.names {
		row := []string{name}
		for _, r := range t.rows {
			row = append(row, r[i+1])
		}
		turned.rows = append(turned.rows, row)
	}
	for _, part := range []string{download, extract} { // of the pull
		if at := slices.Index(names, part); turned.width() > maxWidth && at >= 0 {
			turned, names = turned.without(at+1), slices.Delete(names, at, at+1)
		}
	}
	for _, part := range []string{"create", "start"} { // of the engine floor
		if at := slices.Index(turned.head, part); turned.width() > maxWidth && at > 0 && slices.Contains(names, engineFloor) {
			turned = turned.without(at)
		}
	}
	return turned
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// middle is the median of some time, of a candidate's starts that were ready
// and tell it.
func middle(v view, candidate int, of func(bench.Start) (ms float64, ok bool)) (stats.Interval, bool) {
	var times []float64
	for _, s := range v.Starts {
		if ms, ok := of(s); ok && s.Candidate == candidate && s.Role != bench.RoleWarmup && !s.Failed() {
			times = append(times, ms)
		}
	}
	if len(times) == 0 {
		return stats.Interval{}, false
	}
	return stats.QuantileInterval(times, 0.5, v.Spec.Alpha), true
}

// floor is what the engine took for a start.
func floor(s bench.Start) (ms float64, ok bool) {
	create, created := s.PhasesMS["create"]
	start, started := s.PhasesMS["start"]
	return create + start, created && started
}

// partOfPull is the time that a part of a start's pull took.
func partOfPull(part string) func(bench.Start) (ms float64, ok bool) {
	return func(s bench.Start) (float64, bool) {
		if s.Pull == nil || s.Pull.DownloadMS == nil || s.Pull.ExtractMS == nil {
			return 0, false
		}
		if part == download {
			return *s.Pull.DownloadMS, true
		}
		return *s.Pull.ExtractMS, true
	}
}

func cpuUntilReady(s bench.Start) (ms float64, ok bool) {
	if s.CPUMS == nil {
		return 0, false
	}
	return *s.CPUMS, true
}

// meaning says beside a phase's name what it is.
func meaning(phase string) string {
	switch phase {
	case download:
		return "  of it download"
	case extract:
		return "  then unpacking"
	case engineFloor:
		return "engine floor (create + start)"
	case "boot":
		return "boot (until it listens)"
	case "warmup":
		return "warmup (until ready)"
	case cpuTime:
		return "CPU time until ready"
	}
	return phase
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
		widest := twwidth.Width(t.head[i])
		for _, row := range t.rows {
			widest = max(widest, twwidth.Width(row[i]))
		}
		total += widest + 2
	}
	return total
}

// write draws the table with the renderer, words to the left and figures to
// the right.
func (t table) write(w io.Writer, with tw.Renderer) error {
	align := slices.Repeat([]tw.Align{tw.AlignRight}, len(t.head))
	for i := range min(t.left, len(align)) {
		align[i] = tw.AlignLeft
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
