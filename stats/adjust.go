package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A Covariate is something known of every pair that tells how the host
// treated its two starts, and nothing of the images: X holds, pair by pair,
// the candidate's value minus the baseline's, as the differences do.
type Covariate struct {
	X []float64 // as many as there are differences; NaN where unknown
	// Prior is what the coefficient is believed to be beforehand, and Weight
	// how firmly: as much as data whose X have this sum of squares. 0 leaves
	// it to the data alone.
	Prior, Weight float64
}

// Adjusted is a list of differences with what covariates explain taken away.
type Adjusted struct {
	// The residual of pair i, were the true effect θ, is A[i] − θ·B[i]. B is
	// 1 without covariates, and near it where they are balanced.
	A, B []float64
	// Coefficients are those of the covariates, were the true effect the
	// estimate: an X larger by 1 makes the difference larger by this.
	Coefficients []float64
}

// Adjust takes from the differences d what the covariates explain of them.
//
// The coefficients are fitted by least squares through the origin, of d − θ
// on the covariates, separately for every θ that is tested. Exchanging the
// two starts of a pair changes the sign of its difference and of its
// covariates together, and hence no coefficient, and of the residual the sign
// alone. So where covariates are not influenced by the candidates, the
// residuals at the true θ are as likely to have either sign as the
// differences are, and [Adjusted.HodgesLehmann] keeps its level exactly, at
// each look, with any number of pairs and whatever the covariates are worth.
// An intercept, or a coefficient for each image, would not have that property.
//
// A covariate that the candidates do influence bends the estimate by its
// coefficient times the mean of X: see [Imbalance].
//
// A pair with a covariate that is not finite is left as it is in respect of
// it, and one with an infinite difference is left out of the fit.
func Adjust(d []float64, covariates ...Covariate) Adjusted {
	n, p := len(d), len(covariates)
	adj := Adjusted{A: slices.Clone(d), B: make([]float64, n), Coefficients: make([]float64, p)}
	for i := range adj.B {
		adj.B[i] = 1
	}
	if p == 0 || n == 0 {
		return adj
	}
	x := mat.NewDense(n, p, nil)
	gram := mat.NewSymDense(p, nil)
	// The right-hand sides: Xᵀd with the priors, and Xᵀ1.
	right := mat.NewDense(p, 2, nil)
	for j, c := range covariates {
		for i := range min(n, len(c.X)) {
			if finite(c.X[i]) && finite(d[i]) {
				x.Set(i, j, c.X[i])
				right.Set(j, 0, right.At(j, 0)+c.X[i]*d[i])
				right.Set(j, 1, right.At(j, 1)+c.X[i])
			}
		}
		if c.Weight > 0 && finite(c.Weight) && finite(c.Prior) {
			gram.SetSym(j, j, c.Weight)
			right.Set(j, 0, right.At(j, 0)+c.Weight*c.Prior)
		}
	}
	for j := range p {
		for k := j; k < p; k++ {
			gram.SetSym(j, k, gram.At(j, k)+mat.Dot(x.ColView(j), x.ColView(k)))
		}
	}
	b := solve(gram, right)
	if b == nil {
		return adj
	}
	var fitted mat.Dense
	fitted.Mul(x, b)
	for i := range n {
		if finite(d[i]) {
			adj.A[i] -= fitted.At(i, 0)
			adj.B[i] -= fitted.At(i, 1)
		}
	}
	theta := adj.HodgesLehmann(0).Estimate
	for j := range p {
		if c := b.At(j, 0) - theta*b.At(j, 1); finite(c) {
			adj.Coefficients[j] = c
		}
	}
	return adj
}

// Differences are the differences as they would be with balanced covariates,
// were the true effect the estimate: for what takes plain differences, such
// as PairsNeeded.
func (adj Adjusted) Differences() []float64 {
	theta := adj.HodgesLehmann(0).Estimate
	d := slices.Clone(adj.A)
	for i, b := range adj.B {
		if v := (1 - b) * theta; finite(v) {
			d[i] += v
		}
	}
	return d
}

// solve is the least-squares solution of a Gram matrix and its right-hand
// sides, with a ridge too small to matter where columns depend on each other;
// nil where there is none, as where squares overflow.
func solve(gram *mat.SymDense, right *mat.Dense) *mat.Dense {
	n := gram.SymmetricDim()
	const ridge = 1e-9
	for j := range n {
		gram.SetSym(j, j, gram.At(j, j)*(1+ridge)+math.SmallestNonzeroFloat64)
	}
	var factor mat.Cholesky
	var b mat.Dense
	if !factor.Factorize(gram) {
		return nil
	}
	if err := factor.SolveTo(&b, right); err != nil && !isCondition(err) {
		return nil
	}
	for j := range n {
		if !finite(b.At(j, 0)) || !finite(b.At(j, 1)) {
			return nil
		}
	}
	return &b
}

// isCondition reports whether gonum solved and only doubts its precision.
func isCondition(err error) bool {
	_, ok := err.(mat.Condition)
	return ok
}

// HodgesLehmann is the estimate and interval of the effect, as
// [HodgesLehmann] is for plain differences, to which it is equal without
// covariates. A value θ is inside where the signed-rank test of the residuals
// A − θ·B does not exclude it. That is so between order statistics of the
// ratios (A_i + A_j)/(B_i + B_j). Where B_i + B_j is not positive a pair of
// pairs says nothing, and counts against every claim.
func (adj Adjusted) HodgesLehmann(c int) Interval {
	n := len(adj.A)
	if n == 0 || slices.ContainsFunc(adj.A, math.IsNaN) {
		return unknown(0)
	}
	if !slices.ContainsFunc(adj.B, func(b float64) bool { return b != 1 }) {
		return HodgesLehmann(adj.A, c)
	}
	m := n * (n + 1) / 2
	low, high := make([]float64, 0, m), make([]float64, 0, m)
	for i, a := range adj.A {
		for j := i; j < n; j++ {
			switch w, b := a+adj.A[j], adj.B[i]+adj.B[j]; {
			case math.IsNaN(w) || !(b > 0): // of opposite infinities, or telling nothing
				low, high = append(low, math.Inf(-1)), append(high, math.Inf(1))
			default:
				low, high = append(low, w/b), append(high, w/b)
			}
		}
	}
	slices.Sort(low)
	slices.Sort(high)
	middle := (m + 1) / 2
	// With as much of what says nothing on either side, the middle is between.
	estimate := func(k int) float64 { return average(low[k-1], high[k-1], 0) }
	res := unknown(estimate(middle))
	if m%2 == 0 {
		res.Estimate = average(min(res.Estimate, estimate(middle+1)), max(res.Estimate, estimate(middle+1)), 0)
	}
	if c > 0 {
		c = min(c, middle)
		res.Low, res.High = low[c-1], high[m-c]
	}
	return res
}
