package report

import (
	"fmt"
	"io"
	"math"

	"mlbench/bench/history"
	"mlbench/stats"
)

// historyHTML renders a history: how each candidate's time to ready went. What
// may not be compared is never on one line: each series has a drawing of its
// own, under what it differs in.
func historyHTML(w io.Writer, r *history.Report) error {
	p := page{
		Title: "mlbench: " + historyHead(r), Kind: "mlbench history", Heading: "How start times went",
		Said: []string{historyHead(r) + "."},
		Made: "mlbench " + word(r.Tool.Version) + ". Times are medians until ready with their 95 % intervals; runs on other hosts or in other ways are separate series.",
	}
	for _, warning := range capped(briefly(r.Warnings), mostWarnings) {
		p.Alerts = append(p.Alerts, alert{"open", warning})
	}
	for i, s := range newest(r.Series) {
		blocks := []pageBlock{{Text: plural(len(s.Points), "run") + ", last ready in " + readyIn(s.Points[len(s.Points)-1].Ready) + "."}}
		if d := differs(s); d != "" {
			blocks = append(blocks, pageBlock{Aside: d})
		}
		blocks = append(blocks, pageBlock{Figure: trendFigure(s)}, pageBlock{List: []string{environment(s)}})
		p.add(fmt.Sprintf("series-%d", i+1), word(s.Candidate)+", "+days(s), blocks...)
	}
	if left := len(r.Series) - mostSeries; left > 0 {
		p.About = append(p.About, fmt.Sprintf("%s that ended before are not drawn: --candidate, --since and --fingerprint choose", seriesCount(left)))
	}
	p.add("runs", "Newest runs", pageBlock{Table: tableOf("Newest runs", runs(r))})
	return p.write(w)
}

// days are the first and the last of a series.
func days(s history.Series) string {
	first, last := day(s.Points[0].StartedAt), day(s.Points[len(s.Points)-1].StartedAt)
	if first == last {
		return first
	}
	return first + " to " + last
}

// mostDrawn is how many points of a series are drawn: of more, several share
// one.
const mostDrawn = 240

// trendFigure draws the medians of a series between the bounds of their
// intervals; nil where it has no point.
func trendFigure(s history.Series) *pageFigure {
	const height, band = 190, 22
	if len(s.Points) == 0 {
		return nil
	}
	shared := grouped(s.Points, mostDrawn)
	scale, nevers := scaling{low: inf, high: -inf}, 0
	for _, c := range shared {
		for _, x := range []float64{c.Estimate, c.Low, c.High} {
			if !math.IsInf(x, 0) && !math.IsNaN(x) {
				scale.low, scale.high = min(scale.low, x), max(scale.high, x)
			}
		}
	}
	for _, p := range s.Points {
		if math.IsInf(ready(p).Estimate, 1) {
			nevers++
		}
	}
	top := 0.0
	if nevers > 0 {
		top = band
	}
	if math.IsInf(scale.low, 0) {
		scale = scaling{low: 0, high: 1}
	}
	room := max(0.08*(scale.high-scale.low), 0.02*math.Abs(scale.high))
	scale.low, scale.high = max(scale.low-room, 0), scale.high+room
	y := func(ms float64) float64 { return top + (height-top)*(1-min(max(scale.at(ms), 0), 1)) }
	axis, plot := drawing{height: height}, drawing{height: height}
	plot.label = fmt.Sprintf("%s: ready in %s at first, %s at last, over %s", word(s.Candidate), readyIn(s.Points[0].Ready), readyIn(s.Points[len(s.Points)-1].Ready), plural(len(s.Points), "run"))
	if nevers > 0 {
		plot.rect("fails", 0, 1, 0, top-4, "")
		axis.text("end", 0.92, top/2+2, never)
	}
	if nevers < len(s.Points) {
		for _, t := range scale.ticks(4) {
			plot.line("grid", 0, y(t), 1, y(t))
			axis.text("end", 0.92, y(t)+4, limit(t))
		}
	}
	plot.trend(s, shared, y, top)
	f := &pageFigure{Class: "trend", Caption: "Median time to ready of each run, a dot, with its 95 % interval, in the order in which the runs began."}
	if len(shared) < len(s.Points) {
		f.Note = fmt.Sprintf("A dot is the median of about %d runs, and its line reaches to the outermost bounds.", (len(s.Points)+len(shared)-1)/len(shared))
	}
	if nevers > 0 {
		f.Note += fmt.Sprintf(" A cross at the top is never ready: %s.", plural(nevers, "run"))
	}
	bottom, none := drawing{height: 22}, drawing{height: 22}
	first, last := day(s.Points[0].StartedAt), day(s.Points[len(s.Points)-1].StartedAt)
	bottom.text("", 0, 16, first)
	if last != first {
		bottom.text("end", 1, 16, last)
	}
	f.Rows = []figureRow{
		{Plots: []markup{axis.svg(), plot.svg()}},
		{Axis: true, Plots: []markup{none.svg(), bottom.svg()}},
	}
	return f
}

// trend draws the points, and a thin line that leads the eye from one to the
// next; not over runs that were never ready.
func (d *drawing) trend(s history.Series, shared []stats.Interval, y func(float64) float64, top float64) {
	path, open := "", false
	for i, c := range shared {
		x, said := (float64(i)+0.5)/float64(len(shared)), ""
		if len(shared) == len(s.Points) {
			said = s.Points[i].StartedAt.UTC().Format("2006-01-02 15:04") + ": " + readyIn(s.Points[i].Ready)
		}
		if math.IsInf(c.Estimate, 1) || math.IsNaN(c.Estimate) {
			d.mark("failed", x, top/2-2, cross, said)
			open = false
			continue
		}
		command := "M"
		if open {
			command = "L"
		}
		path, open = path+command+figures(1000*x)+" "+figures(1000*y(c.Estimate)/float64(d.height)), true
		if !math.IsInf(c.Low, 0) && !math.IsInf(c.High, 0) {
			d.line("reach", x, y(c.High), x, y(c.Low))
		}
		d.dot("start", x, y(c.Estimate), 3, said)
	}
	if path != "" {
		d.curves("path", []string{path})
	}
}
