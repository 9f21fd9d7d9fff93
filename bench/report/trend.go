package report

import (
	"fmt"
	"math"
	"strings"

	"mlbench/bench/history"
	"mlbench/stats"
)

// maxColumns is how wide a trend is, so that it fits a terminal of 80.
const maxColumns = 60

var inf = math.Inf(1)

// levels are the heights of a sparkline.
var levels = []rune("▁▂▃▄▅▆▇█")

const (
	drawnNever   = '×' // a candidate that was never ready
	drawnUnknown = '·' // a bound that is not known
)

func from(x *float64, or float64) float64 {
	if x == nil {
		return or
	}
	return *x
}

// bounds are an interval of times with its infinities.
func bounds(i history.Interval) stats.Interval {
	return stats.Interval{Estimate: from(i.Estimate, inf), Low: from(i.Low, -inf), High: from(i.High, inf)}
}

// trend draws the medians of a series between the bounds of their intervals,
// on one scale, and says what that is.
func trend(points []history.Point) []string {
	columns := columns(points)
	lo, hi := inf, -inf
	nevers := 0
	for _, p := range points {
		if math.IsInf(ready(p).Estimate, 1) {
			nevers++
		}
	}
	for _, c := range columns {
		for _, x := range []float64{c.Estimate, c.Low, c.High} {
			if !math.IsInf(x, 0) {
				lo, hi = min(lo, x), max(hi, x)
			}
		}
	}
	var high, middle, low strings.Builder
	for _, c := range columns {
		if math.IsInf(c.Estimate, 1) {
			high.WriteRune(' ')
			middle.WriteRune(drawnNever)
			low.WriteRune(' ')
			continue
		}
		high.WriteRune(level(c.High, lo, hi))
		middle.WriteRune(level(c.Estimate, lo, hi))
		low.WriteRune(level(c.Low, lo, hi))
	}
	rows := []string{"high   " + high.String(), "ready  " + middle.String(), "low    " + low.String()}
	scale := "scale  "
	switch {
	case hi == lo:
		scale += milliseconds(lo)
	case hi > lo:
		scale += span(milliseconds(lo), milliseconds(hi)) + " (median with its 95 % interval)"
	default:
		scale += "none"
	}
	if len(columns) < len(points) {
		scale += fmt.Sprintf("; a column is the median of about %d runs, and the outermost bounds", (len(points)+len(columns)-1)/len(columns))
	}
	if nevers > 0 {
		scale += fmt.Sprintf("; %c never ready: %s", drawnNever, plural(nevers, "run"))
	}
	return append(rows, scale)
}

func ready(p history.Point) stats.Interval {
	if p.Ready == nil {
		return stats.Interval{Estimate: inf, Low: -inf, High: inf}
	}
	return bounds(*p.Ready)
}

// columns are what of a series fits a terminal.
func columns(points []history.Point) []stats.Interval { return grouped(points, maxColumns) }

// grouped are what is drawn: a point each, or of many points those that share
// a column. A column is of runs that were never ready where most of it are.
func grouped(points []history.Point, most int) []stats.Interval {
	n := min(len(points), most)
	columns := make([]stats.Interval, n)
	for i := range columns {
		some := points[i*len(points)/n : (i+1)*len(points)/n]
		if len(some) == 1 {
			columns[i] = ready(some[0])
			continue
		}
		var middle []float64
		c := stats.Interval{Low: inf, High: -inf}
		for _, p := range some {
			r := ready(p)
			middle = append(middle, r.Estimate)
			if !math.IsInf(r.Low, 0) {
				c.Low = min(c.Low, r.Low)
			}
			if !math.IsInf(r.High, 0) {
				c.High = max(c.High, r.High)
			}
		}
		c.Estimate = stats.Median(middle)
		columns[i] = c
	}
	return columns
}

// level is the height of a figure between the least and the most.
func level(x, lo, hi float64) rune {
	if math.IsInf(x, 0) {
		return drawnUnknown
	}
	if hi <= lo {
		return levels[len(levels)/2]
	}
	i := int((x - lo) / (hi - lo) * float64(len(levels)))
	return levels[max(min(i, len(levels)-1), 0)]
}
