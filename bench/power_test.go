package bench

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// TestPower runs many scripted comparisons with 4 % of noise, seeded, and
// holds what they say against the design's goals. Going on while "faster" is
// in reach is what finds small improvements: stopping at the first "no
// regression" would call 25 % of true −5 % faster, and 80 % of −10 %.
func TestPower(t *testing.T) {
	const repetitions, noise = 300, 0.04
	for _, test := range []struct {
		name    string
		change  float64
		verdict Verdict
		least   float64 // share of runs that say so
		pairs   float64 // at most, on average
	}{
		{"the same", 0, NoRegression, 0.95, 22},
		{"5 % faster", -0.05, Faster, 0.80, 20},
		{"10 % faster", -0.10, Faster, 0.98, 13},
		{"10 % slower", 0.10, Regression, 0.93, 23},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 5))
			base := map[string]float64{"old": 1, "new": 1 + test.change}
			r := &runnertest.Scripted{Script: func(ref string, _ int) (runner.Start, error) {
				return runnertest.ReadyIn(time.Duration(1e9 * base[ref] * math.Exp(noise*rng.NormFloat64()))), nil
			}}
			said, pairs := 0, 0
			for i := range repetitions {
				result, err := experiment(r, func(s *Spec) { s.Seed, s.Cold = uint64(i), Warm }, "old", "new").Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c := result.Comparisons[0]
				pairs += c.Pairs
				if c.Verdict == test.verdict {
					said++
				}
			}
			share, mean := float64(said)/repetitions, float64(pairs)/repetitions
			if share < test.least || mean > test.pairs {
				t.Errorf("%s in %.3f of the runs, after %.1f pairs", test.verdict, share, mean)
			}
		})
	}
}
