package calibration

import (
	"math"
	"strings"
	"testing"

	"mlbench/bench"
)

// The simulated runner and the real experiment together: a clear gain is
// found, and at once.
func TestCompareFindsAGain(t *testing.T) {
	for _, on := range []Regime{Quiet(0.04), Bimodal(0.04, 0.2), WitnessedNoise(0.12, 0.7)} {
		o, err := Compare(t.Context(), on, math.Log(0.7), 1, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if o.Verdict != bench.Faster || !o.Claimed || o.Found != 0 || !o.Covered || o.Pairs > 16 {
			t.Errorf("%s: %+v", on.Name, o)
		}
	}
}

// What one repetition gives follows from seed and number alone, and another
// number gives another.
func TestCompareIsDeterministic(t *testing.T) {
	run := func(repetition int) Outcome {
		o, err := Compare(t.Context(), Autoregressive(0.12, 0.5), 0.05, 3, repetition, nil)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	different := false
	for i := range 10 {
		if a, b := run(i), run(i); a != b {
			t.Errorf("repetition %d: %+v, then %+v", i, a, b)
		}
		different = different || run(i) != run(0)
	}
	if !different {
		t.Error("ten repetitions are alike")
	}
}

// What both starts of a pair share cancels for mlbench: whatever the host's
// speed does from pair to pair, it says the same after as many pairs.
func TestSharedShiftCancels(t *testing.T) {
	plain := Quiet(0.04)
	shared := sharedShift(plain, 0.3)
	shared.Name = plain.Name // the same noise
	for i := range 50 {
		a, err := Compare(t.Context(), plain, 0.07, 4, i, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Compare(t.Context(), shared, 0.07, 4, i, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a != b {
			t.Errorf("repetition %d: %+v, with a shift shared by each pair %+v", i, a, b)
		}
	}
}

// One worker or several: the same report.
func TestMeasureOnSeveralCores(t *testing.T) {
	plan := Plan{
		Regimes: []Regime{Quiet(0.04), WitnessedNoise(0.12, 0.7)}, Targets: []Regime{Autoregressive(0.04, 0.5)},
		Repetitions: 5, Search: Search{Replays: 8, Most: 32, Seed: 5}, Seed: 5,
	}
	var reports [2]string
	for i, workers := range []int{1, 4} {
		p := plan
		p.Workers = workers
		r, err := p.Measure(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.Markdown(&b, "test"); err != nil {
			t.Fatal(err)
		}
		reports[i] = b.String()
	}
	if reports[0] != reports[1] {
		t.Errorf("one worker:\n%s\nfour:\n%s", reports[0], reports[1])
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, on := range []Regime{Regimes(0.04)[0], Regimes(0.12)[0], WitnessedNoise(0.12, 0.7)} {
		b.Run(on.Name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := Compare(b.Context(), on, 0, 1, i, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
