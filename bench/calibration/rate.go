package calibration

import (
	"fmt"
	"math"
	"strings"
)

// z95 is the standard normal quantile of 0.975, for two-sided 95 %.
const z95 = 1.959963984540054

// A Rate is how often something happened.
type Rate struct{ Hits, Of int }

// add counts one more repetition.
func (r *Rate) add(hit bool) {
	r.Of++
	if hit {
		r.Hits++
	}
}

// Share is Hits/Of; NaN for none.
func (r Rate) Share() float64 { return float64(r.Hits) / float64(r.Of) }

// Wilson returns the two-sided 95 % score interval of the true rate, in
// [0, 1] (Wilson 1927, J. Am. Stat. Assoc. 22, 209–212; Brown, Cai and
// DasGupta 2001, Stat. Sci. 16, 101–133, recommend it). Of 0 it is [0, 1].
func (r Rate) Wilson() (low, high float64) {
	if r.Of <= 0 {
		return 0, 1
	}
	n, p := float64(r.Of), r.Share()
	mid := p + z95*z95/(2*n)
	half := z95 * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	low, high = (mid-half)/(1+z95*z95/n), (mid+half)/(1+z95*z95/n)
	if r.Hits == 0 { // where rounding leaves a trace
		low = 0
	}
	if r.Hits == r.Of {
		high = 1
	}
	return low, high
}

// Exceeds reports whether the true rate is over a goal, as sure as Wilson's
// lower bound is. A rate that is on the goal exceeds it in 2.5 % of calibrations.
func (r Rate) Exceeds(goal float64) bool {
	low, _ := r.Wilson()
	return low > goal
}

// FallsShort reports whether the true rate is under a goal, as sure as
// Wilson's upper bound is.
func (r Rate) FallsShort(goal float64) bool {
	_, high := r.Wilson()
	return high < goal
}

// String writes the rate with its interval, e.g. "4.5 % [3.6, 5.5]".
func (r Rate) String() string {
	if r.Of == 0 {
		return "–"
	}
	low, high := r.Wilson()
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*r.Share(), 100*low, 100*high)
}

// points writes the rate in percent without the sign, for tables that say so.
func (r Rate) points() string { return strings.ReplaceAll(r.String(), " %", "") }

// A Mean is an average over repetitions.
type Mean struct {
	Sum, Squares float64
	Of           int
}

func (m *Mean) add(x float64) {
	m.Of++
	m.Sum += x
	m.Squares += x * x
}

// Value is the average; NaN for none.
func (m Mean) Value() float64 { return m.Sum / float64(m.Of) }

// Half is the half-width of the normal 95 % interval of the average: 1.96
// standard errors. +Inf for fewer than two.
func (m Mean) Half() float64 {
	if m.Of < 2 {
		return math.Inf(1)
	}
	n := float64(m.Of)
	return z95 * math.Sqrt(max(m.Squares-m.Sum*m.Sum/n, 0)/(n-1)/n)
}

// Exceeds reports whether the true average is over a goal, by that interval.
func (m Mean) Exceeds(goal float64) bool { return m.Value()-m.Half() > goal }

// String writes the average with its half-width, e.g. "12.4 ± 0.3".
func (m Mean) String() string {
	if m.Of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f ± %.1f", m.Value(), m.Half())
}
