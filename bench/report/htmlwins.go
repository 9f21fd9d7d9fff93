package report

import (
	"fmt"
	"math"

	"mlbench/bench"
)

// winNotes is what the pairs say of the nth comparison that was looked into.
func (v view) winNotes(n int) []string {
	var s section
	v.measured(v.Wins[n], &s)
	return s.lines
}

// winBlocks draw the biggest wins between two candidates, in bytes and in time.
func winBlocks(w bench.Wins, names []string, inPairs []string) []pageBlock {
	if w.Baseline < 0 || w.Candidate < 0 || w.Baseline >= len(names) || w.Candidate >= len(names) {
		return nil // a file that somebody else has made
	}
	between := names[w.Baseline] + " → " + names[w.Candidate]
	var blocks []pageBlock
	add := func(r *bench.Ranking, what string, write func(float64) string, notes ...string) {
		if r != nil {
			blocks = append(blocks,
				pageBlock{Heading: fmt.Sprintf("%s, %s: %s in all", between, what, write(r.Change)), Figure: rankingFigure(r, write)},
				pageBlock{List: append([]string{"rests on: " + brief(r.Basis, maxLine)}, notes...)})
		}
	}
	add(w.Time, "in time", signedMillis, inPairs...)
	add(w.Size, "in size", func(x float64) string { return signedBytes(int64(x)) })
	return blocks
}

// rankingFigure draws the parts of a difference: less to the left, more to the
// right, and in figures beside.
func rankingFigure(r *bench.Ranking, write func(float64) string) *pageFigure {
	changes := r.Changes
	if r.Left > 0 {
		changes = append(changes[:len(changes):len(changes)], bench.Part{Kind: bench.PartCode, Name: fmt.Sprintf("%d more", r.Left), Change: r.Rest})
	}
	scale := scaling{low: 0, high: 0}
	for _, p := range changes {
		scale.low, scale.high = min(scale.low, p.Change), max(scale.high, p.Change)
	}
	if !(scale.high > scale.low) || math.IsInf(scale.high-scale.low, 0) {
		return nil
	}
	f := &pageFigure{Class: "wins", Caption: "What changed, the greatest first. Bars to the left of the line are less than before, those to the right more."}
	for _, p := range changes {
		d := drawing{height: 24, label: partName(p) + ": " + write(p.Change)}
		zero, at := scale.at(0), scale.at(p.Change)
		if p.Change < 0 {
			d.rect("less", at, zero, 4, 16, "")
		} else {
			d.rect("more", zero, at, 4, 16, "")
		}
		d.line("zero", zero, 0, zero, 24)
		row := figureRow{Name: bench.Printable(partName(p)), Value: write(p.Change), Plots: []markup{d.svg()}}
		if len(p.Of) > 0 {
			row.Note = "of it " + firstOf(p.Of, 4)
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}
