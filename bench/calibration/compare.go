package calibration

import (
	"context"
	"fmt"
	"math"

	"mlbench/bench"
	"mlbench/runner"
)

// An Outcome is what one simulated comparison came to.
type Outcome struct {
	Verdict bench.Verdict
	Pairs   int  // that the verdict rests on
	Claimed bool // some look excluded that there is no change
	Found   int  // pairs at the first look that excluded "not slower"; 0: none did
	Covered bool // the true effect lies in the interval at the stop
}

// Compare runs the real experiment, as `mlbench compare` does it, on a host of
// this regime, with a candidate whose times are e to the effect as long. adjust
// changes the default Spec, and may be nil.
func Compare(ctx context.Context, on Regime, effect float64, seed uint64, repetition int, adjust func(*bench.Spec)) (Outcome, error) {
	host, order := on.begin(seed, repetition)
	r := NewRunner(host, effect, on.Influence)
	w := &watcher{}
	result, err := simulate(ctx, r, order, w, adjust, baselineRef, candidateRef)
	if err != nil {
		return Outcome{}, fmt.Errorf("%s, repetition %d: %w", on.Name, repetition, err)
	}
	c := result.Comparisons[0]
	w.look(c)
	truth := math.Expm1(effect)
	return Outcome{
		Verdict: c.Verdict,
		Pairs:   c.Pairs,
		Claimed: w.claimed,
		Found:   w.found,
		Covered: c.Change.Low <= truth && truth <= c.Change.High,
	}, nil
}

// simulate runs the experiment. Where the host tells of residency it is looked
// at as at cold level cache.
func simulate(ctx context.Context, r *Runner, seed uint64, w bench.Observer, adjust func(*bench.Spec), refs ...string) (*bench.Result, error) {
	spec := bench.DefaultSpec()
	spec.Runner, spec.Cold, spec.Seed = "simulated", bench.Warm, seed
	if r.Upcoming().Resident != nil {
		spec.Cold = bench.Cache
	}
	if adjust != nil {
		adjust(&spec)
	}
	e := bench.Experiment{Spec: spec, Runner: r, Observer: w}
	for _, ref := range refs {
		e.Candidates = append(e.Candidates, runner.Candidate{Name: ref, Ref: ref})
	}
	return e.Run(ctx)
}

// A watcher sees every look of a run. Between looks the comparison is that of
// the last one.
type watcher struct {
	claimed bool
	found   int
}

// Note does nothing.
func (w *watcher) Note(string) {}

// Progress sees what the user is shown.
func (w *watcher) Progress(p bench.Progress) {
	for _, s := range p.Standings {
		w.look(s.Comparison)
	}
}

func (w *watcher) look(c bench.Comparison) {
	if c.Change.Low > 0 && w.found == 0 {
		w.found = c.Pairs
	}
	if c.Change.Low > 0 || c.Change.High < 0 {
		w.claimed = true
	}
}
