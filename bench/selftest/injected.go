package selftest

import (
	"math"

	"mlbench/bench"
	"mlbench/stats"
)

// Injected is a candidate with work added to it, judged as if it were compared
// with the baseline alone.
type Injected struct {
	Name     string  `json:"name"`
	Injected float64 `json:"injected"` // as it was planned
	// Truth is what was added, as the starts themselves tell: the middle of
	// the time that the work took over the rest of the start. It is Injected
	// where that cannot be seen.
	Truth      float64          `json:"truth"`
	Comparison bench.Comparison `json:"comparison"`
	Found      int              `json:"found"`   // pairs at the first look that said "slower"; 0: none did
	Covered    bool             `json:"covered"` // the truth lies in the interval
}

// inject judges the i-th injected change.
func inject(all *bench.Result, i, pairs int) (Injected, error) {
	x := Injected{Name: injected[i].name, Injected: injected[i].change}
	whole, err := alone(all, firstInjected+i, pairs)
	if err != nil {
		return x, err
	}
	x.Comparison = whole.Comparisons[0]
	x.Truth = truth(whole, x.Injected)
	x.Covered = x.Comparison.Change.Low <= x.Truth && x.Truth <= x.Comparison.Change.High
	for _, look := range whole.Spec.Looks {
		then, err := alone(all, firstInjected+i, look)
		if err != nil {
			return x, err
		}
		if then.Comparisons[0].Change.Low > 0 {
			x.Found = look
			break
		}
	}
	return x, nil
}

// truth is how much longer the added work made the candidate's starts. That of
// the baseline, which is none, takes the time of the first answer itself.
func truth(r *bench.Result, planned float64) float64 {
	var none, changes []float64
	for _, s := range measured(r) {
		if took, ok := added(s); ok && s.Candidate == baseline {
			none = append(none, took)
		}
	}
	answer := stats.Median(none)
	for _, s := range measured(r) {
		if took, ok := added(s); ok && s.Candidate != baseline && len(none) > 0 {
			took = max(took-answer, 0)
			changes = append(changes, took/(s.Time()-took))
		}
	}
	if middle := stats.Median(changes); len(changes) > 0 && !math.IsNaN(middle) && !math.IsInf(middle, 0) {
		return middle
	}
	return planned
}

// added is how long the work took that the server does between the moment it
// listens and its first answer, in milliseconds; ok is false where that moment
// was not seen.
func added(s bench.Start) (ms float64, ok bool) {
	_, listened := s.PhasesMS["boot"]
	ms, ok = s.PhasesMS["warmup"]
	return ms, ok && listened && !s.Failed()
}
