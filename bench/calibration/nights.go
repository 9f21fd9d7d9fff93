package calibration

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/bench/nightly"
	"mlbench/stats"
)

// Nights are a simulated history: one candidate whose image is built anew every
// day, measured against a pinned reference every night on the same host.
type Nights struct {
	Name   string
	Noise  float64 // of a start, as the standard deviation of its logarithm
	Wobble float64 // of the ratio to the reference from night to night, likewise
	Pairs  int     // a night

	// Relevelled verifies against the reference, as where the old image is gone.
	Relevelled bool
}

// The host's own speed: it goes up and down by this from night to night, as a
// logarithm, and falls by this during each night. Both images meet it.
const (
	hostWander = 0.05
	hostDrift  = 0.10
)

// reference is the logarithm of the candidate's usual time over the reference's.
const reference = -0.5

// DefaultNights are the hosts on which nights are simulated. The goals are set on
// the first.
func DefaultNights() []Nights {
	return []Nights{
		{Name: "noise 4 %, wobble 1 %, 20 pairs", Noise: 0.04, Wobble: 0.01, Pairs: 20},
		{Name: "the same, old images gone", Noise: 0.04, Wobble: 0.01, Pairs: 20, Relevelled: true},
		{Name: "noise 4 %, wobble 2 %, 20 pairs", Noise: 0.04, Wobble: 0.02, Pairs: 20},
		{Name: "noise 12 %, wobble 1 %, 20 pairs", Noise: 0.12, Wobble: 0.01, Pairs: 20},
		{Name: "noise 12 %, wobble 1 %, 40 pairs", Noise: 0.12, Wobble: 0.01, Pairs: 40},
		{Name: "noise 18 %, wobble 1 %, 40 pairs", Noise: 0.18, Wobble: 0.01, Pairs: 40},
	}
}

// A night is what became of one.
type night struct {
	state    history.State // of a suspicion that was measured afresh; "" for none
	pairs    int           // that this took
	searched bool          // there were nights enough
}

// simulation is one history on its way.
type simulation struct {
	Nights
	rng      *rand.Rand
	seed     uint64
	track    history.Track
	changes  []history.Change
	detector nightly.Detector
	speed    float64
	levels   []float64 // of the candidate, by night
}

func (h Nights) begin(seed uint64, repetition int) *simulation {
	return &simulation{
		Nights: h, rng: stream(seed, h.Name, repetition), seed: seed, detector: nightly.DefaultDetector(),
		track: history.Track{ID: fmt.Sprintf("%s %d %d", h.Name, seed, repetition), Candidate: candidateRef},
	}
}

// next is one more night with the candidate at this level, a logarithm: measured as
// Hodges and Lehmann estimate it of pairs in random order, searched, and where
// something is suspected measured afresh by the real experiment.
func (s *simulation) next(ctx context.Context, level float64) (night, error) {
	s.speed = 0.9*s.speed + hostWander*s.rng.NormFloat64()
	ratio := reference + level + s.Wobble*s.rng.NormFloat64()
	d := make([]float64, s.Pairs)
	for i := range d {
		begin := s.speed + hostDrift*float64(2*i)/float64(2*s.Pairs)
		first, second := begin+s.Noise*s.rng.NormFloat64(), begin+hostDrift/float64(2*s.Pairs)+s.Noise*s.rng.NormFloat64()
		if s.rng.IntN(2) == 0 {
			first, second = second, first
		}
		d[i] = ratio + first - second
	}
	run := fmt.Sprint(len(s.levels))
	s.levels = append(s.levels, level)
	s.track.Nights = append(s.track.Nights, history.Night{Run: run, Digest: run, Log: stats.HodgesLehmann(d, 0).Estimate})
	f := s.detector.Search(&s.track, s.changes)
	if f.Suspicion == nil {
		return night{searched: f.Needs == 0}, nil
	}
	c := history.Change{
		Series: s.track.ID, Night: run, After: history.Moment{Run: f.Suspicion.After.Run}, Nights: f.Suspicion.Nights,
	}
	pairs, err := s.verify(ctx, f.Suspicion, &c)
	s.changes = append(s.changes, c)
	return night{state: c.State, pairs: pairs, searched: true}, err
}

// verify runs the experiment that mlbench nightly runs, on the same host.
func (s *simulation) verify(ctx context.Context, suspicion *nightly.Suspicion, c *history.Change) (pairs int, err error) {
	was := 0
	if _, err := fmt.Sscan(suspicion.Before.Run, &was); err != nil {
		return 0, err
	}
	now := s.levels[len(s.levels)-1] + s.Wobble*s.rng.NormFloat64()
	effect := now - s.levels[was]
	if s.Relevelled {
		effect = now + reference
	}
	var spec bench.Spec
	ask := func(from *bench.Spec) {
		from.MaxPairs = nightly.DefaultMaxPairs
		*from = nightly.Asked(*from, len(s.changes), suspicion.Seen)
		if s.Relevelled {
			from.Pairs = from.MaxPairs
		}
		spec = *from
	}
	r := NewRunner(Quiet(s.Noise).New(s.rng), effect, 0)
	result, err := simulate(ctx, r, s.rng.Uint64()&bench.MaxSeed, &watcher{}, ask, baselineRef, candidateRef)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.Name, err)
	}
	if s.Relevelled {
		c.Verification, c.State = nightly.Relevelled(result, suspicion, spec)
	} else {
		c.Verification, c.State = nightly.Judged(result, spec)
	}
	return c.Verification.Pairs, nil
}

// A Year is what a year is like in which nothing changes, on average.
type Year struct {
	Alerts     Mean // slow-downs that were verified: false, all of them
	Slight     Mean // slow-downs within the margin, and speed-ups: told, and false too
	Suspicions Mean // measurements afresh
	Pairs      Mean // that those took
}

// yearNights are a year's, after those that a history has to have.
const yearNights = 365

func (h Nights) year(ctx context.Context, seed uint64, repetition int) (alerts, slight, suspicions, pairs int, err error) {
	s := h.begin(seed, repetition)
	for range s.detector.MinNights() - 1 + yearNights {
		n, err := s.next(ctx, 0)
		if err != nil {
			return 0, 0, 0, 0, err
		}
		if n.state == "" {
			continue
		}
		suspicions++
		pairs += n.pairs
		switch n.state {
		case history.SlowDown:
			alerts++
		case history.SlightSlowDown, history.SpeedUp:
			slight++
		}
	}
	return alerts, slight, suspicions, pairs, nil
}

// A Step is what becomes of a true change.
type Step struct {
	Effect float64 // a fraction
	Within Rate    // told within so many nights as promised
	Ever   Rate    // told within mostNights
	After  Mean    // nights until it is told, of those in which it is
	Named  Rate    // of those told, as what it is: a slow-down that fails, or a speed-up
}

const (
	promisedNights = 3
	mostNights     = 14
)

// steps are the true changes that are simulated.
var steps = []float64{0.10, 0.05, -0.10}

// step is after how many nights with the change it is told, the first counted; 0
// where it is not. It comes at a random night once the history is long enough.
func (h Nights) step(ctx context.Context, effect float64, seed uint64, repetition int) (after int, as history.State, err error) {
	s := h.begin(seed, repetition)
	quiet := s.detector.MinNights() + s.rng.IntN(90)
	for range quiet {
		if _, err := s.next(ctx, 0); err != nil {
			return 0, "", err
		}
	}
	for after := 1; after <= mostNights; after++ {
		n, err := s.next(ctx, math.Log1p(effect))
		if err != nil {
			return 0, "", err
		}
		if n.state.Verified() {
			return after, n.state, nil
		}
	}
	return 0, "", nil
}

// A NightsRow is one host.
type NightsRow struct {
	Nights
	Year  Year
	Steps []Step
}

// A NightsPlan says what is measured of mlbench nightly.
type NightsPlan struct {
	Nights  []Nights
	Years   int // of each in which nothing changes
	Steps   int // histories of each true change
	Seed    uint64
	Workers int // goroutines; 0: one a core

	// Progress, if set, is told what is over.
	Progress func(done, of int, what string)
}

// A NightsReport is what a NightsPlan measured.
type NightsReport struct {
	Plan NightsPlan
	Rows []NightsRow
}

// Measure does all that the plan says. What it reports follows from the plan
// alone, whatever the number of workers.
func (p NightsPlan) Measure(ctx context.Context) (*NightsReport, error) {
	report := &NightsReport{Plan: p}
	for i, h := range p.Nights {
		if p.Progress != nil {
			p.Progress(i, len(p.Nights), "nights, "+h.Name)
		}
		row, err := p.row(ctx, h)
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, row)
	}
	return report, nil
}

func (p NightsPlan) row(ctx context.Context, h Nights) (NightsRow, error) {
	row := NightsRow{Nights: h}
	years := make([][4]int, p.Years)
	if err := forEach(ctx, p.Years, p.Workers, func(ctx context.Context, i int) (err error) {
		y := &years[i]
		y[0], y[1], y[2], y[3], err = h.year(ctx, p.Seed, i)
		return err
	}); err != nil {
		return row, err
	}
	for _, y := range years {
		for k, m := range []*Mean{&row.Year.Alerts, &row.Year.Slight, &row.Year.Suspicions, &row.Year.Pairs} {
			m.add(float64(y[k]))
		}
	}
	for _, effect := range steps {
		step := Step{Effect: effect}
		after, states := make([]int, p.Steps), make([]history.State, p.Steps)
		if err := forEach(ctx, p.Steps, p.Workers, func(ctx context.Context, i int) (err error) {
			after[i], states[i], err = h.step(ctx, effect, p.Seed, p.Years+i)
			return err
		}); err != nil {
			return row, err
		}
		for i, n := range after {
			step.Within.add(n > 0 && n <= promisedNights && right(states[i], effect))
			step.Ever.add(n > 0)
			if n > 0 {
				step.After.add(float64(n))
				step.Named.add(right(states[i], effect))
			}
		}
		row.Steps = append(row.Steps, step)
	}
	return row, nil
}

// right reports whether a change is told as what it is: to be slower by more than
// the margin, or by just that, is to fail.
func right(s history.State, effect float64) bool {
	if effect < 0 {
		return s == history.SpeedUp
	}
	return s == history.SlowDown
}
