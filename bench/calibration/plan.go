package calibration

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mlbench/bench"
)

// Effects are the true changes that are simulated, as fractions: none, the
// default margin, twice that, and a gain.
var Effects = []float64{0, 0.05, 0.10, -0.05}

// aloneEffects are those for which it is shown what covariates are worth.
var aloneEffects = []float64{0, 0.10}

// searched are the slowdowns for which the pairs that they take are searched.
var searched = []float64{0.05, 0.10}

// A Plan says what is measured.
type Plan struct {
	Regimes     []Regime // error rates, peers, power
	Targets     []Regime // the target gate; each knows its P90
	Repetitions int      // comparisons of each regime and effect
	Search      Search   // of the pairs that a fixed number takes

	Seed    uint64
	Workers int // goroutines; 0: one a core

	// Progress, if set, is told what is over.
	Progress func(done, of int, what string)
}

// DefaultPlan is all simulated regimes at 4 % and 12 % of noise, and these
// traces.
func DefaultPlan(repetitions int, seed uint64, traces []Trace) Plan {
	p := Plan{
		Regimes: slices.Concat(Regimes(0.04), Regimes(0.12), []Regime{
			WitnessedNoise(0.12, 0.7), InfluencedCovariate(0.12, 0), InfluencedCovariate(0.12, 0.05),
		}),
		Repetitions: repetitions,
		Seed:        seed,
		// Its rates decide by a few percent of power, not by the tenth.
		Search: Search{Replays: max(repetitions/4, 1), Most: 400, Seed: seed},
	}
	for _, r := range Regimes(0.04) {
		if r.P90 != 0 {
			p.Targets = append(p.Targets, r)
		}
	}
	for _, t := range traces {
		p.Regimes = append(p.Regimes, t.Regime())
	}
	return p
}

// A Report is what a Plan measured.
type Report struct {
	Plan    Plan
	Rows    []Row
	Targets []TargetRow
	Heavy   []Heavy // recorded, not simulated
}

// A Row is one regime.
type Row struct {
	Regime
	Cells []Cell // by Effects
	Alone []Cell // by aloneEffects: by the times alone, where more was recorded
	Peers []Rate // A/A: claims, by Peers
	Peeks Rate   // A/A: claims of Peeking
	Needs []Need // by searched effects and judges
}

// A Cell is one regime with one effect.
type Cell struct {
	Effect       float64 // a fraction
	Slower       Rate    // verdict slower or regression
	Regression   Rate    // verdict regression
	NoRegression Rate    // verdict no_regression
	Undecided    Rate    // verdict inconclusive
	Claimed      Rate    // some look excluded that there is no change
	Found        Rate    // some look excluded "not slower"
	Covered      Rate    // the interval at the stop holds the effect
	Pairs        Mean    // at the end
	FoundAfter   Mean    // pairs until found; all pairs where it was not
}

// A Need is how many pairs, fixed beforehand, a judge needs to find an effect
// with a power of 90 %; 0 where the search gave up.
type Need struct {
	Judge  string
	Effect float64 // a fraction
	Pairs  int
}

// A TargetRow is how often a gate passes whose target is met by exactly the
// share of starts that it asks for.
type TargetRow struct {
	Regime string
	Passed Rate
}

// Measure does all that the plan says. What it reports follows from the plan
// alone, whatever the number of workers.
func (p Plan) Measure(ctx context.Context) (*Report, error) {
	report := &Report{Plan: p}
	for i, regime := range p.Regimes {
		p.tell(i, regime.Name)
		row, err := p.row(ctx, regime)
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, row)
	}
	for i, regime := range p.Targets {
		p.tell(len(p.Regimes)+i, "target, "+regime.Name)
		passed := make([]bool, p.Repetitions)
		if err := forEach(ctx, p.Repetitions, p.Workers, func(ctx context.Context, i int) (err error) {
			passed[i], err = FalsePass(ctx, regime, p.Seed, i)
			return err
		}); err != nil {
			return nil, err
		}
		report.Targets = append(report.Targets, TargetRow{regime.Name, rateOf(passed)})
	}
	return report, nil
}

func (p Plan) tell(done int, what string) {
	if p.Progress != nil {
		p.Progress(done, len(p.Regimes)+len(p.Targets), what)
	}
}

func (p Plan) row(ctx context.Context, on Regime) (Row, error) {
	row := Row{Regime: on}
	for _, effect := range Effects {
		cell, err := p.cell(ctx, on, effect, nil)
		if err != nil {
			return row, err
		}
		row.Cells = append(row.Cells, cell)
	}
	if on.recorded() {
		for _, effect := range aloneEffects {
			cell, err := p.cell(ctx, on, effect, func(s *bench.Spec) { s.NoCovariate = true })
			if err != nil {
				return row, err
			}
			row.Alone = append(row.Alone, cell)
		}
	}
	peers, peeking := Peers(), Peeking(8).At(40)
	claims := make([][]bool, len(peers)+1)
	for i := range claims {
		claims[i] = make([]bool, p.Repetitions)
	}
	if err := forEach(ctx, p.Repetitions, p.Workers, func(_ context.Context, i int) error {
		for k, peer := range peers {
			host, _ := on.begin(p.Seed, i)
			claims[k][i] = peer.Judge(host, 0) != 0
		}
		claims[len(peers)][i] = peeking(drawPairs(on, 0, pairStream(p.Seed, on.Name, i), 40)) != 0
		return nil
	}); err != nil {
		return row, err
	}
	for k := range peers {
		row.Peers = append(row.Peers, rateOf(claims[k]))
	}
	row.Peeks = rateOf(claims[len(peers)])
	var err error
	row.Needs, err = p.needs(ctx, on)
	return row, err
}

// cell runs all repetitions of one regime with one effect. adjust changes the
// default Spec, and may be nil.
func (p Plan) cell(ctx context.Context, on Regime, effect float64, adjust func(*bench.Spec)) (Cell, error) {
	outcomes := make([]Outcome, p.Repetitions)
	if err := forEach(ctx, p.Repetitions, p.Workers, func(ctx context.Context, i int) (err error) {
		outcomes[i], err = Compare(ctx, on, math.Log1p(effect), p.Seed, i, adjust)
		return err
	}); err != nil {
		return Cell{}, err
	}
	c := Cell{Effect: effect}
	for _, o := range outcomes {
		c.add(o)
	}
	return c, nil
}

// needs searches for the pairs by which mlbench, the same without what was
// recorded, and an unpaired test find a slowdown.
func (p Plan) needs(ctx context.Context, on Regime) ([]Need, error) {
	judges := []Judge{SignedRank(), Interleaved("U test", MannWhitney)}
	if on.recorded() {
		judges = append(judges, Mlbench(nil))
		judges[0].Name = "times alone"
	}
	search := p.Search
	search.Workers = p.Workers
	var needs []Need
	for _, effect := range searched {
		for _, j := range judges {
			pairs, err := PairsFor(ctx, 0.9, math.Log1p(effect), on, j, search)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", on.Name, err)
			}
			needs = append(needs, Need{j.Name, effect, pairs})
		}
	}
	return needs, nil
}

func rateOf(hits []bool) Rate {
	var r Rate
	for _, hit := range hits {
		r.add(hit)
	}
	return r
}
