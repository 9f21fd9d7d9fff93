package stats

import "math"

// mostNeeded is where PairsNeeded gives up: nobody runs a million pairs, and
// an estimate that close to the bound is as good as on it.
const mostNeeded = 1000000

// PairsNeeded estimates how many pairs in all, those of d included, settle
// whether the effect is above or below bound, if the estimate and the spread
// of d stay as they are. alpha is the two-sided level of the interval at the
// end; for repeated intervals give that of their last look (0.0185 for the
// default schedule), not that of all looks.
//
// The half-width of the Hodges–Lehmann interval falls as 1/√n, so it is
// measured on the side that faces bound and scaled until it ends there. Half
// the time fewer will do and half the time more are needed. The answer is 0
// when unknowable: fewer than two pairs, an estimate on the bound or so near
// that a million pairs would not do, an infinite or unknown spread or bound,
// alpha outside (0, 1).
func PairsNeeded(d []float64, bound, alpha float64) int {
	n := len(d)
	if n < 2 || !(alpha > 0 && alpha < 1) {
		return 0
	}
	t := quickTail(n)
	c := max(1, t.cutoff(alpha/2))
	iv := HodgesLehmann(d, c)
	width := iv.Estimate - iv.Low
	if bound > iv.Estimate {
		width = iv.High - iv.Estimate
	}
	// Few pairs do not reach alpha: scale from the level that they do reach.
	width *= lowerNormal(alpha/2) / lowerNormal(t.below(c))
	ratio := width / (iv.Estimate - bound)
	need := math.Ceil(float64(n) * ratio * ratio)
	if !(need <= mostNeeded) || math.IsInf(bound, 0) || math.IsInf(iv.Estimate, 0) {
		return 0
	}
	fewest := math.Ceil(-math.Log2(alpha / 2)) // all signs agree with chance 2⁻ⁿ
	return int(max(need, fewest, 1))
}
