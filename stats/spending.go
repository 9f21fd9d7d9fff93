package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// spent is the share of alpha that may be used up by the fraction t of the
// final number of pairs: the spending function of Lan and DeMets (1983,
// Biometrika 70, 659–663) that resembles Pocock's boundary.
func spent(t float64) float64 { return math.Log1p((math.E - 1) * t) }

// spend returns the order statistic for each look of ns: the largest for
// which the chance of having crossed on one side, at this look or before,
// stays within half of the alpha spent by then. Alpha that the discreteness
// of the ranks leaves over is thereby carried forward.
//
// The chance of crossing at each look is exact. How far looks overlap is
// not: the sum W grows by ranks that depend on the whole earlier order, so
// that nothing short of all 2ⁿ sign patterns is a Markov chain. The sums,
// turned into normal quantiles, are treated as a Gaussian chain with the
// correlation of overlap. See the doc comment of NewSchedule for how well it
// does.
func spend(ns []int, alpha float64) []int {
	cs := make([]int, len(ns))
	final := float64(ns[len(ns)-1])
	used, slack := 0.0, overlapSlack(alpha)
	var path survivors
	for i, t := range tails(ns) {
		limit := alpha / 2 * spent(float64(t.n)/final)
		// Having crossed by now is at least as likely as crossing now.
		lo, hi := 0, t.cutoff(limit)
		for lo < hi {
			mid := lo + (hi-lo+1)/2
			if used+path.crossing(t.below(mid)) <= limit {
				lo = mid
			} else {
				hi = mid - 1
			}
		}
		cs[i] = lo
		if i+1 < len(ns) {
			p := t.below(lo)
			used += path.crossing(p)
			path = path.after(p, overlap(t.n, ns[i+1], slack))
		}
	}
	return cs
}

// overlapSlack says by how much to widen what a look adds to the one before
// it: by this, over the number of pairs at that one. Signed ranks have shorter
// tails than the normal chain, so their extremes overlap less. Equality with
// the exact joint probabilities of two neighbouring looks (8 to 60 pairs, by
// enumeration) takes about 0.27z² where each look's boundary is the quantile
// z; the rest is for the part of the chain that is not Markov, and safety.
func overlapSlack(alpha float64) float64 {
	z := lowerNormal(alpha / 2)
	return 1.5 + 0.4*z*z
}

// overlap is the correlation of the signed-rank sums after j and k pairs,
// j < k, as the chain uses it.
//
// A further difference of uniformly random rank raises the expected sum to
// W + W/(n+1) + (n+2)/4, so (W − n(n+1)/4)/(n+1) is a martingale and the true
// correlation is the ratio of its standard deviations at j and at k, with
// Var W = n(n+1)(2n+1)/24.
func overlap(j, k int, slack float64) float64 {
	a, b := float64(j), float64(k)
	square := (b + 1) * a * (2*a + 1) / ((a + 1) * b * (2*b + 1))
	return math.Sqrt(max(0, 1-(1-square)*(1+slack/a)))
}

// far stands for infinity on the normal scale: Φ(−9) is 1e-19.
const far = 9

// survivors is the density of the normal-scale statistic at one look, of the
// paths that have not crossed by then, as a list of weighted points. Its
// recursion is Armitage, McPherson and Rowe's (1969, JRSS A 132, 235–244).
// The zero value stands before the first look.
type survivors struct {
	z, weight []float64
	rho       float64 // correlation with the next look
}

// crossing is the chance to cross at the next look for the first time, where
// p is the chance to lie below its boundary at all.
func (s survivors) crossing(p float64) float64 {
	if s.z == nil || p <= 0 {
		return p
	}
	z, sd := lowerNormal(p), s.sd()
	sum := 0.0
	for i, y := range s.z {
		sum += s.weight[i] * math.Erfc((s.rho*y-z)/(sd*math.Sqrt2)) / 2
	}
	return sum
}

// after is the density beyond the boundary of the next look, below which a
// share p of all paths lies, and rho the correlation with the look after it.
func (s survivors) after(p, rho float64) survivors {
	next := survivors{rho: rho}
	z := lowerNormal(p)
	// The kernels of this step and the next must be resolved; Simpson's rule
	// on a quarter of their width is good to 1e-9.
	step := min(0.1, next.sd()/4)
	if s.z != nil {
		step = min(step, s.sd()/4)
	}
	n := 2 * int(math.Ceil((far-z)/(2*max(step, 0.002))))
	step = (far - z) / float64(n)
	for i := 0; i <= n; i++ {
		x, w := z+float64(i)*step, step/3
		if i > 0 && i < n {
			w *= float64(2 + 2*(i%2))
		}
		next.z = append(next.z, x)
		next.weight = append(next.weight, w*s.density(x))
	}
	return next
}

// density of the statistic at the next look, at x.
func (s survivors) density(x float64) float64 {
	if s.z == nil {
		return distuv.UnitNormal.Prob(x)
	}
	sd := s.sd()
	sum := 0.0
	for i, y := range s.z {
		if u := (x - s.rho*y) / sd; u > -far && u < far {
			sum += s.weight[i] * math.Exp(-u*u/2)
		}
	}
	return sum / (sd * math.Sqrt(2*math.Pi))
}

// sd is the standard deviation of the next look given this one.
func (s survivors) sd() float64 { return math.Sqrt(1 - s.rho*s.rho) }

// lowerNormal is the normal quantile of p, no lower than -far.
func lowerNormal(p float64) float64 {
	if p <= 0 {
		return -far
	}
	return max(-far, distuv.UnitNormal.Quantile(p))
}
