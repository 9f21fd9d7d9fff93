package stats

import "math"

// split tells how a collection of items lies about v: how many are at most v,
// the largest of those, and the smallest of the others.
type split func(v float64) (count int, below, above float64)

// kth returns the k-th smallest item, exactly and without listing the items,
// of which lo is the smallest and hi the largest.
//
// Each step halves the range of values or, as the values may lie many powers
// of ten apart, that of the float64s in it, and moves on to the next item: at
// most 128 steps, and about 15 for the Walsh averages of 40 differences.
func kth(k int, lo, hi float64, about split) float64 {
	for step := 0; lo < hi; step++ {
		mid := lo/2 + hi/2
		if step%2 == 1 || !finite(mid) {
			mid = fromOrdinal(ordinal(lo) + int64(uint64(ordinal(hi)-ordinal(lo))/2))
		}
		if !(lo <= mid && mid < hi) { // by rounding
			mid = lo
		}
		if count, below, above := about(mid); count >= k {
			hi = below
		} else {
			lo = above
		}
	}
	return lo + 0 // 0 rather than -0, which are one item
}

// ordinal numbers the float64s in their order.
func ordinal(f float64) int64 {
	b := int64(math.Float64bits(f))
	if b < 0 {
		b ^= math.MaxInt64
	}
	return b
}

// fromOrdinal is the inverse of ordinal.
func fromOrdinal(b int64) float64 {
	if b < 0 {
		b ^= math.MaxInt64
	}
	return math.Float64frombits(uint64(b))
}

// average is the mean of a ≤ b, between them; that of -Inf and +Inf is
// opposite.
func average(a, b, opposite float64) float64 {
	if math.IsInf(a, -1) && math.IsInf(b, 1) {
		return opposite
	}
	if sum := a + b; finite(sum) {
		return sum / 2
	}
	return a/2 + b/2 // exact where the sum overflows, not near the least float64
}
