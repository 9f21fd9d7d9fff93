package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A Divisive says how [Divisive.ChangePoints] divides a series.
type Divisive struct {
	// MinSize is how many values a segment has at least, 1 or more.
	MinSize int
	// P is the level of the permutation test of each division, in (0, 1).
	P float64
	// Permutations is how many are drawn for each test. With fewer than 1/P − 1
	// nothing is ever found.
	Permutations int
	// Seed is that of the permutations: from the same values and seed follows
	// the same answer.
	Seed uint64
}

// A ChangePoint is a place where a series changes.
type ChangePoint struct {
	Index int // of the first value after the change
	// Q is how far apart the segments before and after are, see ChangePoints, in
	// the unit of the values.
	Q float64
	// P is the share of random orders of the values that show a change as clear
	// or clearer, the given order counted among them.
	P float64
}

// ChangePoints divides a series where its distribution changes, by E-divisive
// (Matteson and James 2014, J. Am. Stat. Assoc. 109, 334–345) with α = 1. Of
// segments X of n values and Y of m that follow it, the energy distance is
//
//	E = 2/(nm)·Σᵢⱼ|xᵢ−yⱼ| − 1/n²·Σᵢₖ|xᵢ−xₖ| − 1/m²·Σⱼₗ|yⱼ−yₗ|
//
// which is 0 or more (Székely and Rizzo 2004, InterStat 5), and the division of
// a segment is that with the largest Q = nm/(n+m)·E. Within each segment all
// divisions are tried; the best of all is kept where in less than P of the
// orders in which the values of every segment are shuffled there is none that is
// as good, and then the parts are divided likewise, until the best is not kept.
//
// The paper divides the sums within by n(n−1)/2 instead, which is not defined
// for a segment of one value and of little use for one of two. The newest
// segment of a series that is watched is that short, and what counts is how
// soon it is found. Nor is the end of Y searched for: a second change in the
// same segment is found once the first is.
//
// Changes of location are found, and of spread where the segments are long. Of
// values that are all alike, and of fewer than 2·MinSize, there is none to
// find. The values have to be finite: with one that is not, nothing is found.
// Adding a constant to all values moves no change point, nor does multiplying
// them by one that is not 0. A series of n values costs O(n²) for each order
// that is tried, and O(n²) memory.
//
// The change points are in the order of the series; P is that with which each
// was accepted.
func (o Divisive) ChangePoints(x []float64) []ChangePoint {
	minSize := max(o.MinSize, 1)
	if len(x) < 2*minSize || slices.ContainsFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
		return nil
	}
	d := newDivision(x, minSize)
	rng := rand.New(rand.NewPCG(o.Seed, uint64(len(x))))
	var found []ChangePoint
	for bounds := []int{0, len(x)}; ; {
		best := d.best(bounds)
		if !(best.Q > 0) {
			break
		}
		p, ok := d.test(best.Q, bounds, o, rng)
		if !ok {
			break
		}
		best.P = p
		found = append(found, best)
		at, _ := slices.BinarySearch(bounds, best.Index)
		bounds = slices.Insert(bounds, at, best.Index)
	}
	slices.SortFunc(found, func(a, b ChangePoint) int { return a.Index - b.Index })
	return found
}

// A division is a series that is divided: the distances between all values, and
// an order of them.
type division struct {
	n, minSize int
	distances  []float64 // of values i and j at i·n + j
	order      []int
	within     []float64 // room for best
}

func newDivision(x []float64, minSize int) *division {
	d := &division{n: len(x), minSize: minSize, distances: make([]float64, len(x)*len(x)), order: make([]int, len(x)), within: make([]float64, len(x)+1)}
	for i := range x {
		d.order[i] = i
		for j := range x {
			d.distances[i*d.n+j] = math.Abs(x[i] - x[j])
		}
	}
	return d
}

// best is the best division of all segments between the bounds; its Q is 0 where
// there is none.
func (d *division) best(bounds []int) (best ChangePoint) {
	for i := 1; i < len(bounds); i++ {
		if c := d.bestIn(bounds[i-1], bounds[i]); c.Q > best.Q {
			best = c
		}
	}
	return best
}

// bestIn tries all divisions of the segment from a to before b. With each value
// that goes over from the right part to the left one the three sums change by its
// distances to both, so that all divisions together cost as much as one.
func (d *division) bestIn(a, b int) (best ChangePoint) {
	if b-a < 2*d.minSize {
		return best
	}
	right, left, between := 0.0, 0.0, 0.0 // each pair within a part once
	for i := a; i < b; i++ {
		row := d.distances[d.order[i]*d.n:]
		for _, j := range d.order[a:i] {
			right += row[j]
		}
	}
	all := right
	for i := a; i < b-d.minSize; i++ {
		row := d.distances[d.order[i]*d.n:]
		toLeft, toRight := 0.0, 0.0
		for _, j := range d.order[a:i] {
			toLeft += row[j]
		}
		for _, j := range d.order[i+1 : b] {
			toRight += row[j]
		}
		left, right, between = left+toLeft, right-toRight, between+toRight-toLeft
		n, m := float64(i+1-a), float64(b-i-1)
		if i+1-a < d.minSize {
			continue
		}
		q := n * m / (n + m) * (2*between/(n*m) - 2*left/(n*n) - 2*right/(m*m))
		// What rounding leaves of values that are all alike is no distance.
		if q > best.Q && q > 1e-12*all {
			best = ChangePoint{Index: i + 1, Q: q}
		}
	}
	return best
}

// test shuffles the values of every segment and counts how often the best
// division is as good. It stops as soon as the answer can only be no (Besag and
// Clifford 1991, Biometrika 78, 301–304), which is after a few shuffles where
// nothing has changed.
func (d *division) test(q float64, bounds []int, o Divisive, rng *rand.Rand) (p float64, ok bool) {
	most := o.P * float64(o.Permutations+1)
	whole := d.order
	defer func() { d.order = whole }()
	d.order = slices.Clone(whole)
	asGood := 1.0 // the given order
	for range o.Permutations {
		for i := 1; i < len(bounds); i++ {
			segment := d.order[bounds[i-1]:bounds[i]]
			rng.Shuffle(len(segment), func(i, j int) { segment[i], segment[j] = segment[j], segment[i] })
		}
		if d.best(bounds).Q >= q*(1-1e-9) { // equal values in another order round otherwise
			if asGood++; asGood > most {
				return 0, false
			}
		}
	}
	return asGood / float64(o.Permutations+1), asGood <= most
}
