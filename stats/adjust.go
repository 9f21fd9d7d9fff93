package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// A Covariate is something known of every pair that tells how the host
// treated its two starts, and nothing of the images: X holds, pair by pair,
// the candidate's value minus the baseline's, as the differences do.
type Covariate struct {
	// X has as many entries as there are differences, in any unit; NaN or an
	// infinity where it is unknown, as are those that a shorter list lacks.
	X []float64
	// Prior is what the coefficient is believed to be beforehand, and Weight
	// how firmly: as much as data whose X have this sum of squares would say
	// it. A Weight of 0, or one that is negative or not finite, leaves the
	// coefficient to the data alone, as does a Prior that is not finite.
	Prior, Weight float64
}

// Adjusted is a list of differences with what covariates explain taken away.
type Adjusted struct {
	// The residual of pair i, were the true effect θ, is A[i] − θ·B[i], in the
	// unit of the differences. B is 1 without covariates, near it where they
	// are balanced, and may be negative for a pair that they overrule.
	A, B []float64
	// Coefficients are those of the covariates, were the true effect the
	// estimate: an X larger by 1 makes the difference larger by this. 0 where
	// it cannot be told, as for a covariate that is a sum of those before it.
	Coefficients []float64
}

// Adjust takes from the differences d what the covariates explain of them.
//
// For a supposed effect θ the coefficients are those that leave the smallest
// sum of squares of d − θ, through the origin, with priors as further rows
// (ridge regression). They are fitted anew for every θ; being linear in it,
// two fits, of d and of 1, tell all.
//
// Exchanging the two starts of a pair changes, at the true θ, the sign of its
// d − θ and of its X together. That leaves every coefficient as it is, and of
// the residuals it changes the sign of that pair's alone. So where neither the
// value of a covariate nor its being known depends on the image, the
// residuals at the true θ are as likely to have either sign as d − θ is:
// [Adjusted.HodgesLehmann] has the level of [HodgesLehmann], exactly, with
// any number of pairs, and whatever the covariates are worth. An intercept,
// or a coefficient for each image, would not leave that property.
//
// That is said of one look, and of covariates chosen beforehand, or by what
// the signs of d and X do not tell. From look to look the coefficients move,
// and with them the signs of small residuals, of which the proof for
// [NewRobustSchedule] knows nothing. In simulation its default looks tell
// identical images apart in 3.5 to 4.8 % where noise is steady or grows
// thirtyfold, and in 5.2 % at most where it grows a thousandfold (8000 runs a
// host, standard error 0.25 %), even if coefficients change their sign midway.
//
// With few pairs many covariates cost more than they gain: three useless ones
// leave an interval at 40 pairs 6 % wider, at 20 by 15 % and at 12 by 40 %, and
// after 8 pairs mostly infinite. Weight tempers that.
//
// A covariate that the candidates do influence bends the estimate: where it
// is larger by m for the candidate than the host made it, the estimate is
// lower by m times the coefficient, whatever the number of pairs.
//
// A pair whose X is unknown is left as it is in respect of it, and one with
// an infinite difference altogether. Where sums overflow nothing is adjusted.
func Adjust(d []float64, covariates ...Covariate) Adjusted {
	n, p := len(d), len(covariates)
	// Rows are the pairs and then the priors; those of one's priors are 0.
	a, b := newVector(n+p, p), newVector(n+p, p)
	for i, v := range d {
		b.rows[i] = 1
		if finite(v) {
			a.rows[i] = v
		}
	}
	var basis []vector
	for j, c := range covariates {
		v := newVector(n+p, p)
		for i := range min(n, len(c.X)) {
			if finite(c.X[i]) && finite(d[i]) {
				v.rows[i] = c.X[i]
			}
		}
		if c.Weight > 0 && finite(c.Weight) && finite(c.Prior) {
			v.rows[n+j] = math.Sqrt(c.Weight)
			a.rows[n+j] = math.Sqrt(c.Weight) * c.Prior
		}
		v.sums[j] = 1
		if v.normalise(basis) {
			basis = append(basis, v)
		}
	}
	for _, u := range basis {
		a.subtract(u)
		b.subtract(u)
	}
	adj := Adjusted{A: slices.Clone(d), B: b.rows[:n:n], Coefficients: make([]float64, p)}
	for i, v := range d {
		if !finite(a.rows[i]) || !finite(b.rows[i]) {
			return Adjusted{A: adj.A, B: slices.Repeat([]float64{1}, n), Coefficients: adj.Coefficients}
		}
		if finite(v) {
			adj.A[i] = a.rows[i]
		}
	}
	theta := adj.HodgesLehmann(0).Estimate
	for j := range p {
		if c := theta*b.sums[j] - a.sums[j]; finite(c) {
			adj.Coefficients[j] = c
		}
	}
	return adj
}

// A vector of the fit, and which multiples of the covariates are in it: it is
// what it was at first plus their sum.
type vector struct {
	rows []float64
	sums []float64
}

func newVector(rows, covariates int) vector {
	return vector{make([]float64, rows), make([]float64, covariates)}
}

// subtract takes from v what of it lies along the unit vector u. Changing the
// sign of a row of both changes that of the result's and, to the last bit,
// nothing else.
func (v vector) subtract(u vector) {
	along := floats.Dot(u.rows, v.rows)
	floats.AddScaled(v.rows, -along, u.rows)
	floats.AddScaled(v.sums, -along, u.sums)
}

// normalise makes v a unit vector at right angles to those of basis (Gram and
// Schmidt, twice, which is enough: Giraud, Langou and Rozložník 2005, Comput.
// Math. Appl. 50, 1069–1075), and reports whether there is one: not where v
// is 0, or a sum of them but for rounding.
func (v vector) normalise(basis []vector) bool {
	const rounding = 1e-9
	largest := floats.Norm(v.rows, math.Inf(1))
	if largest == 0 {
		return false
	}
	v.divide(largest) // so that no square overflows or vanishes
	whole := floats.Norm(v.rows, 2)
	for range 2 {
		for _, u := range basis {
			v.subtract(u)
		}
	}
	rest := floats.Norm(v.rows, 2)
	v.divide(rest)
	return rest > rounding*whole
}

func (v vector) divide(by float64) {
	for i := range v.rows {
		v.rows[i] /= by
	}
	for j := range v.sums {
		v.sums[j] /= by
	}
}

// Differences are the differences as they would be with balanced covariates,
// were the true effect the estimate: for what takes plain differences, such
// as PairsNeeded. Their interval by [HodgesLehmann] is not exact, as it knows
// nothing of the coefficients having been fitted.
func (adj Adjusted) Differences() []float64 {
	theta := adj.HodgesLehmann(0).Estimate
	d := slices.Clone(adj.A)
	for i := range min(len(d), len(adj.B)) {
		if v := (1 - adj.B[i]) * theta; finite(v) {
			d[i] += v
		}
	}
	return d
}

// HodgesLehmann is the estimate and interval of the effect, as
// [HodgesLehmann] is for plain differences, to which it is equal without
// covariates. A value θ is outside only where the signed-rank test of the
// residuals A − θ·B, with the same c, excludes it. Its statistic counts the i
// ≤ j with A_i + A_j over θ·(B_i + B_j); so where all B_i + B_j are positive
// the bounds are order statistics of the ratios (A_i + A_j)/(B_i + B_j).
//
// Where B_i + B_j is not positive, i and j together say the less for an effect
// the larger it is, so that what is not excluded need not be one interval.
// They are taken to speak against every claim: they count as -Inf for Low and
// as +Inf for High, and so do infinities of opposite signs. (Following them
// exactly would leave the interval 1 % narrower as a rule, and 4 % with three
// covariates at 12 pairs.) With covariates that are as good as constant all
// are of this kind, and nothing is known.
func (adj Adjusted) HodgesLehmann(c int) Interval {
	n := len(adj.A)
	if len(adj.B) != n {
		return unknown(0)
	}
	fitted := slices.ContainsFunc(adj.B, func(b float64) bool { return b != 1 })
	if !fitted || slices.ContainsFunc(adj.A, math.IsNaN) {
		return HodgesLehmann(adj.A, c)
	}
	const rounding = 1e-9
	m := n * (n + 1) / 2
	ratios := ranked{known: make([]float64, 0, m)}
	for i, a := range adj.A {
		for j := i; j < n; j++ {
			w := average(min(a, adj.A[j]), max(a, adj.A[j]), math.NaN())
			b := adj.B[i]/2 + adj.B[j]/2
			switch {
			case math.IsInf(w, 0):
				ratios.known = append(ratios.known, w)
			case b > rounding && !math.IsNaN(w):
				ratios.known = append(ratios.known, w/b)
			default:
				ratios.mute++
			}
		}
	}
	slices.Sort(ratios.known)
	middle := (m + 1) / 2
	res := unknown(average(ratios.low(middle), ratios.high(middle), 0))
	if c > 0 {
		c = min(c, middle)
		res.Low, res.High = ratios.low(c), ratios.high(c)
	}
	return res
}

// ranked is a list of values some of which may be anything.
type ranked struct {
	known []float64 // ascending
	mute  int       // how many more there are
}

// low is the least that the k-th smallest value can be, k from 1.
func (r ranked) low(k int) float64 {
	if k <= r.mute {
		return math.Inf(-1)
	}
	return r.known[k-r.mute-1]
}

// high is the most that the k-th largest value can be, k from 1.
func (r ranked) high(k int) float64 {
	if k <= r.mute {
		return math.Inf(1)
	}
	return r.known[len(r.known)+r.mute-k]
}
