package report

import (
	"math"
	"strings"
)

// phaseClasses are how the phases until ready look: the same hue throughout,
// deeper the later the phase.
var phaseClasses = []struct{ phase, class string }{
	{"pull", "p1"}, {"create", "p2"}, {"start", "p3"}, {"boot", "p4"}, {"warmup", "p5"},
}

// phasesFigure draws where the time until ready goes; nil where no phase is
// known.
func phasesFigure(v view) *pageFigure {
	times, readies := make([]map[string]float64, len(v.Candidates)), make([]string, len(v.Candidates))
	for i := range v.Candidates {
		times[i], readies[i] = make(map[string]float64), unknown
		for _, p := range v.sums[i].Phases {
			times[i][p.Name] = p.MS.Estimate
		}
		if v.sums[i].Starts > 0 {
			readies[i], _, _ = strings.Cut(withInterval(v.sums[i].Ready), " [")
		}
	}
	return phaseBars(v.names, times, readies)
}

// phaseBars are a bar for each name, as long as its phases until ready, beside
// when it was ready.
func phaseBars(names []string, times []map[string]float64, readies []string) *pageFigure {
	longest := 0.0
	for _, t := range times {
		total := 0.0
		for _, p := range phaseClasses {
			total += t[p.phase]
		}
		longest = max(longest, total)
	}
	if !(longest > 0) || math.IsInf(longest, 1) {
		return nil
	}
	f := &pageFigure{Class: "phases", Caption: "Medians of each phase of the starts that were ready, one after another. As they are medians, they need not add up to the median of the whole, which stands beside each bar."}
	for i, name := range names {
		f.Rows = append(f.Rows, figureRow{Name: name, Value: readies[i], Plots: []markup{phaseBar(name, times[i], longest)}})
	}
	for _, p := range phaseClasses {
		for _, t := range times {
			if t[p.phase] > 0 {
				f.Legend = append(f.Legend, legendKey{p.class, meaning(p.phase)})
				break
			}
		}
	}
	return f
}

// leastNamed is the share of the drawing's width from which a phase's name has
// room in its bar.
const leastNamed = 0.11

func phaseBar(name string, times map[string]float64, longest float64) markup {
	const height, y, thick = 40, 5, 30
	d := drawing{height: height}
	var said []string
	at := 0.0
	for _, p := range phaseClasses {
		ms := times[p.phase]
		if !(ms > 0) {
			continue
		}
		from, to := at/longest, (at+ms)/longest
		at += ms
		said = append(said, p.phase+" "+milliseconds(ms))
		d.rect("phase "+p.class, from, to, y, thick, p.phase+" "+milliseconds(ms))
		if to-from >= leastNamed {
			on := "wide on"
			if p.class == "p5" {
				on = "wide on-last"
			}
			d.clipped(on, from, to, y, thick, p.phase)
		}
	}
	d.label = name + ": " + strings.Join(said, ", ")
	if len(said) == 0 {
		d.label = name + ": no phase known"
	}
	return d.svg()
}
