package stats

import (
	"math"
	"slices"
)

// exactBlocks is the largest number of blocks without ties for which the
// distribution of Kendall's statistic is computed; it takes n³/6 additions.
const exactBlocks = 100

// Trend says how block means moved over time.
type Trend struct {
	Tau    float64 // Kendall's tau-b, in [-1, 1]; positive: slower over time
	P      float64 // two-sided, of no trend; 1 where nothing can be tested
	Change float64 // of the middle of the last third against that of the first, as a fraction
	Blocks int     // block means used
}

// Drift tests for a trend in blockMeans, the means of the *logarithms* of
// the times in each block, in order of time. With logarithms Change is a
// fraction: 0.1 is 10 % slower in the last third than in the first, by their
// medians, e to the difference minus 1.
//
// P is exact for up to 100 blocks without ties, else by the normal
// approximation with Kendall's variance for ties (Kendall, Rank Correlation
// Methods, 4th ed., §4 and §5). It supposes independent blocks: on a host
// whose speed wanders it is small too often, which for a warning is right.
// NaNs are left out; infinite means (failed starts) rank as they are. Fewer
// than three blocks have no trend.
func Drift(blockMeans []float64) Trend {
	x := slices.DeleteFunc(slices.Clone(blockMeans), math.IsNaN)
	n := len(x)
	t := Trend{P: 1, Blocks: n}
	if n < 3 {
		return t
	}
	third := n / 3
	if change := Median(x[n-third:]) - Median(x[:third]); !math.IsNaN(change) {
		t.Change = math.Expm1(change)
	}
	f := float64(n)
	tied, variance := 0.0, f*(f-1)*(2*f+5)
	ascending := slices.Sorted(slices.Values(x))
	for i := 0; i < n; {
		j := i
		for j < n && ascending[j] == ascending[i] {
			j++
		}
		u := float64(j - i)
		tied += u * (u - 1) / 2
		variance -= u * (u - 1) * (2*u + 5)
		i = j
	}
	pairs := f * (f - 1) / 2
	if tied == pairs {
		return t
	}
	discordant := inversions(x, make([]float64, n))
	s := pairs - tied - 2*float64(discordant)
	t.Tau = s / math.Sqrt(pairs*(pairs-tied))
	if tied == 0 && n <= exactBlocks {
		fewer := min(discordant, int(pairs)-discordant)
		t.P = min(1, 2*inversionCDF(n, fewer))
	} else {
		z := max(0, math.Abs(s)-1) / math.Sqrt(variance/18)
		t.P = math.Erfc(z / math.Sqrt2)
	}
	return t
}

// inversions counts the i < j with x_i > x_j, and sorts x, by merging.
// (gonum's stat.Kendall counts ties as concordant, and takes n² steps.)
func inversions(x, spare []float64) int {
	if len(x) < 2 {
		return 0
	}
	h := len(x) / 2
	count := inversions(x[:h], spare[:h]) + inversions(x[h:], spare[h:])
	a, b := spare[:h], x[h:]
	copy(a, x[:h])
	for k := 0; len(a) > 0; k++ {
		if len(b) > 0 && b[0] < a[0] {
			x[k], b = b[0], b[1:]
			count += len(a)
		} else {
			x[k], a = a[0], a[1:]
		}
	}
	return count
}

// inversionCDF is the chance that a random order of n has at most k
// inversions: the j-th item adds one of 0 … j−1, all alike likely.
func inversionCDF(n, k int) float64 {
	p := make([]float64, k+1)
	p[0] = 1
	q := make([]float64, k+1)
	for j := 2; j <= n; j++ {
		window := 0.0
		for i := range q {
			window += p[i]
			if i >= j {
				window -= p[i-j]
			}
			q[i] = max(window, 0) / float64(j)
		}
		p, q = q, p
	}
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	return sum
}
