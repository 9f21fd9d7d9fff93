package bench

import (
	"fmt"
	"math"
	"slices"

	"mlbench/stats"
)

// MetricCPU is the CPU time that a candidate used until it was ready. It is a
// witness beside the time to ready: waiting, for processors, files or others,
// lengthens the one and not the other; a slower processor lengthens both. It
// has no verdict.
const MetricCPU = "cpu"

// On are the comparisons by one metric, in the order of the candidates.
func (r *Result) On(metric string) []Comparison {
	return slices.DeleteFunc(slices.Clone(r.Comparisons), func(c Comparison) bool { return c.Metric != metric })
}

// witness compares CPU times in the pairs that a comparison of the time to
// ready rests on; ok is false where no pair has them.
func (r *Result) witness(ready Comparison, schedule stats.Schedule) (c Comparison, ok bool) {
	c = Comparison{Candidate: ready.Candidate, Metric: MetricCPU, Level: ready.Level}
	var logs, shifts []float64
	pairs := r.pairs(ready.Candidate)
	for _, p := range pairs[:min(ready.Pairs, len(pairs))] {
		x, y := p.baseline.CPUMS, p.candidate.CPUMS
		if x != nil && y != nil && *x > 0 && *y > 0 {
			logs, shifts = append(logs, math.Log(*y / *x)), append(shifts, *y-*x)
		}
	}
	if c.Pairs = len(logs); c.Pairs == 0 {
		return c, false
	}
	level := 1.0 // no look yet
	if look, looked := schedule.At(ready.Pairs); looked {
		level = look.Level()
	}
	cut := 0
	if level < 1 {
		cut = stats.Cutoff(len(logs), level/2)
	}
	c.Change, c.ShiftMS = relative(stats.HodgesLehmann(logs, cut)), Change(stats.HodgesLehmann(shifts, cut))
	return c, true
}

// cpuWarning tells where the two witnesses disagree: a change of the time to
// ready that leaves no trace in what was computed. A pull is computed by the
// engine, so at level Pull nothing follows from that.
func (r *Result) cpuWarning(ready Comparison) []string {
	i := slices.IndexFunc(r.Comparisons, func(c Comparison) bool {
		return c.Metric == MetricCPU && c.Candidate == ready.Candidate
	})
	if i < 0 || r.Cold.Level == Pull || ready.Change.Low <= 0 && ready.Change.High >= 0 {
		return nil
	}
	cpu := r.Comparisons[i].Change
	apart := ready.Change.Low > cpu.High || ready.Change.High < cpu.Low
	if !apart || cpu.Low > 0 || cpu.High < 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s is ready %s, and the CPU time that it takes for that does not show it (change between %s and %s): the difference is in waiting, for files, the network or a timer, or the host was noisy",
		r.Candidates[ready.Candidate].Name, laterOrSooner(ready.Change.Estimate), percent(cpu.Low), percent(cpu.High))}
}

// covariateWarnings tell which covariates the candidates influence, one for all
// candidates of which the same is to be said.
func (r *Result) covariateWarnings() []string {
	type finding struct {
		covariate string
		more      bool // of it than with the baseline
	}
	var found []finding
	names := make(map[finding][]string)
	for _, c := range r.On(MetricReady) {
		for _, use := range c.Covariates {
			if use.Used || use.Why != "" {
				continue
			}
			f := finding{use.Name, use.Imbalance.Low > 0}
			if names[f] == nil {
				found = append(found, f)
			}
			names[f] = append(names[f], r.Candidates[c.Candidate].Name)
		}
	}
	var w []string
	for _, f := range found {
		starts, others := "starts of "+listed(names[f]), "those of "+r.baseline().Name
		switch {
		case f.covariate == CovariateCPUWait && f.more:
			w = append(w, fmt.Sprintf("%s wait for processors for longer than %s, beside what they compute: they use more of them at a time, or need them when others do, so a busy host slows them down by more; no change is claimed that does not hold with and without adjusting for what the host did (--no-covariate judges the times alone)", starts, others))
		case f.covariate == CovariateCPUWait:
			w = append(w, fmt.Sprintf("%s wait for processors for less long than %s, beside what they compute, so a busy host slows them down by less; no change is claimed that does not hold with and without adjusting for what the host did (--no-covariate judges the times alone)", starts, others))
		default:
			w = append(w, fmt.Sprintf("%s differ from %s in %s: it is not of the host alone, so no change is claimed that does not hold with and without adjusting for what the host did (--no-covariate judges the times alone)", starts, others, CovariateMeaning(f.covariate)))
		}
	}
	return w
}
