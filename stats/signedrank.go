package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// exactPairs is the largest number of pairs for which the signed-rank null
// distribution is computed exactly. That takes n³/12 to n³/6 additions, and
// 2ⁿ and 2⁻ⁿ are still float64s; beyond it the expansion of tailNormal is off
// by less than 1e-7.
const exactPairs = 1000

// SignedRankCDF returns P(W ≤ w) for w = 0 … n(n+1)/2, where W is Wilcoxon's
// signed-rank statistic of n differences that are each as likely to be
// positive as negative: the sum of a random subset of the ranks 1 … n.
//
// The distribution is exact, by the recursion p_k(w) = ½p_{k−1}(w) +
// ½p_{k−1}(w−k) (Wilcoxon 1945, Biometrics Bulletin 1, 80–83; Hollander, Wolfe
// and Chicken, Nonparametric Statistical Methods, 3rd ed., §3.1). n ≤ 0 gives
// {1}: no pairs, W = 0. n over 1000 gives nil, as the table would be of use
// to nobody; [Cutoff] still works there.
func SignedRankCDF(n int) []float64 {
	if n > exactPairs {
		return nil
	}
	n = max(n, 0)
	lower := tails([]int{n})[0].exact
	m := n * (n + 1) / 2
	p := make([]float64, m+1)
	for w := range p {
		switch {
		case w < len(lower):
			p[w] = lower[w]
		case w < m: // W and m − W are distributed alike
			p[w] = 1 - lower[m-1-w]
		default:
			p[w] = 1
		}
	}
	return p
}

// addRank turns the numbers of subsets of the ranks 1 … k−1, by their sum,
// into those of 1 … k. The list may be cut off anywhere: no entry needs a
// higher one.
func addRank(subsets []float64, k int) {
	for w := min(len(subsets)-1, k*(k+1)/2); w >= k; w-- {
		subsets[w] += subsets[w-k]
	}
}

// tail gives P(W ≤ w) for the lower half of the distribution at one n.
type tail struct {
	n     int
	exact []float64 // nil beyond exactPairs
}

// tails returns the lower tails at each of ns, ascending, in one pass.
func tails(ns []int) []tail {
	most := 0
	for _, n := range ns {
		if n <= exactPairs {
			most = max(most, n)
		}
	}
	subsets := make([]float64, most*(most+1)/4+1)
	subsets[0] = 1
	out := make([]tail, len(ns))
	ranks := 0
	for i, n := range ns {
		out[i].n = n
		if n > exactPairs {
			continue
		}
		for ranks < n {
			ranks++
			addRank(subsets, ranks)
		}
		sum, scale := 0.0, math.Ldexp(1, -n)
		out[i].exact = make([]float64, n*(n+1)/4+1)
		for w := range out[i].exact {
			sum += subsets[w]
			out[i].exact[w] = sum * scale
		}
	}
	return out
}

// quickTail is the lower tail at n for what is approximate itself: exact up to
// 100 pairs, where the expansion of tailNormal could be seen.
func quickTail(n int) tail {
	if n <= 100 {
		return tails([]int{n})[0]
	}
	return tail{n: min(n, 1<<30)} // keeps n(n+1)/2 an int
}

// most is the largest order statistic that leaves Low ≤ Estimate: half of
// the n(n+1)/2 Walsh averages, rounded up.
func (t tail) most() int { return (t.n*(t.n+1)/2 + 1) / 2 }

// below is P(W < c), for 0 ≤ c ≤ most.
func (t tail) below(c int) float64 {
	switch {
	case c <= 0:
		return 0
	case t.exact != nil:
		return t.exact[min(c, len(t.exact))-1]
	}
	return tailNormal(t.n, c)
}

// cutoff is the largest c with below(c) ≤ limit.
func (t tail) cutoff(limit float64) int {
	lo, hi := 0, t.most() // below(lo) ≤ limit
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if t.below(mid) <= limit {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// tailNormal approximates P(W < c) by the normal distribution with the
// continuity correction and the fourth-cumulant term of Edgeworth's series;
// W is symmetric, so the third vanishes. The j-th rank adds −j⁴/8 to the
// fourth cumulant.
func tailNormal(n, c int) float64 {
	f := float64(n)
	mean := f * (f + 1) / 4
	variance := f * (f + 1) * (2*f + 1) / 24
	fourth := -f * (f + 1) * (2*f + 1) * (3*f*f + 3*f - 1) / 240
	x := (float64(c) - 0.5 - mean) / math.Sqrt(variance)
	std := distuv.UnitNormal
	p := std.CDF(x) - std.Prob(x)*fourth/(24*variance*variance)*(x*x*x-3*x)
	return min(max(p, 0), 1)
}

// Cutoff returns the largest c ≥ 0 with P(W ≤ c−1) ≤ alpha for the
// signed-rank statistic of n pairs: the c-th smallest Walsh average is then a
// lower confidence bound at one-sided level alpha, and the c-th largest an
// upper one. 0 means that n pairs exclude nothing at this level.
//
// alpha is per side; a 95 % interval takes 0.025. alpha that is NaN or not
// positive gives 0; c never passes the middle of the Walsh averages, so alpha
// of ½ or more gives that. Exact up to n = 1000; beyond, an Edgeworth
// expansion (error under 1e-7 in probability).
func Cutoff(n int, alpha float64) int {
	if n < 1 || !(alpha > 0) {
		return 0
	}
	n = min(n, 1<<30) // keeps n(n+1)/2 an int
	return tails([]int{n})[0].cutoff(alpha)
}
