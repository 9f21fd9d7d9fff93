package selftest

import (
	"math"
	"slices"

	"mlbench/bench"
	"mlbench/stats"
)

// Noise is the standard deviation of one start, as a fraction of its time.
type Noise struct {
	Start    float64  `json:"start"`    // of all starts of a candidate
	Paired   *float64 `json:"paired"`   // that is left between the two of a pair; nil where unknown
	Adjusted *float64 `json:"adjusted"` // of that, what covariates do not explain; nil where there are none

	// The shares of the pairs that pairing, and adjusting after it, make
	// unnecessary; negative where they did harm, nil where unknown.
	PairingGain   *float64 `json:"pairing_gain"`
	CovariateGain *float64 `json:"covariate_gain"`
	Covariates    []string `json:"covariates"` // that were used
}

// noise takes the differences of a program with itself.
func noise(all, same *bench.Result) Noise {
	n := Noise{Start: spread(residuals(all)), Covariates: []string{}}
	c := same.Comparisons[0]
	n.PairingGain = c.PairingGain
	raw, adjusted := known(same)
	n.Paired = finite(stats.NoiseFloor(raw))
	for _, use := range c.Covariates {
		if use.Used {
			n.Covariates = append(n.Covariates, use.Name)
		}
	}
	if len(n.Covariates) == 0 {
		return n
	}
	n.Adjusted = finite(stats.NoiseFloor(adjusted))
	if n.Paired != nil && n.Adjusted != nil && *n.Paired > 0 {
		ratio := *n.Adjusted / *n.Paired
		n.CovariateGain = finite(1 - ratio*ratio)
	}
	return n
}

// known are the differences of the pairs both of whose starts were ready, as
// they were measured and as they are judged.
func known(same *bench.Result) (raw, adjusted []float64) {
	raw, adjusted = same.Differences(1)
	unknown := func(v float64) bool { return math.IsInf(v, 0) || math.IsNaN(v) }
	return slices.DeleteFunc(raw, unknown), slices.DeleteFunc(adjusted, unknown)
}

// Resolvable is the smallest change that so many pairs find in 80 of 100
// comparisons, as their 95 % interval excludes 0; nil where unknown.
type Resolvable struct {
	Pairs    int      `json:"pairs"`
	Raw      *float64 `json:"raw"`
	Adjusted *float64 `json:"adjusted"` // by covariates; equal to Raw where there are none
}

func resolvable(same *bench.Result) []Resolvable {
	const alpha, power = 0.05, bench.ToldPower
	raw, adjusted := known(same)
	change := func(d []float64, n int) *float64 { return finite(math.Expm1(stats.Resolvable(d, n, alpha, power))) }
	var all []Resolvable
	for _, n := range []int{10, 20, 40} {
		all = append(all, Resolvable{n, change(raw, n), change(adjusted, n)})
	}
	return all
}

// best is what is judged by.
func (r Resolvable) best() *float64 {
	if r.Adjusted != nil {
		return r.Adjusted
	}
	return r.Raw
}

// alone is a result as a comparison of one candidate with the baseline would
// have had it after so many pairs, under the stopping rule.
func alone(all *bench.Result, candidate, pairs int) (*bench.Result, error) {
	r := *all
	r.Spec.Alpha, r.Spec.Pairs = bench.DefaultSpec().Alpha, 0
	r.Spec.MaxPairs = all.Spec.Pairs
	r.Spec.MinPairs = min(bench.DefaultSpec().MinPairs, r.Spec.MaxPairs)
	r.Candidates = slices.Clone(all.Candidates[:1])
	r.Candidates = append(r.Candidates, all.Candidates[candidate])
	r.Starts = nil
	for _, s := range measured(all) {
		if s.Block >= pairs {
			continue
		}
		switch s.Candidate {
		case candidate:
			s.Candidate = 1
		case baseline:
		default:
			continue
		}
		r.Starts = append(r.Starts, s)
	}
	return &r, r.Judge()
}

// measured are the starts that count, in the order of time.
func measured(r *bench.Result) []bench.Start {
	return slices.DeleteFunc(slices.Clone(r.Starts), func(s bench.Start) bool { return !s.Role.Measured() })
}

// residuals are the logarithms of the times of all ready starts, each less the
// middle of its candidate, in the order of time.
func residuals(r *bench.Result) []float64 {
	times := make([][]float64, len(r.Candidates))
	starts := slices.DeleteFunc(measured(r), bench.Start.Failed)
	for _, s := range starts {
		times[s.Candidate] = append(times[s.Candidate], math.Log(s.Time()))
	}
	var x []float64
	for _, s := range starts {
		x = append(x, math.Log(s.Time())-stats.Median(times[s.Candidate]))
	}
	return x
}

// spread is the root of the mean square: the standard deviation about the
// candidates' middles.
func spread(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	return math.Sqrt(mean(x, func(v float64) float64 { return v * v }))
}

func mean(x []float64, of func(float64) float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += of(v)
	}
	return sum / float64(len(x))
}

func finite(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}
