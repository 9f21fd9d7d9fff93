package stats

import (
	"math"
	"testing"
)

// Identical images on hosts that misbehave: the whole sequential procedure,
// with a coin flip per pair, may tell them apart in at most 5 % of runs.
func TestIdenticalImages(t *testing.T) {
	s := plan(t, 8, 40, 0.05)
	const runs = 2000
	for name, start := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := newRand(2)
			claimed, slower := 0, 0
			for range runs {
				out := compare(s, pairs(start(rng), 0, rng), claims)
				if claims(out.interval) {
					claimed++
				}
				if out.interval.Low > 0 {
					slower++
				}
			}
			low, _ := wilson(claimed, runs, 1.96)
			lowSlower, _ := wilson(slower, runs, 1.96)
			t.Logf("told apart in %.2f %%, called slower in %.2f %%", 100*float64(claimed)/runs, 100*float64(slower)/runs)
			if low > 0.05 || lowSlower > 0.025 {
				t.Errorf("at least %.4f told apart, %.4f called slower", low, lowSlower)
			}
		})
	}
}

// The interval reported at the stop keeps its coverage.
func TestCoverageAtStop(t *testing.T) {
	s := plan(t, 8, 40, 0.05)
	const runs = 2000
	for _, effect := range []float64{0.02, 0.05, 0.1} {
		rng := newRand(3)
		missed := 0
		for range runs {
			out := compare(s, pairs(hosts["quiet"](rng), effect, rng), claims)
			if out.interval.Low > effect || out.interval.High < effect {
				missed++
			}
		}
		low, _ := wilson(missed, runs, 1.96)
		t.Logf("effect %v: missed in %.2f %%", effect, 100*float64(missed)/runs)
		if low > 0.05 {
			t.Errorf("effect %v: at least %.4f missed", effect, low)
		}
	}
}

// Power on a quiet host: 4 % noise a start.
func TestPower(t *testing.T) {
	s := plan(t, 8, 40, 0.05)
	const runs = 1000
	for _, tt := range []struct{ effect, atLeast, pairs float64 }{
		{math.Log(1.05), 0.92, 30},
		{math.Log(1.10), 0.99, 14},
	} {
		rng := newRand(4)
		found, total := 0, 0
		for range runs {
			out := compare(s, pairs(hosts["quiet"](rng), tt.effect, rng), claims)
			total += out.pairs
			if out.interval.Low > 0 {
				found++
			}
		}
		_, high := wilson(found, runs, 1.96)
		mean := float64(total) / runs
		t.Logf("%+.1f %%: found in %.1f %%, %.1f pairs on average", 100*math.Expm1(tt.effect), 100*float64(found)/runs, mean)
		if high < tt.atLeast || mean > tt.pairs {
			t.Errorf("effect %.3f: found in at most %.4f, %.1f pairs", tt.effect, high, mean)
		}
	}
}
