package report

import (
	"fmt"
	"math"

	"mlbench/bench"
)

// How much of what GPUs had is drawn: more lines lie on one another, and more
// points in a pixel.
const (
	mostMemoryLines  = 24
	mostMemoryPoints = 80
)

// gpuFigure draws each start's memory on the GPUs over time, a panel a
// candidate, all on one scale; nil where none was seen there.
func gpuFigure(v view) *pageFigure {
	lines := make([][]bench.Start, len(v.Candidates))
	longest, most, all := 0.0, int64(0), 0
	for _, s := range v.Starts {
		if !s.Role.Measured() || s.GPU == nil || len(s.GPU.Memory) == 0 {
			continue
		}
		lines[s.Candidate] = append(lines[s.Candidate], s)
		all++
		for _, p := range s.GPU.Memory {
			longest, most = max(longest, p.MS), max(most, p.Bytes)
		}
		if !s.Failed() {
			longest = max(longest, s.Time())
		}
	}
	if all == 0 || !(longest > 0) || most <= 0 {
		return nil
	}
	longest *= 1.02
	f := &pageFigure{Class: "gpu", Caption: "Memory that each start had on the GPUs, from its beginning on; the more starts went the same way, the darker the line. The dotted line is where it was ready (median)."}
	for i, starts := range lines {
		if len(starts) == 0 {
			continue
		}
		row := figureRow{Name: v.names[i], Value: "at the most " + bytes(peak(starts))}
		row.Plots = memoryPanel(v, i, starts, longest, most)
		f.Rows = append(f.Rows, row)
		if len(starts) > mostMemoryLines {
			f.Note = fmt.Sprintf("Of each candidate %d starts are drawn, evenly chosen from all of the run.", mostMemoryLines)
		}
	}
	scale := scaling{low: 0, high: longest}
	axis, none := drawing{height: 22}, drawing{height: 22}
	for _, t := range scale.ticks(5) {
		axis.text(anchorAt(scale.at(t)), scale.at(t), 16, limit(t))
	}
	f.Rows = append(f.Rows, figureRow{Axis: true, Plots: []markup{none.svg(), axis.svg()}})
	return f
}

// anchorAt keeps text at the ends of a drawing within it.
func anchorAt(x float64) string {
	switch {
	case x < 0.03:
		return ""
	case x > 0.95:
		return "end"
	}
	return "middle"
}

func peak(starts []bench.Start) int64 {
	most := int64(0)
	for _, s := range starts {
		most = max(most, s.GPU.PeakBytes)
	}
	return most
}

func memoryPanel(v view, candidate int, starts []bench.Start, longest float64, most int64) []markup {
	const height = 110
	scale := scaling{low: 0, high: 1.06 * float64(most)}
	axis, plot := drawing{height: height}, drawing{height: height}
	plot.label = fmt.Sprintf("%s: GPU memory of %s over time, %s at the most", v.names[candidate], plural(len(starts), "start"), bytes(peak(starts)))
	for _, t := range scale.ticks(3) {
		y := height * (1 - scale.at(t))
		plot.line("grid", 0, y, 1, y)
		axis.text("end", 0.92, min(y+4, height-1), shorten(bytes(int64(t)), 9)) // no longer than there is room
	}
	var paths []string
	for n := range min(len(starts), mostMemoryLines) {
		paths = append(paths, steps(starts[n*len(starts)/min(len(starts), mostMemoryLines)].GPU.Memory, longest, scale))
	}
	plot.curves("memory", paths)
	if ready := v.sums[candidate].Ready.Estimate; !math.IsInf(ready, 1) && !math.IsNaN(ready) {
		plot.line("ready", ready/longest, 0, ready/longest, height)
	}
	return []markup{axis.svg(), plot.svg()}
}

// steps is memory over time as a path of a box of 1000 by 1000: each value
// stands until the next. Of many points that are close, the highest is drawn.
func steps(points []bench.GPUPoint, longest float64, scale scaling) string {
	x := func(ms float64) string { return figures(1000 * min(max(ms/longest, 0), 1)) }
	y := func(b int64) string { return figures(1000 * (1 - min(max(scale.at(float64(b)), 0), 1))) }
	path, last := "M0 1000", "1000"
	n := min(len(points), mostMemoryPoints)
	for i := range n {
		some := points[i*len(points)/n : (i+1)*len(points)/n]
		high := some[0].Bytes
		for _, p := range some {
			high = max(high, p.Bytes)
		}
		if at := y(high); at != last {
			path += "H" + x(some[0].MS) + "V" + at
			last = at
		}
	}
	return path + "H1000"
}
