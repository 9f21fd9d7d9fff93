package bench

import "mlbench/stats"

// A Step is what one candidate changed from the one named before it, where the
// Spec asks for Steps. Unlike a comparison with the baseline it has no verdict, and
// no run goes on for it; its time is adjusted for what the host did as one's is.
type Step struct {
	Baseline  int `json:"baseline"` // the candidate before
	Candidate int `json:"candidate"`

	SizeBytes *int64 `json:"size_bytes"` // how much larger it is, unpacked; nil where either size is not known

	Pairs   int     `json:"pairs"`    // that the intervals rest on: blocks in which both were started
	Change  Change  `json:"change"`   // of the time to ready, as a fraction of the candidate before
	ShiftMS Change  `json:"shift_ms"` // in milliseconds
	Level   float64 `json:"level"`    // of the intervals
}

// steps compares each candidate with the one before it; with two candidates that is
// the comparison with the baseline, and nothing is added.
//
// The order of a block is drawn among all its candidates, so that of any two of
// them either is as likely to be first, and each difference of neighbours has a
// sign that was randomised as that to the baseline was. There are as many steps as
// comparisons, and the intervals are made alike: at the same looks, each with an
// equal part of alpha. As they are repeated intervals they cover although it was
// the comparisons that ended the run; all of them together hold with 1 − alpha,
// and so do the comparisons, but not both families at once.
func (r *Result) steps(schedule stats.Schedule) []Step {
	if !r.Spec.Steps || len(r.Candidates) < 3 {
		return nil
	}
	var steps []Step
	for i := 1; i < len(r.Candidates); i++ {
		c, _ := r.compareWith(i-1, i, schedule)
		steps = append(steps, Step{
			Baseline: i - 1, Candidate: i, SizeBytes: r.sizeChange(i-1, i),
			Pairs: c.Pairs, Change: c.Change, ShiftMS: c.ShiftMS, Level: c.Level,
		})
	}
	return steps
}

func (r *Result) sizeChange(before, after int) *int64 {
	from, to := r.Candidates[before].UnpackedBytes, r.Candidates[after].UnpackedBytes
	if from == nil || to == nil {
		return nil
	}
	change := *to - *from
	return &change
}
