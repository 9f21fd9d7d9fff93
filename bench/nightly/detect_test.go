package nightly

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/stats"
)

func trackOfLogs(logs ...float64) *history.Track {
	t := &history.Track{ID: "t", Candidate: "svc"}
	for i, x := range logs {
		t.Nights = append(t.Nights, history.Night{Run: fmt.Sprint(i), Digest: fmt.Sprint("sha256:", i), Log: x})
	}
	return t
}

func quietLogs(n int) (logs []float64) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range n {
		logs = append(logs, 0.01*rng.NormFloat64())
	}
	return logs
}

func TestMinNights(t *testing.T) {
	d := DefaultDetector()
	n := d.MinNights()
	// A step of the last two of n is as rare as it can be; of n − 1 it is not rare enough.
	for _, tt := range []struct {
		nights int
		found  bool
	}{{n, true}, {n - 1, false}} {
		x := append(quietLogs(tt.nights-2), 1, 1.001)
		found := stats.Divisive{MinSize: d.MinSize, P: d.P, Permutations: 9999, Seed: 3}.ChangePoints(x)
		if (len(found) == 1 && found[0].Index == tt.nights-2) != tt.found {
			t.Errorf("%d nights: %+v", tt.nights, found)
		}
	}
	if n != 10 {
		t.Errorf("%d nights, and the help says ten", n)
	}
}

func TestSearch(t *testing.T) {
	d := DefaultDetector()
	inf := math.Inf(1)
	base := quietLogs(20)
	step := func(more ...float64) *history.Track {
		return trackOfLogs(append(append([]float64(nil), base...), more...)...)
	}
	change := func(state history.State, after, night string, nights int) history.Change {
		return history.Change{Series: "t", State: state, After: history.Moment{Run: after}, Night: night, Nights: nights}
	}
	for _, tt := range []struct {
		name    string
		track   *history.Track
		changes []history.Change
		nights  int
		needs   int
		before  string // of the suspicion; "" for none
		after   string
	}{
		{"the first night", trackOfLogs(0.1), nil, 1, 9, "", ""},
		{"nothing", trackOfLogs(base...), nil, 20, 0, "", ""},
		{"one odd night", step(0.5), nil, 21, 0, "", ""},
		{"a step", step(0.1, 0.11), nil, 22, 0, "19", "20"},
		{"a step, one night not known", step(0.1, inf, 0.11), nil, 23, 0, "19", "20"},
		{"tonight not known", step(0.1, 0.11, inf), nil, 23, 0, "", ""},
		{"all the same", trackOfLogs(make([]float64, 30)...), nil, 30, 0, "", ""},
		{"told of", step(0.1, 0.11), []history.Change{change(history.SlowDown, "20", "21", 2)}, 2, 8, "", ""},
		{"told of, its night damaged", step(0.1, 0.11), []history.Change{change(history.SlowDown, "gone", "21", 2)}, 1, 9, "", ""},
		{"of another series", step(0.1, 0.11), []history.Change{{Series: "u", State: history.SlowDown, After: history.Moment{Run: "20"}}}, 22, 0, "19", "20"},
		{"refuted", step(0.1, 0.11, 0.1), []history.Change{change(history.Refuted, "20", "21", 2)}, 23, 0, "", ""},
		{"refuted, and now twice as many", step(0.1, 0.11, 0.1, 0.1), []history.Change{change(history.Refuted, "20", "21", 2)}, 24, 0, "19", "20"},
		{"not settled", step(0.1, 0.11, 0.1), []history.Change{change(history.Suspected, "20", "21", 2)}, 23, 0, "19", "20"},
		{"refuted, and another later", step(0.1, 0.11, 0.1, 0.1, 0.1, 0.1, 0.3, 0.3, 0.3), []history.Change{change(history.Refuted, "20", "25", 6)}, 29, 0, "25", "26"},
	} {
		f := d.Search(tt.track, tt.changes)
		before, after := "", ""
		if f.Suspicion != nil {
			before, after = f.Suspicion.Before.Run, f.Suspicion.After.Run
		}
		if f.Nights != tt.nights || f.Needs != tt.needs || before != tt.before || after != tt.after {
			t.Errorf("%s: %+v, suspicion between %q and %q", tt.name, f, before, after)
		}
	}
	s := d.Search(step(0.1, 0.11), nil).Suspicion
	if math.Abs(s.Seen-math.Expm1(0.105)) > 0.01 || s.Nights != 2 || len(s.Level) != 20 || !(s.P <= d.P) {
		t.Errorf("%+v", s)
	}
}

func TestStateOf(t *testing.T) {
	for _, tt := range []struct {
		verdict bench.Verdict
		high    float64
		want    history.State
	}{
		{bench.Regression, 0.2, history.SlowDown},
		{bench.Slower, 0.06, history.SlowDown},
		{bench.Slower, 0.04, history.SlightSlowDown},
		{bench.Faster, -0.1, history.SpeedUp},
		{bench.NoRegression, 0.01, history.Refuted},
		{bench.Undecided, 0.2, history.Suspected},
	} {
		if got := stateBy(bench.Change{High: tt.high}, tt.verdict, 0.05); got != tt.want {
			t.Errorf("%s up to %v: %s, want %s", tt.verdict, tt.high, got, tt.want)
		}
	}
}

// The interval against a level covers what it says, also where nights scatter by
// more than one measurement can know.
func TestAgainstLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, tt := range []struct {
		wobble        float64
		before, since int
	}{{0, 12, 2}, {0.02, 12, 2}, {0, 2, 8}, {0.02, 2, 8}, {0.02, 5, 5}} {
		wobble, missed := tt.wobble, 0
		const all = 2000
		for range all {
			measured := func(pairs int) stats.Interval {
				at := wobble * rng.NormFloat64()
				d := make([]float64, pairs)
				for i := range d {
					d[i] = at + 0.06*rng.NormFloat64()
				}
				return stats.HodgesLehmann(d, stats.Cutoff(pairs, 0.025))
			}
			var level, since []float64
			for range tt.before {
				level = append(level, measured(20).Estimate)
			}
			for range tt.since {
				since = append(since, measured(20).Estimate)
			}
			if i := againstLevel(measured(40), level, since); i.Low > 0 || i.High < 0 || math.IsInf(i.Low, 0) {
				missed++
			}
		}
		if share := float64(missed) / all; share > 0.065 {
			t.Errorf("%+v: misses in %.3f", tt, share)
		}
	}
	if i := againstLevel(stats.Interval{Estimate: math.Inf(1), Low: math.Inf(1), High: math.Inf(1)}, quietLogs(12), nil); !math.IsInf(i.Low, 1) {
		t.Errorf("a candidate that fails: %+v", i)
	}
}

func TestMost(t *testing.T) {
	got := most([]history.PhaseShift{{Name: "boot", ShiftMS: 30}, {Name: "create", ShiftMS: -50}, {Name: "warmup", ShiftMS: 10}, {Name: "pull", ShiftMS: math.Inf(1)}}, 40)
	if got == nil || got.Name != "boot" || got.Share != 0.75 {
		t.Errorf("%+v", got)
	}
	if most([]history.PhaseShift{{Name: "boot", ShiftMS: -30}}, 40) != nil || most(nil, 1) != nil {
		t.Error("a phase that changed the other way")
	}
}
