package stats

import (
	"math"
	"slices"
)

// Autocorrelation returns the lag-1 sample autocorrelation of x, in order of
// time: how alike neighbours are,
//
//	r = Σ (x_t − x̄)(x_{t+1} − x̄) / Σ (x_t − x̄)²
//
// (Box, Jenkins, Reinsel and Ljung, Time Series Analysis, 5th ed., §2.1). x
// may be logarithms of times, or 1 for each start that missed its target and
// 0 for the others. It lies within ±cos(π/(n+1)), and so within (-1, 1).
//
// Of n independent entries it is about −1/n ± 1/√n (one standard deviation;
// Bartlett 1946, Suppl. JRSS 8, 27–41), so only what is over about 2/√n says
// that neighbours are alike. In general it is about (1 + 3ρ)/n too low where
// the true one is ρ (Marriott and Pope 1954, Biometrika 41, 390–402).
//
// It is NaN where it is unknown: fewer than three entries, all of them alike,
// or one that is not finite.
func Autocorrelation(x []float64) float64 {
	n := len(x)
	if n < 3 || slices.ContainsFunc(x, func(v float64) bool { return !finite(v) }) {
		return math.NaN()
	}
	lo, hi := slices.Min(x), slices.Max(x)
	if lo == hi {
		return math.NaN()
	}
	largest := max(-lo, hi) // in its unit no sum overflows and no square vanishes
	mean := 0.0
	for _, v := range x {
		mean += v / largest / float64(n)
	}
	var product, square, before float64
	for i, v := range x {
		v = v/largest - mean
		if i > 0 {
			product += before * v
		}
		square += v * v
		before = v
	}
	return product / square
}
