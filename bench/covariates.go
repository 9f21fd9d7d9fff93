package bench

import (
	"math"
	"slices"

	"mlbench/stats"
)

// The covariates that a start may have, in milliseconds.
const (
	// CovariateCPUWait is how long the candidate stood waiting for a
	// processor that others had, until it was ready: runner.Start.CPUWait.
	CovariateCPUWait = "cpu_wait_ms"
	// CovariateSteal is how much processor time the hypervisor gave to others
	// during the start: runner.Start.Steal.
	CovariateSteal = "steal_ms"
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

	insteadOf string // the covariate beside which this one is not used
}

// The priors are what trial runs on a shared machine with two processors gave,
// rounded; their weights are those of a few pairs on such a host. What all that
// is worth on recorded hosts is in docs/calibration.md.
//
// Waiting is taken out although it happens during the start, as it is no proxy:
// the kernel counts the very time that others took. What is left is the change
// on a host that nobody else uses, where that can be told, and candidates that
// use the processors otherwise are compared by it in docs/calibration.md. Probes
// before the start are by their place free of any candidate, but tell little of
// the second that follows: they serve where nothing tells of that second.
var covariates = []covariate{
	{name: CovariateCPUWait, of: perCPU(CovariateCPUWait), prior: 1, weight: 0.02},
	{name: CovariateSteal, of: perCPU(CovariateSteal), prior: 0.5, weight: 0.05},
	{name: CovariateResident, of: resident, prior: 0, weight: 0.5},
	{name: CovariateProbe, of: probed, prior: 0.2, weight: 0.5, insteadOf: CovariateCPUWait},
}

// perCPU is by how much a loss of time lengthened the candidate's computing,
// as a logarithm. It is relative to what the candidate computed itself, so
// that one that computes for longer, and loses more by that, has no larger
// value.
func perCPU(name string) func(Start) float64 {
	return func(s Start) float64 {
		lost, ok := s.Covariates[name]
		if s.Pull != nil {
			return math.NaN() // most of that start was the engine's own computing, which nobody counts
		}
		if !ok || s.CPUMS == nil || !(*s.CPUMS > 0) || !(lost >= 0) {
			return math.NaN()
		}
		return math.Log1p(lost / *s.CPUMS)
	}
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
	// influenced by the candidates, and nothing is claimed that holds with
	// it alone. An influence m that is too small to be seen so bends the
	// change by Coefficient·m.
	Imbalance Change `json:"imbalance"`
	// Why says why it is not used where that is not the reason.
	Why string `json:"why,omitempty"`
}

// imbalanced is the level at which a covariate counts as influenced.
const imbalanced = 0.01

// recorded is a covariate with its differences, candidate minus baseline of
// every pair; NaN where it was not recorded.
type recorded struct {
	covariate
	x []float64
}

// recordedIn are the covariates of these pairs. A start that failed has none.
// What share of its files is in memory of a warm candidate depends on the
// image; of a cold one it is what could not be made cold.
func (r *Result) recordedIn(pairs []pair) []recorded {
	var all []recorded
	for _, c := range covariates {
		if c.name == CovariateResident && r.Cold.Level == Warm {
			continue
		}
		x := make([]float64, len(pairs))
		for i, p := range pairs {
			x[i] = math.NaN()
			if !p.candidate.Failed() && !p.baseline.Failed() {
				x[i] = c.of(*p.candidate) - c.of(*p.baseline)
			}
		}
		all = append(all, recorded{c, x})
	}
	return all
}

// tells reports whether the covariate says anything of the first n pairs: one
// that is always alike explains nothing.
func (r recorded) tells(n int) bool {
	return slices.ContainsFunc(r.x[:n], func(v float64) bool { return v != 0 && !math.IsNaN(v) })
}

// A choice is what covariates a comparison is adjusted by.
type choice struct {
	used, all []stats.Covariate // without those that the candidates influence, and with them
	uses      []CovariateUse    // of all that are recorded
}

// choose decides by the first n pairs.
func (d differences) choose(n int) choice {
	var c choice
	for _, r := range d.covariates {
		if !r.tells(n) {
			continue
		}
		use := CovariateUse{Name: r.name, Imbalance: Change(imbalance(r.x[:n]))}
		if slices.ContainsFunc(d.covariates, func(other recorded) bool { return other.name == r.insteadOf && other.tells(n) }) {
			use.Why = "told better by " + r.insteadOf
			c.uses = append(c.uses, use)
			continue
		}
		covariate := stats.Covariate{X: r.x, Prior: r.prior, Weight: r.weight}
		c.all = append(c.all, covariate)
		if use.Used = !(use.Imbalance.Low > 0) && !(use.Imbalance.High < 0); use.Used {
			c.used = append(c.used, covariate)
		}
		c.uses = append(c.uses, use)
	}
	return c
}

// told are the uses, with the coefficients of those that are used.
func (c choice) told(coefficients []float64) []CovariateUse {
	uses, next := slices.Clone(c.uses), 0
	for i := range uses {
		if uses[i].Used {
			uses[i].Coefficient = coefficients[next]
			next++
		}
	}
	return uses
}

// first are the covariates of the first n pairs.
func first(n int, covariates []stats.Covariate) []stats.Covariate {
	cut := slices.Clone(covariates)
	for i := range cut {
		cut[i].X = cut[i].X[:n]
	}
	return cut
}

// adjusted are the differences of all pairs, less what those covariates explain
// of them that the candidates are not seen to influence.
func (d differences) adjusted() []float64 {
	if len(d.logs) == 0 {
		return nil
	}
	return stats.Adjust(d.logs, d.choose(len(d.logs)).used...).Differences()
}

// imbalance is the middle of a covariate's differences, of the pairs that
// tell it.
func imbalance(x []float64) stats.Interval {
	known := slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	return stats.HodgesLehmann(known, stats.Cutoff(len(known), imbalanced/2))
}

// gain is the share of the pairs that the narrower interval saves.
func gain(raw, adjusted stats.Interval) *float64 {
	ratio := (adjusted.High - adjusted.Low) / (raw.High - raw.Low)
	return finite(1 - ratio*ratio)
}
