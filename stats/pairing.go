package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// PairingGain returns the share of the variance of a difference that pairing
// removed, 1 − var(b−a)/(var a + var b), where a_i and b_i are the two values
// (logarithms of times) of pair i. 0: comparing unpaired starts would have
// done as well; 1: all noise was common to both; negative: pairs vary more
// than strangers. It is at least -1.
//
// Pairs with a value that is not finite are left out, as is the longer
// list's excess. Fewer than two pairs, or no variance, give 0.
func PairingGain(a, b []float64) float64 {
	var x, y, d []float64
	for i := range min(len(a), len(b)) {
		if u, v := a[i], b[i]; finite(u) && finite(v) {
			x, y, d = append(x, u), append(y, v), append(d, v-u)
		}
	}
	if len(d) < 2 {
		return 0
	}
	apart := stat.Variance(x, nil) + stat.Variance(y, nil)
	gain := 1 - stat.Variance(d, nil)/apart
	if apart == 0 || !finite(gain) { // the latter where squares overflow
		return 0
	}
	return min(max(gain, -1), 1)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
