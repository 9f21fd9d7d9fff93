package bench

import (
	"slices"

	"mlbench/runner"
	"mlbench/stats"
)

// A Summary describes one candidate's measured starts. Times are milliseconds.
type Summary struct {
	Starts   int // measured: the warm-up is not
	Failed   int
	Outcomes map[runner.Outcome]int
	Ready    stats.Interval // median of the time to ready, failed starts counting as infinite
	AtTarget stats.Interval // the same at the target's quantile
	InTime   stats.Share    // starts ready within the target
	Phases   []Phase        // of ready starts, in order; not those of the GPUs, which overlap with these
}

// A Phase is the median time of one phase of one candidate.
type Phase struct {
	Name string
	MS   stats.Interval
}

// Summary describes a candidate's starts.
func (r *Result) Summary(candidate int) Summary {
	s := Summary{Outcomes: make(map[runner.Outcome]int)}
	var times []float64
	phases := make(map[string][]float64)
	for _, x := range r.measured(candidate) {
		s.Starts++
		s.Outcomes[x.Outcome]++
		times = append(times, x.Time())
		if x.Time() <= r.Spec.TargetMS {
			s.InTime.InTime++
		} else {
			s.InTime.Missed++
		}
		if x.Failed() {
			s.Failed++
			continue
		}
		for name, ms := range x.PhasesMS {
			phases[name] = append(phases[name], ms)
		}
	}
	if s.Starts == 0 {
		return s
	}
	s.Ready = stats.QuantileInterval(times, 0.5, r.Spec.Alpha)
	s.AtTarget = stats.QuantileInterval(times, r.Spec.Quantile, r.Spec.Alpha)
	for _, name := range runner.PhaseNames() {
		if ms := phases[name]; len(ms) > 0 {
			s.Phases = append(s.Phases, Phase{name, stats.QuantileInterval(ms, 0.5, r.Spec.Alpha)})
		}
	}
	return s
}

// Measured reports whether there is any start that counts.
func (r *Result) Measured() bool {
	return slices.ContainsFunc(r.Starts, func(s Start) bool { return s.Role.Measured() })
}

// measured are a candidate's starts that count.
func (r *Result) measured(candidate int) []Start {
	var starts []Start
	for _, s := range r.Starts {
		if s.Candidate == candidate && s.Role.Measured() {
			starts = append(starts, s)
		}
	}
	return starts
}
