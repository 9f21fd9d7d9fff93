package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// SequentialDecision says whether the true share is at least q, each answer
// at one-sided level alpha, and may be asked after every start: the chance
// that it ever errs is at most alpha.
//
// It is the confidence sequence of the beta-binomial mixture martingale
//
//	M(p) = B(a+s, b+f) / (B(a,b) pˢ (1−p)ᶠ)
//
// after s starts in time and f misses, whose reciprocal bounds the chance
// that M(p) ever grows so large when p is the true share (Ville 1939;
// Robbins 1970, Ann. Math. Stat. 41, 1397–1409). p is excluded when M(p) ≥
// 1/alpha. M is smallest at s/(s+f) and grows to either side, so excluding q
// itself excludes all shares beyond. The prior (a, b) only sets where the
// sequence is quick: (2/(1−q), 1) for Above, which needs 39 clean starts for
// q = 0.9 at alpha 0.05, and (1, 1) for Below.
//
// q ≤ 0 is Above and q > 1 Below; q = 1 is Below after a miss. No starts, a
// NaN or an alpha outside (0, 1) leave it Undecided.
func (s Share) SequentialDecision(q, alpha float64) Decision {
	s = s.clean()
	switch {
	case q <= 0:
		return Above
	case q > 1, q == 1 && s.Missed > 0:
		return Below
	case !(q < 1), !(alpha > 0 && alpha < 1), s == Share{}:
		return Undecided
	}
	in, missed := float64(s.InTime), float64(s.Missed)
	seen := in / (in + missed)
	likelihood := in*math.Log(q) + missed*math.Log1p(-q)
	excluded := func(a, b float64) bool {
		m := mathext.Lbeta(a+in, b+missed) - mathext.Lbeta(a, b) - likelihood
		return m >= -math.Log(alpha)
	}
	switch {
	case seen > q && excluded(2/(1-q), 1):
		return Above
	case seen < q && excluded(1, 1):
		return Below
	}
	return Undecided
}
