package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mlbench/stats"
)

// Heights of a panel of starts in pixels. Failed ones have no time, and lie in
// a band above the scale.
const (
	panelHeight = 120
	failBand    = 22
)

// startsFigure draws each start's time to ready in the order of the run, a
// panel a candidate, so that a drift of the host is seen in all of them at the
// same place; beside it how often each time was. The panels span the same
// ratio: equal heights are equal shares of a candidate's own median.
func startsFigure(v view) *pageFigure {
	order := measuredInOrder(v)
	if len(order) == 0 {
		return nil
	}
	to := reachOf(v, order)
	f := &pageFigure{Class: "starts"}
	failed, outside := false, false
	for i := range v.Candidates {
		s := v.sums[i]
		if s.Starts == 0 {
			continue
		}
		failed = failed || s.Failed > 0
		row := figureRow{Name: v.names[i], Value: "median " + v.readyOf(i)}
		if s.Failed > 0 {
			row.Value += fmt.Sprintf(", %d of %s failed", s.Failed, plural(s.Starts, "start"))
		}
		panel, beyond := startsPanel(v, i, order, to)
		outside = outside || beyond
		row.Plots = panel
		f.Rows = append(f.Rows, row)
	}
	f.Rows = append(f.Rows, figureRow{Axis: true, Plots: startsAxis(len(order))})
	f.Caption = "Time to ready of each of " + plural(len(order), "start") + ", a dot, from the first of the run on the left to the last on the right; beside them, how many took how long. The line is the median, and the band its " +
		confidence(v) + " interval. All panels span the same ratio, so that equal heights are equal shares of the time."
	if failed {
		f.Note = "A cross at the top is a start that failed: it never became ready, and counts as longer than all others."
	}
	if outside {
		f.Note += " A triangle is a start that took longer or less long than the panel shows."
	}
	return f
}

// measuredInOrder are the places of the starts that count, as they began.
func measuredInOrder(v view) []int {
	var order []int
	for i, s := range v.Starts {
		if s.Role.Measured() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := v.Starts[a], v.Starts[b]
		return cmp.Or(x.BeginAt.Compare(y.BeginAt), cmp.Compare(x.Block, y.Block), cmp.Compare(x.Position, y.Position))
	})
	return order
}

// A reach is how far below and above its median a panel shows, in logarithms.
type reach struct{ down, up float64 }

// reachOf is to all starts of all candidates, but not further than three times
// as far as nine in ten of them lie, so that one of them does not flatten all
// others.
func reachOf(v view, order []int) reach {
	var far []float64
	var to reach
	for _, at := range order {
		s := v.Starts[at]
		if m := middle(v, s.Candidate); !s.Failed() && m > 0 {
			x := math.Log(s.Time() / m)
			to.down, to.up = max(to.down, -x), max(to.up, x)
			far = append(far, math.Abs(x))
		}
	}
	most := math.Inf(1)
	if len(far) > 0 {
		slices.Sort(far)
		most = max(3*stats.Quantile(far, 0.9), math.Log(1.02))
	}
	shown := func(x float64) float64 { return 1.15 * max(min(x, most), math.Log(1.02)) }
	return reach{shown(to.down), shown(to.up)}
}

// middle is about which time a candidate's panel lies: the median, or of those
// that mostly fail the median of the starts that were ready; 0 where none was.
func middle(v view, candidate int) float64 {
	if m := v.sums[candidate].Ready.Estimate; !math.IsInf(m, 1) && !math.IsNaN(m) {
		return m
	}
	var times []float64
	for _, s := range v.Starts {
		if s.Candidate == candidate && s.Role.Measured() && !s.Failed() {
			times = append(times, s.Time())
		}
	}
	if len(times) == 0 {
		return 0
	}
	return stats.Median(times)
}

// startsPanel is a candidate's scale, its starts, and how they are spread.
func startsPanel(v view, candidate int, order []int, to reach) (panel []markup, beyond bool) {
	top := 0.0
	if v.sums[candidate].Failed > 0 {
		top = failBand
	}
	m := middle(v, candidate)
	scale := scaling{low: m * math.Exp(-to.down), high: m * math.Exp(to.up), log: true}
	y := func(ms float64) float64 { return top + (panelHeight-top)*(1-min(max(scale.at(ms), 0), 1)) }
	axis, plot, side := drawing{height: panelHeight}, drawing{height: panelHeight}, drawing{height: panelHeight}
	plot.label = fmt.Sprintf("%s: median %s, %s in the order of the run", v.names[candidate], v.readyOf(candidate), plural(v.sums[candidate].Starts, "start"))
	if top > 0 {
		plot.rect("fails", 0, 1, 0, top-4, "")
		axis.text("end", 0.92, top/2+2, "failed")
	}
	ready := v.sums[candidate].Ready
	if m > 0 {
		low, high := max(ready.Low, scale.low), min(ready.High, scale.high)
		if !math.IsInf(ready.Estimate, 1) && high > low && isKnown(ready.Low, ready.High) {
			plot.rect("band", 0, 1, y(high), y(low)-y(high), "")
			side.rect("band", 0, 1, y(high), y(low)-y(high), "")
		}
		last := math.Inf(1)
		for _, t := range scale.ticks(5) {
			if last-y(t) < leastApart {
				continue
			}
			last = y(t)
			plot.line("grid", 0, y(t), 1, y(t))
			axis.text("end", 0.92, y(t)+4, limit(t))
		}
		if !math.IsInf(ready.Estimate, 1) {
			plot.line("median", 0, y(m), 1, y(m))
			side.line("median", 0, y(m), 1, y(m))
		}
	}
	var times []float64
	for n, at := range order {
		s := v.Starts[at]
		if s.Candidate != candidate {
			continue
		}
		x, said := (float64(n)+0.5)/float64(len(order)), fmt.Sprintf("start %d: ", n+1)
		switch ms := s.Time(); {
		case s.Failed():
			plot.mark("failed", x, top/2-2, cross, said+string(s.Outcome))
		case ms > scale.high || ms < scale.low:
			beyond = true
			plot.mark("start-beyond", x, min(max(y(ms), top+5), panelHeight-5), triangle, said+milliseconds(ms))
		default:
			times = append(times, ms)
			plot.dot("start", x, y(ms), 3, said+milliseconds(ms))
		}
	}
	side.histogram(times, scale, top)
	return []markup{axis.svg(), plot.svg(), side.svg()}, beyond
}

// leastApart is how many pixels the words on a scale need.
const leastApart = 15

// histogram counts times in bins of equal ratio, drawn from the left on.
func (d *drawing) histogram(times []float64, scale scaling, top float64) {
	const bins = 16
	var counts [bins]int
	most := 0
	for _, ms := range times {
		i := min(max(int(scale.at(ms)*bins), 0), bins-1)
		counts[i]++
		most = max(most, counts[i])
	}
	height := (panelHeight - top) / bins
	for i, n := range counts {
		if n > 0 {
			d.rect("bin", 0, float64(n)/float64(most), panelHeight-float64(i+1)*height+0.5, height-1, plural(n, "start"))
		}
	}
}

func startsAxis(n int) []markup {
	axis, none, side := drawing{height: 22}, drawing{height: 22}, drawing{height: 22}
	axis.text("", 0, 16, "first start")
	axis.text("end", 1, 16, fmt.Sprintf("last, %d", n))
	side.text("", 0, 16, "count")
	return []markup{none.svg(), axis.svg(), side.svg()}
}
