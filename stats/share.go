package stats

import (
	"gonum.org/v1/gonum/stat/distuv"
)

// Share counts the starts that were in time and those that were not; its
// methods say what that tells of the true share of starts in time. Negative
// counts are taken as 0.
//
// All of it supposes independent starts. On hosts where misses cluster, the
// levels are exceeded.
type Share struct{ InTime, Missed int }

// maxStarts bounds the counts, so that sums stay exact.
const maxStarts = 1 << 40

// clean returns s with its counts in range.
func (s Share) clean() Share {
	return Share{min(max(s.InTime, 0), maxStarts), min(max(s.Missed, 0), maxStarts)}
}

// Bounds returns Clopper and Pearson's (1934, Biometrika 26, 404–413) lower
// and upper confidence bounds of the true share, each one-sided at level
// alpha, both in [0, 1]; together they are an interval at 2·alpha. They hold
// for a number of starts fixed beforehand. No starts, or an alpha outside
// (0, 1), give 0 and 1.
func (s Share) Bounds(alpha float64) (low, high float64) {
	s = s.clean()
	low, high = 0, 1
	if !(alpha > 0 && alpha < 1) {
		return low, high
	}
	in, missed := float64(s.InTime), float64(s.Missed)
	if in > 0 {
		low = distuv.Beta{Alpha: in, Beta: missed + 1}.Quantile(alpha)
	}
	if missed > 0 {
		high = distuv.Beta{Alpha: in + 1, Beta: missed}.Quantile(1 - alpha)
	}
	return low, high
}

// FixedDecision says whether the true share is at least q, each answer at
// one-sided level alpha, after a number of starts fixed beforehand: Above
// when the lower bound reaches q, Below when the upper bound is under it.
// Without a miss Above takes 5, 29, 59 and 299 starts for q = 0.5, 0.9, 0.95
// and 0.99 at alpha 0.05. q ≤ 0 is Above, q > 1 Below, NaN Undecided.
func (s Share) FixedDecision(q, alpha float64) Decision {
	low, high := s.Bounds(alpha)
	switch {
	case low >= q:
		return Above
	case high < q:
		return Below
	}
	return Undecided
}

// MoreNeeded returns how many further starts, all in time, lead to Above, by
// SequentialDecision if sequential and else by FixedDecision: 0 if it is
// Above already, -1 if no number of starts (up to 2⁴⁰) leads there, as with
// q ≥ 1 or alpha outside (0, 1).
func (s Share) MoreNeeded(q, alpha float64, sequential bool) int {
	s = s.clean()
	above := func(more int) bool {
		t := Share{s.InTime + more, s.Missed}
		if sequential {
			return t.SequentialDecision(q, alpha) == Above
		}
		return t.FixedDecision(q, alpha) == Above
	}
	if above(0) {
		return 0
	}
	if !(q < 1) || !(alpha > 0 && alpha < 1) {
		return -1
	}
	// Once a start in time has led to Above, further ones do not undo it.
	enough := 1
	for !above(enough) {
		if enough *= 2; enough > maxStarts {
			return -1
		}
	}
	less := enough / 2
	for enough-less > 1 {
		if mid := less + (enough-less)/2; above(mid) {
			enough = mid
		} else {
			less = mid
		}
	}
	return enough
}
