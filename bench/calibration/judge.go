package calibration

import (
	"math"
	"math/rand/v2"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/stats"
)

// A Pair is one start of each candidate in an order drawn for it alone.
type Pair struct {
	Baseline, Candidate Sample
	CandidateFirst      bool
}

// drawPairs starts n pairs, of which the candidate takes e to the effect as long.
func drawPairs(on Regime, effect float64, rng *rand.Rand, n int) []Pair {
	host := on.New(rng)
	pairs := make([]Pair, n)
	for i := range pairs {
		p := &pairs[i]
		p.Baseline, p.Candidate = host.Next(), host.Next()
		if p.CandidateFirst = rng.IntN(2) == 0; p.CandidateFirst {
			p.Baseline, p.Candidate = p.Candidate, p.Baseline
		}
		p.Candidate = p.Candidate.shifted(effect, on.Influence)
	}
	return pairs
}

// A Judge compares two candidates by a number of pairs.
type Judge struct {
	Name string
	// At prepares to judge n pairs at a time. What it returns is safe for
	// several goroutines.
	At func(n int) func([]Pair) Claim
}

// SignedRank is mlbench with a number of pairs that is fixed (--pairs), by the
// times alone: the exact 95 % interval excludes that there is no change.
func SignedRank() Judge {
	return Judge{"mlbench", func(n int) func([]Pair) Claim {
		c := stats.Cutoff(n, 0.025)
		return func(pairs []Pair) Claim {
			return excludes(stats.HodgesLehmann(differences(pairs), c))
		}
	}}
}

// Mlbench is bench's own judgement of a fixed number of pairs, by everything
// that was recorded with them. adjust changes the default Spec, and may be nil.
func Mlbench(adjust func(*bench.Spec)) Judge {
	return Judge{"mlbench", func(n int) func([]Pair) Claim {
		spec := bench.DefaultSpec()
		spec.Runner, spec.Cold = "simulated", bench.Warm
		if adjust != nil {
			adjust(&spec)
		}
		spec.Pairs = n
		return func(pairs []Pair) Claim {
			r := bench.Result{
				Schema: bench.Schema, Spec: spec, Ended: bench.EndedFixed,
				Cold:       bench.Cold{Level: spec.Cold},
				Candidates: []runner.Candidate{{Name: baselineRef}, {Name: candidateRef}},
			}
			for i, p := range pairs {
				first := 0
				if p.CandidateFirst {
					first = 1
				}
				r.Starts = append(r.Starts, written(p.Baseline, 0, i, first), written(p.Candidate, 1, i, 1-first))
			}
			if err := r.Judge(); err != nil {
				panic(err) // adjust, which is ours, has made a Spec that is none
			}
			c := r.Comparisons[0].Change
			return excludes(stats.Interval(c))
		}
	}}
}

// written is a start of a pair as a result has it.
func written(s Sample, candidate, block, position int) bench.Start {
	start := bench.Start{
		Candidate: candidate, Role: bench.RolePair, Block: block, Position: position,
		Outcome: runner.OutcomeExited, Resident: s.Resident, Covariates: s.Covariates,
	}
	if s.CPU > 0 {
		start.CPUMS = new(bench.Millis(s.CPU))
	}
	if !math.IsInf(s.Log, 1) {
		ms := bench.Millis(usual) * math.Exp(s.Log)
		start.Outcome, start.ReadyMS = runner.OutcomeReady, &ms
	}
	return start
}

// Interleaved judges the starts of each candidate of all pairs as two samples,
// by this rule: what people do who alternate but do not pair.
func Interleaved(name string, differ func(a, b []float64) Claim) Judge {
	return Judge{name, func(n int) func([]Pair) Claim {
		return func(pairs []Pair) Claim {
			a, b := make([]float64, len(pairs)), make([]float64, len(pairs))
			for i, p := range pairs {
				a[i], b[i] = math.Exp(p.Baseline.Log), math.Exp(p.Candidate.Log)
			}
			return differ(a, b)
		}
	}}
}

// Peeking is wrong on purpose: it looks at the plain 95 % interval after every
// pair from the first-th on and claims what any of them does. A calibration
// that does not find it out measures nothing.
func Peeking(first int) Judge {
	return Judge{"peeking", func(n int) func([]Pair) Claim {
		cutoffs := make([]int, n+1)
		for k := range cutoffs {
			cutoffs[k] = stats.Cutoff(k, 0.025)
		}
		return func(pairs []Pair) Claim {
			d := differences(pairs)
			for k := first; k <= len(d); k++ {
				if claim := excludes(stats.HodgesLehmann(d[:k], cutoffs[k])); claim != 0 {
					return claim
				}
			}
			return 0
		}
	}}
}

// excludes is what an interval claims by where 0 lies.
func excludes(i stats.Interval) Claim {
	switch {
	case i.Low > 0:
		return 1
	case i.High < 0:
		return -1
	}
	return 0
}

// differences are candidate minus baseline of each pair; two failures differ
// by 0.
func differences(pairs []Pair) []float64 {
	d := make([]float64, len(pairs))
	for i, p := range pairs {
		if p.Candidate.Log != p.Baseline.Log {
			d[i] = p.Candidate.Log - p.Baseline.Log
		}
	}
	return d
}
