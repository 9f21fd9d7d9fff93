package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/stats"
)

// stepSections is the waterfall, where it was asked for: what each candidate won
// over the one before it, and what all steps until there won together.
func stepSections(v view) []section {
	if len(v.Steps) == 0 {
		return nil
	}
	return []section{{title: "Step by step: " + stepsInAll(v), table: stepTable(v), lines: stepNotes(v)}}
}

// stepsInAll is what all steps won together.
func stepsInAll(v view) string {
	last := len(v.Candidates) - 1
	known := slices.DeleteFunc([]string{sizeInAll(v, last), readyInAll(v, last)}, func(s string) bool { return s == unknown })
	if len(known) == 0 {
		return "not known in all"
	}
	return strings.Join(known, " and ") + " in all"
}

// stepTable is a row a candidate.
func stepTable(v view) table {
	t := table{left: 1, head: []string{
		"step", "size", "Δ size", "ready", "Δ ready [" + levelOfSteps(v) + "]", "Δ %", "first response", "size in all", "ready in all",
	}}
	answered := false
	for i := range v.Candidates {
		row := []string{v.names[i], unknown, "", readyMedian(v, i), "", "", unknown, "", ""}
		if size := v.Candidates[i].UnpackedBytes; size != nil {
			row[1] = bytes(*size)
		}
		if ms, ok := firstResponse(v, i); ok {
			row[6], answered = milliseconds(ms), true
		}
		if i > 0 {
			s := v.Steps[i-1]
			row[2] = sizeShift(s.SizeBytes)
			row[4], row[5] = unknown, unknown
			if s.Pairs > 0 && !(neverReady(v, i-1) && neverReady(v, i)) {
				row[4], row[5] = shiftWithInterval(bench.MetricReady, stats.Interval(s.ShiftMS)), stepPercent(s.Change.Estimate)
			}
			row[7], row[8] = sizeInAll(v, i), readyInAll(v, i)
		}
		t.rows = append(t.rows, row)
	}
	if !answered {
		t = t.without(6)
	}
	return t
}

// stepsForTerminal leaves out of the steps what there is no room for, from what can be
// read elsewhere on: the candidates' names are made shorter first.
func stepsForTerminal(s section) section {
	for _, column := range []string{"size in all", "first response", "Δ %", "ready in all"} {
		at := slices.Index(s.table.head, column)
		if at > 0 && s.table.narrowed(0).width() > maxWidth {
			s.table = s.table.without(at)
		}
	}
	return s
}

// stepNotes say what the intervals hold for.
func stepNotes(v view) []string {
	all := "both"
	if n := len(v.Steps); n > 2 {
		all = fmt.Sprintf("all %d", n)
	}
	return []string{fmt.Sprintf("each candidate against the one before it, by the blocks that have both: each Δ has a %s interval, so that those of %s steps hold together with %s, though not at once with those to the baseline; no verdict rests on them, and as each is estimated by itself they need not add up to what is won in all",
		levelOfSteps(v), all, confidence(v))}
}

// levelOfSteps is the confidence of each step's interval.
func levelOfSteps(v view) string { return levelOf(bench.Comparison{Level: v.Steps[0].Level}) }

func sizeShift(change *int64) string {
	if change == nil {
		return unknown
	}
	return signedBytes(*change)
}

func stepPercent(change float64) string {
	switch {
	case math.IsInf(change, 1):
		return "fails"
	case change <= -1:
		return "before fails"
	}
	return percent(change)
}

// sizeInAll is how much larger a candidate is than the first.
func sizeInAll(v view, candidate int) string {
	first, size := v.Candidates[0].UnpackedBytes, v.Candidates[candidate].UnpackedBytes
	if first == nil || size == nil {
		return unknown
	}
	return signedBytes(*size - *first)
}

// neverReady reports whether a candidate failed so often that its median is no time.
// Between two such there is no difference, and none is as good as 0 ms.
func neverReady(v view, candidate int) bool {
	return v.sums[candidate].Starts > 0 && math.IsInf(v.sums[candidate].Ready.Estimate, 0)
}

// readyInAll is how much later a candidate is ready than the first, as the
// comparison of the two says.
func readyInAll(v view, candidate int) string {
	if neverReady(v, 0) && neverReady(v, candidate) {
		return unknown
	}
	for _, c := range v.On(bench.MetricReady) {
		if c.Candidate == candidate && c.Pairs > 0 && !math.IsInf(c.ShiftMS.Estimate, 0) {
			return signedMillis(c.ShiftMS.Estimate)
		}
	}
	return unknown
}

// readyMedian is a candidate's median time to ready.
func readyMedian(v view, candidate int) string {
	if v.sums[candidate].Starts == 0 {
		return unknown
	}
	s, _, _ := strings.Cut(withInterval(v.sums[candidate].Ready), " [")
	return s
}

// firstResponse is the median time to the first response to the candidate's
// request. What is put off until then is not won by being ready sooner.
func firstResponse(v view, candidate int) (ms float64, ok bool) {
	var times []float64
	for _, s := range v.Starts {
		if m, known := s.Marks[runner.FirstResponse]; known && s.Candidate == candidate && s.Role.Measured() {
			times = append(times, m.MS)
		}
	}
	if len(times) == 0 {
		return 0, false
	}
	return stats.Median(times), true
}

// stepBlocks draw the steps and say them in figures.
func stepBlocks(v view) []pageBlock {
	var blocks []pageBlock
	for _, s := range stepSections(v) {
		ready, sizes := make([]float64, len(v.Candidates)), make([]float64, len(v.Candidates))
		for i, c := range v.Candidates {
			ready[i], sizes[i] = math.NaN(), math.NaN()
			if v.sums[i].Starts > 0 {
				ready[i] = v.sums[i].Ready.Estimate
			}
			if c.UnpackedBytes != nil {
				sizes[i] = float64(*c.UnpackedBytes)
			}
		}
		blocks = append(blocks,
			pageBlock{Heading: "In time, by medians until ready", Figure: waterfall(v.names, ready, milliseconds, signedMillis)},
			pageBlock{Heading: "In size, unpacked", Figure: waterfall(v.names, sizes, func(x float64) string { return bytes(int64(x)) }, func(x float64) string { return signedBytes(int64(x)) })},
			pageBlock{Table: tableOf("Step by step", s.table)}, pageBlock{List: s.lines})
	}
	return blocks
}

// waterfall draws the first value as a bar from nothing, and each other as the bar
// between the one before and itself; nil where one is not known.
func waterfall(names []string, values []float64, write, signed func(float64) string) *pageFigure {
	scale := scaling{}
	for _, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		scale.high = max(scale.high, x)
	}
	if !(scale.high > 0) {
		return nil
	}
	f := &pageFigure{Class: "steps", Caption: "The first bar is the whole of the first candidate; each other goes from the one before to this one."}
	for i, x := range values {
		before, class, said := 0.0, "whole", write(x)
		if i > 0 {
			before = values[i-1]
			said = signed(x-before) + ", " + write(x)
			if class = "less"; x > before {
				class = "more"
			}
		}
		d := drawing{height: 24, label: names[i] + ": " + said}
		d.rect(class, scale.at(min(before, x)), scale.at(max(before, x)), 4, 16, "")
		d.line("zero", scale.at(x), 0, scale.at(x), 24)
		f.Rows = append(f.Rows, figureRow{Name: names[i], Value: said, Plots: []markup{d.svg()}})
	}
	return f
}
