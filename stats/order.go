package stats

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// OrderTest compares the pairs in which the candidate ran first with those
// in which it ran second.
type OrderTest struct {
	Effect        float64 // what running first costs a start, in the unit of d; negative: it gains
	P             float64 // two-sided, of no effect; 1 where nothing can be tested
	First, Second int     // pairs of each kind that were compared
}

// OrderEffect tests whether it matters to run first in a pair. first holds
// the differences (candidate − baseline) of the pairs in which the candidate
// ran first, second those of the others. Running first adds its cost to one
// and subtracts it from the other, so Effect is half of the Hodges–Lehmann
// shift between them, the median of all first_i − second_j.
//
// P is Mann and Whitney's, exact up to 50 pairs of each kind (25 with ties),
// then by the normal approximation. NaNs are left out; infinities rank as
// they are, and two alike differ by 0. With either side empty Effect is 0.
func OrderEffect(first, second []float64) OrderTest {
	a, b := sortedNumbers(first), sortedNumbers(second)
	t := OrderTest{P: 1, First: len(a), Second: len(b)}
	if len(a) == 0 || len(b) == 0 {
		return t
	}
	t.Effect = shift(a, b) / 2
	// Its errors are samples that are empty or all alike: no evidence.
	if r, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers); err == nil {
		t.P = min(max(r.P, 0), 1)
	}
	return t
}

// shift is the median of all a_i − b_j, for ascending a and b.
func shift(a, b []float64) float64 {
	difference := func(x, y float64) float64 {
		if x == y { // two failures alike, whose difference is NaN
			return 0
		}
		return x - y
	}
	about := func(v float64) (count int, below, above float64) {
		below, above = math.Inf(-1), math.Inf(1)
		j := 0 // the b_j from j on are those with a_i − b_j ≤ v
		for _, x := range a {
			for j < len(b) && difference(x, b[j]) > v {
				j++
			}
			if j > 0 {
				above = min(above, difference(x, b[j-1]))
			}
			if j < len(b) {
				below = max(below, difference(x, b[j]))
			}
			count += len(b) - j
		}
		return count, below, above
	}
	lo, hi := difference(a[0], b[len(b)-1]), difference(a[len(a)-1], b[0])
	m := len(a) * len(b)
	return average(kth((m+1)/2, lo, hi, about), kth(m/2+1, lo, hi, about), 0)
}

// sortedNumbers is x in ascending order without its NaNs.
func sortedNumbers(x []float64) []float64 {
	s := slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	slices.Sort(s)
	return s
}
