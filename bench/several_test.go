package bench

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
	"mlbench/stats"
)

// noisyBy is noisy with another standard deviation.
func noisyBy(noise float64, seed uint64, base map[string]time.Duration) func(string, int) (runner.Start, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func(ref string, _ int) (runner.Start, error) {
		return runnertest.ReadyIn(time.Duration(float64(base[ref]) * math.Exp(noise*rng.NormFloat64()))), nil
	}
}

// watched keeps what an Observer is told after whole blocks of pairs.
type watched struct {
	silent
	blocks []Progress
}

func (w *watched) Progress(p Progress) {
	if p.Stage == RolePair && p.Done == len(w.blocks)+1 {
		w.blocks = append(w.blocks, p)
	}
}

// settled says of every comparison whether it was, after so many pairs.
func (w *watched) settled(pairs int) []bool {
	var settled []bool
	for _, s := range w.blocks[pairs-1].Standings {
		settled = append(settled, s.Settled)
	}
	return settled
}

// TestSeveral compares two candidates with one baseline.
func TestSeveral(t *testing.T) {
	for _, test := range []struct {
		name   string
		faster string // who is 15 % faster; the other is like the baseline
		want   []Verdict
	}{
		{"the first is faster", "new", []Verdict{Faster, NoRegression}},
		{"the last is faster", "newer", []Verdict{NoRegression, Faster}},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := map[string]time.Duration{"old": time.Second, "new": time.Second, "newer": time.Second}
			base[test.faster] = 850 * time.Millisecond
			w := new(watched)
			// The noise is such that twelve pairs do not settle the equal one.
			e := experiment(&runnertest.Scripted{Script: noisyBy(0.04, 5, base)}, nil, "old", "new", "newer")
			e.Observer = w
			r, err := e.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			schedule, err := stats.NewRobustSchedule(8, 40, 0.05/2)
			if err != nil {
				t.Fatal(err)
			}
			pairs := len(r.blocks(RolePair))
			if _, ok := schedule.At(pairs); !ok || r.Ended != EndedDecided || r.Verdict != Pass || len(r.On(MetricReady)) != 2 {
				t.Fatalf("ended %s after %d pairs, verdict %s: %+v", r.Ended, pairs, r.Verdict, r.Comparisons)
			}
			for i, c := range r.On(MetricReady) {
				if c.Baseline != 0 || c.Candidate != i+1 || c.Verdict != test.want[i] || c.Pairs != pairs {
					t.Errorf("%d of %d pairs: %+v", c.Pairs, pairs, c)
				}
				logs := r.differences(r.pairs(i + 1)).logs
				var want stats.Interval
				for _, look := range schedule.Looks {
					if now := stats.HodgesLehmann(logs[:min(look.N, pairs)], look.C); look.N == 8 {
						want = now
					} else if look.N <= pairs {
						want = now.Within(want)
					}
				}
				if c.Change != relative(want) {
					t.Errorf("the interval is not that of all looks at half of alpha: %+v, want %+v", c.Change, relative(want))
				}
			}
			// The faster one was known at the first look, and the run went on.
			if pairs <= 12 || !reflect.DeepEqual(w.settled(12), []bool{test.faster == "new", test.faster == "newer"}) {
				t.Errorf("settled after 12 of %d pairs: %v", pairs, w.settled(12))
			}
			if got := w.blocks[11]; got.NextLook != 16 || got.Left <= 0 {
				t.Errorf("after 12 pairs, with one comparison open: %+v", got)
			}
			if got := w.blocks[pairs-1]; got.NextLook != 0 || got.Left != 0 || slices.Contains(w.settled(pairs), false) {
				t.Errorf("after all %d pairs: %+v", pairs, got)
			}
			if got := w.blocks[0]; got.NextLook != 12 || len(got.Standings) != 2 || got.Standings[1].Name != "newer" || got.Standings[1].Candidate != 2 {
				t.Errorf("after the first pair: %+v", got)
			}
			sameWhenReadAgain(t, r)
		})
	}
}

// TestOneOfSeveralIsUndecided: a comparison that is decided neither ends the
// run nor hides the one that is not.
func TestOneOfSeveralIsUndecided(t *testing.T) {
	base := map[string]time.Duration{"old": time.Second, "new": 1150 * time.Millisecond, "newer": 1050 * time.Millisecond}
	e := experiment(&runnertest.Scripted{Script: noisy(3, base)}, func(s *Spec) { s.MaxPairs = 16 }, "old", "new", "newer")
	r, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := r.Comparisons[0], r.Comparisons[1]
	if first.Verdict != Regression || second.Verdict == Regression || first.Pairs != 16 || r.Ended != EndedLimit || r.Verdict != Fail {
		t.Errorf("ended %s, verdict %s: %+v", r.Ended, r.Verdict, r.Comparisons)
	}
	var gates []GateVerdict
	for _, g := range r.Gates {
		if g.Name == GateRegression {
			gates = append(gates, g.Verdict)
		}
	}
	if !slices.Equal(gates, []GateVerdict{Fail, Unknown}) {
		t.Errorf("gates %+v", r.Gates)
	}
}

// TestScheduleOfSeveral: k comparisons get a kth of alpha each, so the first
// look that can decide anything comes later.
func TestScheduleOfSeveral(t *testing.T) {
	for _, test := range []struct{ comparisons, first int }{{0, 8}, {1, 8}, {2, 12}, {3, 12}, {9, 12}} {
		got, err := DefaultSpec().schedule(test.comparisons)
		if err != nil {
			t.Fatal(err)
		}
		alpha := 0.05 / float64(max(test.comparisons, 1))
		want, err := stats.NewRobustSchedule(8, 40, alpha)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d comparisons: %+v, want %+v, %v", test.comparisons, got, want, err)
		}
		usable := slices.IndexFunc(got.Looks, func(l stats.Look) bool { return l.C > 0 })
		if first := got.Looks[usable].N; first != test.first {
			t.Errorf("%d comparisons: the first usable look is after %d pairs, want %d", test.comparisons, first, test.first)
		}
		fixed := DefaultSpec()
		fixed.Pairs = 20
		if got, err := fixed.schedule(test.comparisons); err != nil || !reflect.DeepEqual(got, stats.FixedSchedule(20, alpha)) {
			t.Errorf("%d comparisons of 20 pairs: %+v, %v", test.comparisons, got, err)
		}
	}
}

// TestExpectedEndOfSeveral: the run lasts until the slowest comparison.
func TestExpectedEndOfSeveral(t *testing.T) {
	schedule, err := stats.NewRobustSchedule(8, 40, 0.05/2)
	if err != nil {
		t.Fatal(err)
	}
	of := func(settled bool, needs int) Standing {
		return Standing{Comparison: Comparison{NeedsPairs: needs}, Settled: settled}
	}
	x := &run{schedule: schedule}
	for _, test := range []struct {
		standings []Standing
		want      int
	}{
		{[]Standing{of(false, 9), of(false, 9)}, 12},
		{[]Standing{of(false, 9), of(false, 17)}, 20},
		{[]Standing{of(false, 17), of(false, 9)}, 20},
		{[]Standing{of(true, 0), of(false, 25)}, 28},
		{[]Standing{of(false, 25), of(true, 0)}, 28},
		{[]Standing{of(false, 9), of(false, 0)}, 40}, // not known
		{[]Standing{of(false, 9), of(false, 400)}, 40},
		{[]Standing{of(true, 0), of(true, 0)}, 0},
	} {
		if got := x.expectedEnd(test.standings, 12, 40); got != test.want {
			t.Errorf("%+v: after %d pairs, want %d", test.standings, got, test.want)
		}
	}
}

// TestOrderOfSeveral: within a block every order is as likely as any other,
// and every candidate starts once.
func TestOrderOfSeveral(t *testing.T) {
	const seeds, block, orders = 6000, 3, 6
	count := make(map[[3]int]int)
	for seed := range uint64(seeds) {
		o := order(seed, block, 3)
		if sorted := slices.Sorted(slices.Values(o)); !slices.Equal(sorted, []int{0, 1, 2}) {
			t.Fatalf("seed %d: %v is not an order of three", seed, o)
		}
		count[[3]int(o)]++
	}
	chi := 0.0
	for _, n := range count {
		chi += math.Pow(float64(n)-seeds/orders, 2) / (seeds / orders)
	}
	if len(count) != orders || chi > 20.5 { // five degrees of freedom: 0.1 %
		t.Errorf("χ² = %.1f: %v", chi, count)
	}

	script := noisy(1, map[string]time.Duration{"old": time.Second, "new": time.Second, "newer": time.Second})
	r, err := experiment(&runnertest.Scripted{Script: script}, func(s *Spec) { s.Pairs = 20 }, "old", "new", "newer").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range r.blocks(RolePair) {
		for position, candidate := range order(r.Spec.Seed, i, 3) {
			if s := b[candidate]; s == nil || s.Position != position {
				t.Errorf("block %d: candidate %d is not at position %d: %+v", i, candidate, position, s)
			}
		}
	}
}

// TestNoFalseDifferenceOfSeveral: of three identical images one is told apart
// in at most 5 % of the runs, whichever it is.
func TestNoFalseDifferenceOfSeveral(t *testing.T) {
	const repetitions = 150
	base := map[string]time.Duration{"old": time.Second, "new": time.Second, "newer": time.Second}
	script := noisyBy(0.04, 9, base)
	claimed := 0
	for i := range repetitions {
		r, err := experiment(&runnertest.Scripted{Script: script}, func(s *Spec) { s.Seed, s.Cold = uint64(i), Warm }, "old", "new", "newer").Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(r.Comparisons, func(c Comparison) bool { return c.Change.Low > 0 || c.Change.High < 0 }) {
			claimed++
		}
	}
	// 5 % and three standard deviations of that many runs.
	if most := repetitions * (0.05 + 3*math.Sqrt(0.05*0.95/repetitions)); float64(claimed) > most {
		t.Errorf("told apart in %d of %d runs", claimed, repetitions)
	}
}
