package stats

import (
	"math"
	"slices"
)

// HodgesLehmann estimates the centre of the differences d by the median of
// the M = n(n+1)/2 Walsh averages (d_i + d_j)/2, i ≤ j, with the c-th smallest
// and the c-th largest of them as confidence bounds (Hodges and Lehmann 1963,
// Ann. Math. Stat. 34, 598–611; Hollander, Wolfe and Chicken, Nonparametric
// Statistical Methods, 3rd ed., §3.2 and §3.3). [Cutoff] and [Schedule] give
// c. The estimate is in the unit of d.
//
// d may hold infinities, from failed starts. The average of +Inf and -Inf
// tells neither the size nor the sign of a difference, so it counts as -Inf
// for Low, as +Inf for High, and as 0 for the estimate: no claim rests on it,
// whatever value it is compared with, and exchanging the two images changes
// nothing but the sign. With infinities, ties or zeros in d the bounds cover
// at least as often as without, because breaking such ties at random would
// give an exact test that excludes no less.
//
// c ≤ 0 gives (-Inf, +Inf). c beyond the middle is lowered to it, so that
// Low ≤ Estimate ≤ High always. An empty d, or one that holds a NaN, gives
// (-Inf, +Inf) around 0: what is unknown must not lead to a claim.
func HodgesLehmann(d []float64, c int) Interval {
	n := len(d)
	if n == 0 || slices.ContainsFunc(d, math.IsNaN) {
		return unknown(0)
	}
	x := slices.Clone(d)
	slices.Sort(x)
	m := n * (n + 1) / 2
	middle := (m + 1) / 2
	res := unknown(walsh(x, middle, 0))
	if m%2 == 0 {
		res.Estimate = average(res.Estimate, walsh(x, middle+1, 0), 0)
	}
	if c > 0 {
		c = min(c, middle)
		res.Low = walsh(x, c, math.Inf(-1))
		res.High = walsh(x, m+1-c, math.Inf(1))
	}
	return res
}

// walsh returns the k-th smallest Walsh average of the ascending x, where
// that of -Inf and +Inf counts as opposite.
//
// The averages form a matrix whose rows and columns ascend, whatever of -Inf,
// 0 and +Inf opposite is, so one walk along a staircase counts those up to v.
func walsh(x []float64, k int, opposite float64) float64 {
	last := len(x) - 1
	return kth(k, x[0], x[last], func(v float64) (count int, below, above float64) {
		below, above = math.Inf(-1), math.Inf(1)
		j := last // the last column of row i whose average is at most v
		for i := 0; i <= last; i++ {
			for j >= i && average(x[i], x[j], opposite) > v {
				j--
			}
			if next := max(i, j+1); next <= last {
				above = min(above, average(x[i], x[next], opposite))
			}
			if j < i {
				break // this average and all in later rows are over v
			}
			below = max(below, average(x[i], x[j], opposite))
			count += j - i + 1
		}
		return count, below, above
	})
}
