package stats

import "math"

// Interval is an estimate with its confidence interval, in the unit of the
// data. Low ≤ Estimate ≤ High wherever Estimate is a number. Low is -Inf and
// High +Inf where the data exclude nothing on that side.
type Interval struct {
	Estimate, Low, High float64
}

// unknown is the interval that excludes nothing.
func unknown(estimate float64) Interval {
	return Interval{Estimate: estimate, Low: math.Inf(-1), High: math.Inf(1)}
}

// Within is the part of i that lies in other too, with i's estimate moved to
// its edge where it is outside: it covers what both cover, as repeated
// intervals do with the confidence of their schedule. Where the two have
// nothing in common one of them does not cover, and it is i.
func (i Interval) Within(other Interval) Interval {
	low, high := max(i.Low, other.Low), min(i.High, other.High)
	if !(low <= high) {
		return i
	}
	return Interval{Estimate: min(max(i.Estimate, low), high), Low: low, High: high}
}

// Around is the smallest interval that holds both i and other, with i's
// estimate.
func (i Interval) Around(other Interval) Interval {
	return Interval{Estimate: i.Estimate, Low: min(i.Low, other.Low), High: max(i.High, other.High)}
}
