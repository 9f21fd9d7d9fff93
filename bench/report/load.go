package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

// loads is what candidates answered under load: a row a candidate, none where
// nothing was loaded. Figures of several starts are their medians.
func loads(v view) table {
	t := table{left: 1, head: []string{
		"under load", "requests/s [" + confidence(v) + "]", "change [" + loadConfidence(v) + "]", "p50", "p99", "errors", "GPU busy", "GPU memory",
	}}
	const change, p99, errors, busy, memory = 2, 4, 5, 6, 7
	filled := map[int]bool{}
	loaded := false
	for i := range v.Candidates {
		starts := v.Loads(i)
		row := []string{v.names[i], unknown, "", unknown, unknown, unknown, unknown, unknown}
		if i == 0 {
			row[change] = "baseline"
		}
		if len(starts) > 0 {
			loaded = true
			row[1] = perSecond(medianLoad(v, starts, bench.MetricThroughput))
			row[3] = loadTime(medianLoad(v, starts, bench.MetricLatencyP50).Estimate)
			row[p99] = loadTime(medianLoad(v, starts, bench.MetricLatencyP99).Estimate)
			row[errors] = loadErrors(starts)
		}
		for _, c := range v.On(bench.MetricThroughput) {
			if c.Candidate == i {
				row[change] = served(c.Change)
				filled[change] = true
			}
		}
		if x := loadGPU(starts, func(l bench.Load) (float64, bool) { return value(l.GPUBusyPercent) }); len(x) > 0 {
			row[busy], filled[busy] = number(stats.Median(x), 0)+" %", true
		}
		if x := loadGPU(starts, func(l bench.Load) (float64, bool) {
			if l.GPUMemoryBytes == nil {
				return 0, false
			}
			return float64(*l.GPUMemoryBytes), true
		}); len(x) > 0 {
			row[memory], filled[memory] = bytes(int64(stats.Median(x))), true
		}
		t.rows = append(t.rows, row)
	}
	if !loaded {
		return table{}
	}
	for _, column := range []int{memory, busy, change} {
		if !filled[column] {
			t = t.without(column)
		}
	}
	return t.narrowed(0)
}

// served writes a change of the number of answers, which may be none.
func served(c bench.Change) string {
	s := changeWithInterval(c)
	_, bounds, some := strings.Cut(s, " [")
	if some {
		bounds = " [" + bounds
	}
	switch {
	case math.IsInf(c.Estimate, 1):
		return "baseline answers nothing" + bounds
	case c.Estimate <= -1:
		return "answers nothing" + bounds
	}
	return s
}

// answered writes a change of the time to answer; unknown where one of the two
// answers nothing.
func answered(c bench.Change) string {
	if math.IsInf(c.Estimate, 1) || c.Estimate <= -1 {
		return unknown
	}
	return changeWithInterval(c)
}

// loadFacts say how it was loaded, and how the times to answer changed.
func loadFacts(v view) []string {
	s := v.Spec
	how := "as fast as they are answered"
	if s.Rate > 0 {
		how = plural(s.Rate, "request") + " per second"
	}
	facts := []string{fmt.Sprintf("load: %s in each of %s a candidate after all others, %s, %s at most at a time; p50 and p99 are of answers of 2xx, medians over the starts",
		limit(s.LoadMS), plural(s.LoadBlocks, "start"), how, plural(s.Connections, "request"))}
	for i := range v.Candidates {
		p50, known := loadChange(v, bench.MetricLatencyP50, i)
		p99, alsoKnown := loadChange(v, bench.MetricLatencyP99, i)
		if known && alsoKnown {
			facts = append(facts, fmt.Sprintf("time to answer of %s: p50 %s, p99 %s (%s intervals)", v.names[i],
				answered(p50.Change), answered(p99.Change), loadConfidence(v)))
		}
	}
	return facts
}

// underLoad says whether a candidate surely answers more or fewer requests.
func underLoad(v view, candidate int) string {
	c, ok := loadChange(v, bench.MetricThroughput, candidate)
	if !ok || c.Change.Low <= 0 && c.Change.High >= 0 {
		return ""
	}
	more := "fewer"
	switch {
	case math.IsInf(c.Change.Estimate, 1):
		return fmt.Sprintf("Under load it answers, and %s does not.", v.names[c.Baseline])
	case c.Change.Estimate <= -1:
		return fmt.Sprintf("Under load it answers nothing, and %s does.", v.names[c.Baseline])
	case c.Change.Low > 0:
		more = "more"
	}
	return fmt.Sprintf("Under load it answers %s %s requests per second (%s interval %s).", plain(c.Change.Estimate), more, loadConfidence(v), between(c.Change))
}

func loadChange(v view, metric string, candidate int) (bench.Comparison, bool) {
	for _, c := range v.On(metric) {
		if c.Candidate == candidate {
			return c, true
		}
	}
	return bench.Comparison{}, false
}

// loadConfidence is the level of an interval of one metric of the loads.
func loadConfidence(v view) string {
	compared := v.On(bench.MetricThroughput)
	if len(compared) == 0 {
		return confidence(v)
	}
	return levelOf(compared[0])
}

func medianLoad(v view, starts []bench.Start, metric string) stats.Interval {
	var x []float64
	for _, s := range starts {
		x = append(x, s.Loaded(metric))
	}
	return stats.QuantileInterval(x, 0.5, v.Spec.Alpha)
}

// perSecond writes a number of requests per second with its interval.
func perSecond(i stats.Interval) string {
	u := unit{base: 1}
	s := u.number(i.Estimate)
	if math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) {
		return s + " [" + notYet + "]"
	}
	return s + " [" + u.number(i.Low) + ", " + u.number(i.High) + "]"
}

// loadTime writes a time to answer.
func loadTime(ms float64) string {
	if math.IsInf(ms, 1) {
		return never
	}
	return milliseconds(ms)
}

// loadErrors is how many requests were not answered with 2xx, of how many.
func loadErrors(starts []bench.Start) string {
	sent, failed := 0, 0
	for _, s := range starts {
		if s.Load != nil {
			n, bad := s.Load.Requests()
			sent, failed = sent+n, failed+bad
		}
	}
	return fmt.Sprintf("%d of %d", failed, sent)
}

func loadGPU(starts []bench.Start, of func(bench.Load) (float64, bool)) []float64 {
	var all []float64
	for _, s := range starts {
		if s.Load == nil {
			continue
		}
		if x, ok := of(*s.Load); ok {
			all = append(all, x)
		}
	}
	return all
}

func value(x *float64) (float64, bool) {
	if x == nil {
		return 0, false
	}
	return *x, true
}

// loadHead names CSV's columns of the loads.
var loadHead = []string{
	"load_requests_per_s", "load_p50_ms", "load_p99_ms", "load_requests", "load_failed", "load_gpu_busy_percent", "load_gpu_memory_bytes",
}

func loadCells(l *bench.Load) []string {
	if l == nil {
		return make([]string, len(loadHead))
	}
	sent, failed := l.Requests()
	return []string{
		float(l.PerSecond), optional(l.P50MS), optional(l.P99MS), strconv.Itoa(sent), strconv.Itoa(failed),
		optional(l.GPUBusyPercent), whole(l.GPUMemoryBytes),
	}
}
