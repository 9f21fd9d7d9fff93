package main

import (
	"fmt"
	"math"
	"slices"

	"mlbench/runner/probe"
	"mlbench/stats"
)

// A finding is a goal and what was measured.
type finding struct {
	goal, wanted, measured string
	where                  string // the worst server
	met                    bool
}

// goals holds what was measured against what mlbench is meant to reach; goals
// for which nothing was measured are left out. An error counts where it is
// worst.
func (r *report) goals() []finding {
	var all []finding
	add := func(f finding, ok bool) {
		if ok {
			all = append(all, f)
		}
	}
	size := func(q float64) func([]float64) float64 {
		return func(x []float64) float64 { return math.Abs(stats.Quantile(x, q)) }
	}
	at := func(q float64) func([]float64) float64 {
		return func(x []float64) float64 { return stats.Quantile(x, q) }
	}
	listening := func(s sample) []float64 { return s.listening }
	ready := func(s sample) []float64 { return s.ready }
	add(r.worst("`listening` by event: median, either way", events, 0.05, listening, size(0.5)))
	add(r.worst("`listening` by event: 99 %", events, 0.5, listening, at(0.99)))
	add(r.worst("`ready` by event: median", events, 0.6, ready, at(0.5)))
	add(r.worst("`ready` by event: 90 %", events, 1.5, ready, at(0.9)))
	add(r.worst("`ready` by polling: median", polling, 1, ready, at(0.5)))
	add(r.worst("`ready` by polling: 90 %", polling, 2, ready, at(0.9)))
	add(r.neverEarly())
	add(r.ratio())
	add(r.cheap(events, 1.5))
	add(r.cheap(polling, 45))
	if i, ok := r.disturbance(events); ok {
		add(finding{
			goal: "busy server's start, watched by event against not watched", wanted: "0 within, all within ±2 %",
			measured: percent(i), where: busy.name,
			met: i.Low <= 0 && i.High >= 0 && i.Low >= -0.02 && i.High <= 0.02,
		}, true)
	}
	return all
}

// worst is the highest of a quantity over the servers that goals are about.
func (r *report) worst(goal string, o *observer, limit float64, of func(sample) []float64, quantity func([]float64) float64) (finding, bool) {
	f := finding{goal: goal, wanted: "≤ " + number(limit) + " ms"}
	highest, found := math.Inf(-1), false
	for _, s := range r.samples() {
		if s.observer != o || !s.goal {
			continue
		}
		if x := quantity(of(s)); x > highest {
			highest, f.where, found = x, s.server.name, true
			if o == events && slices.Contains(s.sources, probe.SourceConnect) {
				f.where += ", where no event was heard" // this host has none, or one was lost
			}
		}
	}
	f.measured, f.met = number(highest)+" ms", highest <= limit
	return f, found
}

func (r *report) neverEarly() (finding, bool) {
	f := finding{goal: "`ready` by mlbench: called before it was so", wanted: "never", where: "all"}
	early, n := 0, 0
	for _, s := range r.samples() {
		if s.ours() {
			early += s.early
			n += len(s.ready)
		}
	}
	f.measured, f.met = fmt.Sprintf("%d of %d", early, n), early == 0
	return f, n > 0
}

func (r *report) ratio() (finding, bool) {
	f := finding{goal: "median error of `ready`, testcontainers over mlbench", wanted: "≥ 50", where: late.name}
	ours, theirs := r.sample(cell{late, events}), r.sample(cell{late, peer})
	if len(ours.ready) == 0 || len(theirs.ready) == 0 {
		return f, false
	}
	ratio := stats.Quantile(theirs.ready, 0.5) / stats.Quantile(ours.ready, 0.5)
	f.measured, f.met = fmt.Sprintf("%.0f", ratio), ratio >= 50
	return f, true
}

func (r *report) cheap(o *observer, limit float64) (finding, bool) {
	f := finding{goal: "processor time of a start's watching, " + o.name, wanted: "≤ " + number(limit) + " ms", where: late.name}
	i, ok := r.watching(o)
	f.measured, f.met = interval(i)+" ms", i.Estimate <= limit
	return f, ok
}
