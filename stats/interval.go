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
