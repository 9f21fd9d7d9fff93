package calibration

import (
	"slices"
	"sync"

	"github.com/aclements/go-moremath/stats"
)

// MannWhitney is benchstat's judgement: the U test at 5 %, two-sided, exact up
// to 50 of each and without ties (25 with), then by the normal approximation.
func MannWhitney(a, b []float64) Claim {
	x, y := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	u, tied := wins(x, y)
	all := len(x) * len(y)
	if tied || len(x) != len(y) || len(x) > stats.MannWhitneyExactLimit {
		r, err := stats.MannWhitneyUTest(x, y, stats.LocationDiffers)
		return claimOf(err == nil && r.P < 0.05, float64(all-2*u))
	}
	return claimOf(min(u, all-u) <= criticalU(len(x)), float64(all-2*u))
}

// wins is Mann and Whitney's U: in how many pairs a value of x is over one of
// y, both ascending; and whether any two are alike.
func wins(x, y []float64) (u int, tied bool) {
	below := 0
	for _, v := range x {
		for below < len(y) && y[below] < v {
			below++
		}
		tied = tied || below < len(y) && y[below] == v
		u += below
	}
	for i := 1; i < min(len(x), len(y)) && !tied; i++ {
		tied = x[i] == x[i-1] || y[i] == y[i-1]
	}
	return u, tied
}

// criticals are the values of criticalU that were asked for, as one takes
// milliseconds to find.
var criticals sync.Map

// criticalU is the largest U of n against n without ties whose two-sided p is
// under 5 %; -1 where there is none.
func criticalU(n int) int {
	if u, ok := criticals.Load(n); ok {
		return u.(int)
	}
	dist := stats.UDist{N1: n, N2: n}
	lo, hi := -1, n*n/2
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if 2*dist.CDF(float64(mid)) < 0.05 {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	criticals.Store(n, lo)
	return lo
}
