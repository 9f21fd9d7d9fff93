package report

import (
	"math"

	"mlbench/bench"
)

// changeFigure draws the interval of every candidate's change against 0 and
// the margin; nil where nothing was compared. A bound that is not known is an
// arrow that leads out of the drawing.
func changeFigure(v view) *pageFigure {
	compared := v.On(bench.MetricReady)
	scale := scaling{low: 0, high: v.Spec.Margin}
	drawn := 0
	for _, c := range compared {
		if c.Pairs == 0 {
			continue
		}
		drawn++
		for _, x := range []float64{c.Change.Low, c.Change.Estimate, c.Change.High} {
			if !math.IsInf(x, 0) && !math.IsNaN(x) {
				scale.low, scale.high = min(scale.low, max(x, -1)), max(scale.high, min(x, maxDrawnChange))
			}
		}
	}
	if drawn == 0 {
		return nil
	}
	room := 0.08 * (scale.high - scale.low)
	scale.low, scale.high = scale.low-room, scale.high+room
	f := &pageFigure{Class: "change"}
	for _, c := range compared {
		row := figureRow{Name: v.names[c.Candidate], Value: v.changeOf(c.Candidate)}
		if c.Pairs > 0 {
			s := signOf(string(c.Verdict), worded(c.Verdict))
			s.Says = ""
			row.Sign = &s
			row.Plots = []markup{changeStrip(v, scale, c)}
		} else {
			row.Value = "not compared"
		}
		f.Rows = append(f.Rows, row)
	}
	f.Rows = append(f.Rows, figureRow{Axis: true, Plots: []markup{changeAxis(v, scale)}})
	f.Caption = "Change of the time to ready against " + v.names[0] + ", a dot, with its " + changeConfidence(v) +
		" interval, a line. Left of 0 is sooner. An interval right of the margin, +" + chosen(v.Spec.Margin) +
		", proves a regression; one left of it proves that there is none. An arrow has no bound on that side yet."
	return f
}

// maxDrawnChange is a change beyond which a drawing shows nothing more: what is
// ten times as slow is an arrow.
const maxDrawnChange = 9

// worded is a comparison's verdict as people say it.
func worded(verdict bench.Verdict) string {
	if verdict == bench.NoRegression {
		return "no regression"
	}
	return string(verdict)
}

const stripHeight = 44

func changeStrip(v view, scale scaling, c bench.Comparison) markup {
	d := drawing{height: stripHeight, label: v.names[c.Candidate] + ": " + worded(c.Verdict) + ", " + changeWithInterval(c.Change) + ", margin +" + chosen(v.Spec.Margin)}
	changeGrid(&d, scale, v.Spec.Margin, stripHeight)
	const y = stripHeight / 2
	low, high := c.Change.Low, c.Change.High
	known := isKnown(low, high)
	x1, x2 := scale.at(max(low, -1)), scale.at(min(high, maxDrawnChange))
	if math.IsInf(low, -1) || low <= -1 {
		x1 = 0
	}
	if math.IsInf(high, 1) || high > maxDrawnChange {
		x2 = 1
	}
	if math.IsInf(low, 1) || low > maxDrawnChange { // the candidate fails
		x1 = 1
	}
	if known {
		d.line("interval", x1, y, x2, y)
		d.bound(x1, x1 <= 0, y, toTheLeft)
		d.bound(x2, x2 >= 1, y, toRight)
	}
	at, class := scale.at(min(max(c.Change.Estimate, scale.low), scale.high)), "estimate"
	if !known {
		class += " loose"
	}
	switch e := c.Change.Estimate; {
	case math.IsNaN(e):
	case math.IsInf(e, 1):
		d.mark("failed", 1, y, cross, "fails")
	case e <= -1:
		d.mark("failed", 0, y, cross, "baseline fails")
	default:
		d.dot(class, at, y, 5, changeWithInterval(c.Change))
	}
	return d.svg()
}

// bound ends an interval: with a cap, or with an arrow where it has no end.
func (d *drawing) bound(x float64, open bool, y float64, arrow string) {
	if open {
		d.mark("arrow", x, y, arrow, "no bound yet")
		return
	}
	d.line("cap", x, y-6, x, y+6)
}

func changeGrid(d *drawing, scale scaling, margin, height float64) {
	for _, t := range scale.ticks(5) {
		d.line("grid", scale.at(t), 0, scale.at(t), height)
	}
	d.rect("beyond", scale.at(margin), 1, 0, height, "")
	d.line("margin", scale.at(margin), 0, scale.at(margin), height)
	d.line("zero", scale.at(0), 0, scale.at(0), height)
}

func changeAxis(v view, scale scaling) markup {
	d := drawing{height: 44}
	d.line("zero", scale.at(0), 0, scale.at(0), 4)
	d.line("margin", scale.at(v.Spec.Margin), 0, scale.at(v.Spec.Margin), 26)
	for _, t := range scale.ticks(5) {
		if math.Abs(t) < 1e-9 {
			t = 0
		}
		d.text(anchorAt(scale.at(t)), scale.at(t), 18, percentTick(t))
	}
	anchor, x := "end margin-name", scale.at(v.Spec.Margin)
	if x < 0.4 {
		anchor = "margin-name"
	}
	d.text(anchor, x, 38, "margin +"+chosen(v.Spec.Margin))
	return d.svg()
}

func percentTick(x float64) string {
	s := chosen(math.Abs(x))
	switch {
	case x > 0:
		return "+" + s
	case x < 0:
		return "−" + s
	}
	return s
}
