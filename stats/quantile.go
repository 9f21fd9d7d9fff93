package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Median returns the middle value of x, or the mean of the middle two. It is
// NaN for an empty x or one that holds a NaN; between -Inf and +Inf it is 0.
func Median(x []float64) float64 {
	s, ok := sorted(x)
	if !ok {
		return math.NaN()
	}
	n := len(s)
	return average(s[(n-1)/2], s[n/2], 0)
}

// Quantile returns the smallest entry of x that at least the share q of x
// does not exceed: the inverse of the empirical distribution (definition 1
// of Hyndman and Fan 1996, Am. Stat. 50, 361–365). It is always an entry, so
// it is at most a target exactly when the share q of x is in time, and a
// failed start, +Inf, is never averaged with a finite one. The median by this
// definition is the lower of the middle two; see [Median].
//
// It is NaN for an empty x, a NaN in x, and q outside [0, 1].
func Quantile(x []float64, q float64) float64 {
	s, ok := sorted(x)
	if !ok || !(q >= 0 && q <= 1) {
		return math.NaN()
	}
	return s[rank(len(s), q)-1]
}

// rank is ⌈nq⌉ within 1 … n, where the product's rounding error (0.07·100 is
// just over 7) does not count.
func rank(n int, q float64) int {
	k := int(math.Ceil(float64(n) * q * (1 - 1e-12)))
	return min(max(k, 1), n)
}

// QuantileInterval returns [Quantile] with a confidence interval between two
// entries of x, at two-sided level alpha and at most alpha/2 on each side,
// exact for any distribution: the number of entries below the true quantile
// is binomial (Hahn and Meeker, Statistical Intervals, §5.2). Where x is too
// small for a bound it is infinite: an upper one for the 0.9 quantile at
// alpha 0.05 takes 36 entries.
//
// The estimate is NaN, and the interval infinite, where Quantile is NaN. q
// of 0 or 1 and alpha outside (0, 1) also give an infinite interval.
//
// (go-moremath's QuantileCI balances the two sides differently and is only
// approximate over 30 entries, where it falls short of its level at q = 0.9.)
func QuantileInterval(x []float64, q, alpha float64) Interval {
	s, ok := sorted(x)
	if !ok || !(q >= 0 && q <= 1) {
		return unknown(math.NaN())
	}
	n := len(s)
	r := rank(n, q)
	res := unknown(s[r-1])
	if q == 0 || q == 1 || !(alpha > 0 && alpha < 1) {
		return res
	}
	// atLeast is the chance that k entries or more lie below the quantile.
	atLeast := func(k int) float64 { return mathext.RegIncBeta(float64(k), float64(n-k+1), q) }
	// The k-th entry is over the quantile if fewer than k lie below.
	if low := lastTrue(r, func(k int) bool { return 1-atLeast(k) <= alpha/2 }); low > 0 {
		res.Low = s[low-1]
	}
	if above := lastTrue(n, func(k int) bool { return atLeast(k) > alpha/2 }); above < n {
		res.High = s[max(above, r-1)]
	}
	return res
}

// lastTrue is the last k in 1 … n for which f holds, where f holds up to some
// k and not beyond; 0 if it never does.
func lastTrue(n int, f func(k int) bool) int {
	lo, hi := 0, n
	for lo < hi {
		if mid := lo + (hi-lo+1)/2; f(mid) {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// sorted is x in ascending order, and whether it has entries and no NaN.
func sorted(x []float64) ([]float64, bool) {
	if len(x) == 0 || slices.ContainsFunc(x, math.IsNaN) {
		return nil, false
	}
	return slices.Sorted(slices.Values(x)), true
}
