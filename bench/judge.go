package bench

import (
	"math"

	"mlbench/stats"
)

// Judge computes everything that follows from the starts and the Spec:
// comparisons, gates, warnings and the verdict. It is the one place where a
// verdict is made, during a run and when a saved result is read again.
func (r *Result) Judge() error {
	schedule, err := r.Spec.schedule(len(r.Candidates) - 1)
	if err != nil {
		return err
	}
	r.Spec.Looks = nil
	for _, look := range schedule.Looks {
		r.Spec.Looks = append(r.Spec.Looks, look.N)
	}
	r.Spec.LoadBlocks = r.loadBlocks()
	r.Comparisons = []Comparison{}
	for i := 1; i < len(r.Candidates); i++ {
		c, _ := r.compare(i, schedule)
		c.AtQuantile = r.atQuantile(c)
		r.Comparisons = append(r.Comparisons, c)
	}
	for _, ready := range r.On(MetricReady) {
		for _, metric := range Witnesses() {
			if c, ok := r.witness(metric, ready, schedule); ok {
				r.Comparisons = append(r.Comparisons, c)
			}
		}
	}
	for i := 1; i < len(r.Candidates); i++ {
		for _, metric := range LoadMetrics() {
			if c, ok := r.compareLoads(i, metric); ok {
				r.Comparisons = append(r.Comparisons, c)
			}
		}
	}
	r.Steps = r.steps(schedule)
	r.Gates = r.gates()
	r.Warnings = r.warnings()
	r.Verdict = r.overall()
	return nil
}

// atQuantile compares the times at the target's quantile: what the slowest
// starts take may change otherwise than what the middle ones do. It is not
// part of compare, as it takes longer than a start should be disturbed.
func (r *Result) atQuantile(c Comparison) *Change {
	var baseline, candidate []float64
	for _, p := range r.pairs(c.Candidate)[:c.Pairs] {
		baseline, candidate = append(baseline, math.Log(p.baseline.Time())), append(candidate, math.Log(p.candidate.Time()))
	}
	i, ok := stats.QuantileChange(baseline, candidate, r.Spec.Quantile, 1-c.Level, r.Spec.Seed)
	if !ok {
		return nil
	}
	change := relative(i)
	return &change
}
