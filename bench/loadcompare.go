package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mlbench/runner"
	"mlbench/stats"
)

// The metrics of the loads. They have no verdict and no gate.
const (
	MetricThroughput = "throughput"  // requests per second that were answered with 2xx
	MetricLatencyP50 = "latency_p50" // of these, in milliseconds
	MetricLatencyP99 = "latency_p99"
)

// LoadMetrics are those that loads are compared by.
func LoadMetrics() []string { return []string{MetricThroughput, MetricLatencyP50, MetricLatencyP99} }

// Loaded is a start's value of a metric of the loads. A start that failed, or
// ended under its load, answered nothing; what answers nothing takes forever.
func (s Start) Loaded(metric string) float64 {
	served := s.Load != nil && !s.Failed() && !s.Load.Ended
	if metric == MetricThroughput {
		if !served {
			return 0
		}
		return s.Load.PerSecond
	}
	var ms *float64
	if served {
		ms = map[string]*float64{MetricLatencyP50: s.Load.P50MS, MetricLatencyP99: s.Load.P99MS}[metric]
	}
	return orElse(ms, math.Inf(1))
}

// Loads are a candidate's starts of the stage of the loads.
func (r *Result) Loads(candidate int) []Start {
	return slices.DeleteFunc(slices.Clone(r.Starts), func(s Start) bool { return s.Role != RoleLoad || s.Candidate != candidate })
}

// compareLoads holds a candidate against the baseline in all pairs of loads;
// ok is false where there is none.
func (r *Result) compareLoads(candidate int, metric string) (c Comparison, ok bool) {
	c = Comparison{Candidate: candidate, Metric: metric, Level: 1 - r.loadAlpha(), ShiftMS: unknownChange}
	var logs, shifts []float64
	for _, b := range r.blocks(RoleLoad) {
		if b[0] == nil || b[candidate] == nil {
			continue
		}
		x, y := b[0].Loaded(metric), b[candidate].Loaded(metric)
		if x == y { // both may be 0, or infinite
			logs, shifts = append(logs, 0), append(shifts, 0)
			continue
		}
		logs, shifts = append(logs, math.Log(y)-math.Log(x)), append(shifts, y-x)
	}
	if c.Pairs = len(logs); c.Pairs == 0 {
		return c, false
	}
	cut := stats.Cutoff(c.Pairs, r.loadAlpha()/2)
	c.Change = relative(stats.HodgesLehmann(logs, cut))
	shift := Change(stats.HodgesLehmann(shifts, cut))
	if IsTime(metric) {
		c.ShiftMS = shift
	} else {
		c.Shift = &shift
	}
	return c, true
}

// loadWarnings tell of loads what no figure of them does.
func (r *Result) loadWarnings() []string {
	var w []string
	for i := range r.Candidates {
		w = append(w, r.loadFailures(i)...)
	}
	for i := 1; i < len(r.Candidates); i++ {
		w = append(w, r.slowerUnderLoad(i)...)
	}
	return w
}

// loadFailures tell what went wrong with a candidate's loads.
func (r *Result) loadFailures(candidate int) []string {
	name, starts := r.Candidates[candidate].Name, r.Loads(candidate)
	var w []string
	tell := func(format string, args ...any) {
		w = append(w, Printable(name+": "+fmt.Sprintf(format, args...)))
	}
	failed, ended, none, few, late := make(map[runner.Outcome]int), 0, 0, 0, 0
	sent, unanswered, problems := 0, 0, make(map[string]int)
	var last string
	for _, s := range starts {
		if s.Failed() || s.Load == nil {
			failed[s.Outcome]++
			last = s.Error
			continue
		}
		n, bad := s.Load.Requests()
		sent, unanswered = sent+n, unanswered+bad
		for _, p := range s.Load.Errors {
			problems[p.What] += p.Count
		}
		switch {
		case s.Load.Ended:
			ended++
		case n == 0:
			none++
		case s.Load.Rate == 0 && n < fewRequests*s.Load.Connections:
			few++
		case float64(n) < rateKept*float64(s.Load.Rate*len(s.Load.Seconds)):
			late++
		}
	}
	if len(failed) > 0 {
		tell("%d of %s for the load failed (%s) and count as answering nothing; the last one: %s", sum(failed), counted(len(starts), "start"), Counts(failed), last)
	}
	if ended > 0 {
		tell("it ended under its load in %d of %s, which count as answering nothing", ended, counted(len(starts), "start"))
	}
	if none > 0 {
		tell("in %d of %s every connection still waited for an answer of before the counted time: give a longer --load", none, counted(len(starts), "load"))
	}
	if few > 0 {
		tell("in %d of %s each connection sent fewer than %d requests, so that requests per second are coarse, by one in as many: give a longer --load",
			few, counted(len(starts), "load"), fewRequests)
	}
	if late > 0 {
		tell("%d requests per second could not be sent in %d of %s, as all of %s were busy: raise --connections, or ask for less; its times to answer hold the waiting",
			r.Spec.Rate, late, counted(len(starts), "load"), counted(r.Spec.Connections, "connection"))
	}
	if unanswered > 0 {
		tell("%d of %s under load were not answered with 2xx: %s", unanswered, counted(sent, "request"), problemCounts(problems))
	}
	return w
}

// fewRequests is how many requests each connection has to send for requests per
// second to be told without a warning. Connections send whole ones, in step with
// each other: a server that takes 6 s for an answer is sent as many in 10 s as
// one that takes 10 s.
const fewRequests = 10

// rateKept is the share of the requests that were to be sent which has to be
// sent for a rate to count as kept.
const rateKept = 0.99

func sum(counts map[runner.Outcome]int) int {
	n := 0
	for _, x := range counts {
		n += x
	}
	return n
}

// problemCounts names the commonest problems.
func problemCounts(problems map[string]int) string {
	const most = 3
	names := slices.SortedFunc(maps.Keys(problems), func(a, b string) int {
		if d := problems[b] - problems[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, what := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%s: %d", what, problems[what]))
	}
	if more := len(names) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("%d other kinds", more))
	}
	return strings.Join(parts, ", ")
}

// slowerUnderLoad says where a candidate is surely worse than the baseline.
func (r *Result) slowerUnderLoad(candidate int) []string {
	var worse []string
	for _, c := range r.Comparisons {
		if c.Candidate != candidate {
			continue
		}
		change, low, high := share(math.Abs(c.Change.Estimate)), percent(c.Change.Low), percent(c.Change.High)
		switch {
		case c.Metric == MetricThroughput && c.Change.High <= -1:
			worse = append(worse, "answers nothing, other")
		case c.Metric == MetricThroughput && c.Change.High < 0:
			worse = append(worse, fmt.Sprintf("answers %s fewer requests per second [%s, %s]", change, low, high))
		case c.Metric == MetricLatencyP50 && c.Change.Low > 0 && !math.IsInf(c.Change.Estimate, 1):
			worse = append(worse, fmt.Sprintf("takes %s longer for an answer at the median [%s, %s]", change, low, high))
		case c.Metric == MetricLatencyP99 && c.Change.Low > 0 && !math.IsInf(c.Change.Estimate, 1):
			worse = append(worse, fmt.Sprintf("takes %s longer for 99 %% of its answers [%s, %s]", change, low, high))
		}
	}
	if len(worse) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("under load %s %s than %s", r.Candidates[candidate].Name, listed(worse), r.baseline().Name)}
}
