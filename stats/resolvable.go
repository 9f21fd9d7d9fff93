package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Resolvable returns the smallest true change, in the unit of d (a log ratio)
// and over 0, that n pairs that scatter as d does would find with this power:
// the chance that the two-sided interval at level alpha lies on the right side
// of 0. d may be of any number of pairs, of any two images.
//
// It is (t_n + t_power)·s/√n, where s/√k is the half-width of the
// Hodges–Lehmann interval of the k differences d, and so robust, over t_k. All
// t are quantiles of Student's t with one degree of freedom less than there
// are pairs: t_k and t_n of the levels that the intervals of so many pairs
// attain, t_power of the power. That is the usual sum for normal quantiles,
// which finds too small a change by a tenth at 12 pairs.
//
// Asked for 90 %, the power at this change, s being known well, is 89 to 90 %
// with 8 to 80 normal differences (83 % with 6). Long tails need more: for
// Laplace's distribution it is 76 % with 8, 81 % with 20 and 87 % with 80; for
// Student's t with two degrees of freedom 72, 82 and 88 %. Known from n
// differences alone, the change is within about 35 % of that with 8, 25 %
// with 20 and 17 % with 40 normal ones, nine times in ten on either side (4000
// and 500 runs a cell).
//
// For repeated intervals give the level of the last look; a run that may end
// earlier finds slightly more.
//
// It is +Inf where it is unknown: fewer than two differences, none or an
// infinite spread, a NaN among them, alpha outside (0, 1), power outside
// [0.5, 1); and where n pairs find nothing at this level, however large.
func Resolvable(d []float64, n int, alpha, power float64) float64 {
	k := len(d)
	if k < 2 || n < 1 || !(alpha > 0 && alpha < 1) || !(power >= 0.5 && power < 1) {
		return math.Inf(1)
	}
	had, planned := quickTail(k), quickTail(n)
	c, cPlanned := max(1, had.cutoff(alpha/2)), planned.cutoff(alpha/2)
	if cPlanned == 0 {
		return math.Inf(1)
	}
	interval := HodgesLehmann(d, c)
	half := interval.Low/2 - interval.High/2 // under 0, as are the quantiles
	s := half / lowerStudent(had.below(c), k-1) * math.Sqrt(float64(k))
	change := -(lowerStudent(planned.below(cPlanned), n-1) + lowerStudent(1-power, n-1)) * s / math.Sqrt(float64(n))
	if !(change > 0) {
		return math.Inf(1)
	}
	return change
}

// StudentQuantile is the quantile of p, in (0, 1), of Student's t distribution with
// so many degrees of freedom, 1 or more.
func StudentQuantile(p float64, freedom int) float64 {
	if p > 0.5 { // where lowerStudent is exact
		return -lowerStudent(1-p, freedom)
	}
	return lowerStudent(p, freedom)
}

// lowerStudent is the quantile of p of Student's t distribution with so many
// degrees of freedom, by the normal distribution where there is no telling
// them apart.
func lowerStudent(p float64, freedom int) float64 {
	if p = max(p, 1e-15); freedom < 1000 {
		return distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile(p)
	}
	return lowerNormal(p)
}
