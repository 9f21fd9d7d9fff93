package bench

import (
	"math"

	"mlbench/stats"
)

// The covariates that a start may have, in milliseconds.
const (
	// CovariateCPUWait is how long the candidate stood waiting for a
	// processor that others had, until it was ready: runner.Start.CPUWait.
	CovariateCPUWait = "cpu_wait_ms"
	// CovariateProbe is how long fixed work took on the host right before the
	// start: runner.Gauge.
	CovariateProbe = "probe_ms"
	// CovariateResident is Start.Resident, which has a field of its own.
	CovariateResident = "resident"
)

// A covariate tells how the host treated a start, whichever image it was of.
type covariate struct {
	name string
	of   func(Start) float64 // NaN where it was not recorded

	// Its coefficient as it is believed to be beforehand, and how firmly: see
	// stats.Covariate.
	prior, weight float64
}

var covariates = []covariate{
	{CovariateCPUWait, cpuWait, 1, 0.02},
	{CovariateProbe, probed, 0.2, 0.05},
	{CovariateResident, resident, 0, 0.5},
}

// cpuWait is by how much waiting for a processor lengthened the candidate's
// computing, as a logarithm. It is relative to what the candidate computed
// itself, so that one that computes for longer, and is kept waiting for longer
// by that, has no larger value.
func cpuWait(s Start) float64 {
	wait, ok := s.Covariates[CovariateCPUWait]
	if !ok || s.CPUMS == nil || !(*s.CPUMS > 0) || !(wait >= 0) {
		return math.NaN()
	}
	return math.Log1p(wait / *s.CPUMS)
}

func probed(s Start) float64 {
	took, ok := s.Covariates[CovariateProbe]
	if !ok || !(took > 0) {
		return math.NaN()
	}
	return math.Log(took)
}

func resident(s Start) float64 {
	if s.Resident == nil {
		return math.NaN()
	}
	return *s.Resident
}

// A CovariateUse says what became of a covariate in a comparison.
type CovariateUse struct {
	Name string `json:"name"`
	Used bool   `json:"used"`
	// Coefficient is how much longer, as a logarithm, a start takes where the
	// covariate is larger by 1.
	Coefficient float64 `json:"coefficient"`
	// Imbalance is the covariate's own difference between the candidates,
	// with its 99 % interval. It ought to hold 0: what tells of the host
	// does not depend on the image. Where it does not the covariate is
	// influenced by the candidates, and is not used.
	Imbalance Change `json:"imbalance"`
}

// imbalanced is the level at which a covariate counts as influenced.
const imbalanced = 0.01

// pairsOf are candidate minus baseline of a covariate, pair by pair as
// differences has them, and whether any pair tells it.
func (r *Result) pairsOf(c covariate, candidate int) (x []float64, known bool) {
	for _, b := range r.blocks(RolePair) {
		if b[0] == nil || b[candidate] == nil {
			continue
		}
		v := c.of(*b[candidate]) - c.of(*b[0])
		known = known || v != 0 && !math.IsNaN(v) // always alike, it explains nothing
		x = append(x, v)
	}
	return x, known
}

// adjust takes from the first n differences what the covariates explain.
func (r *Result) adjust(candidate int, logs []float64) (stats.Adjusted, []CovariateUse) {
	if r.Spec.NoCovariate {
		return stats.Adjust(logs), nil
	}
	var uses []CovariateUse
	var used []stats.Covariate
	for _, c := range covariates {
		x, known := r.pairsOf(c, candidate)
		if !known {
			continue
		}
		x = x[:len(logs)]
		use := CovariateUse{Name: c.name, Imbalance: Change(imbalance(x))}
		if !(use.Imbalance.Low > 0) && !(use.Imbalance.High < 0) {
			use.Used = true
			used = append(used, stats.Covariate{X: x, Prior: c.prior, Weight: c.weight})
		}
		uses = append(uses, use)
	}
	adjusted := stats.Adjust(logs, used...)
	next := 0
	for i := range uses {
		if uses[i].Used {
			uses[i].Coefficient = adjusted.Coefficients[next]
			next++
		}
	}
	return adjusted, uses
}

// imbalance is the middle of a covariate's differences, of the pairs that
// tell it.
func imbalance(x []float64) stats.Interval {
	var known []float64
	for _, v := range x {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	return stats.HodgesLehmann(known, stats.Cutoff(len(known), imbalanced/2))
}

// gain is the share of the pairs that the narrower interval saves.
func gain(raw, adjusted stats.Interval) *float64 {
	ratio := (adjusted.High - adjusted.Low) / (raw.High - raw.Low)
	return finite(1 - ratio*ratio)
}
