package stats

import (
	"math"
	"testing"
)

func TestResolvable(t *testing.T) {
	nan := math.NaN()
	spread := []float64{-3, -2, -1, 0, 1, 2, 3}
	for _, tt := range []struct {
		name         string
		d            []float64
		n            int
		alpha, power float64
	}{
		{"empty", nil, 20, 0.05, 0.9},
		{"one", []float64{1}, 20, 0.05, 0.9},
		{"no spread", []float64{1, 1, 1, 1}, 20, 0.05, 0.9},
		{"NaN", []float64{1, 2, nan}, 20, 0.05, 0.9},
		{"infinite spread", []float64{-inf, 1, inf}, 20, 0.05, 0.9},
		{"no pairs", spread, 0, 0.05, 0.9},
		{"five pairs find nothing", spread, 5, 0.05, 0.9},
		{"alpha 0", spread, 20, 0, 0.9},
		{"alpha 1", spread, 20, 1, 0.9},
		{"alpha NaN", spread, 20, nan, 0.9},
		{"power 1", spread, 20, 0.05, 1},
		{"power under a half", spread, 20, 0.05, 0.4},
		{"power NaN", spread, 20, 0.05, nan},
	} {
		if got := Resolvable(tt.d, tt.n, tt.alpha, tt.power); got != inf {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	want := Resolvable(spread, 20, 0.05, 0.9)
	if !(want > 0 && want < 3) {
		t.Errorf("%v", want)
	}
	for _, other := range []struct {
		name     string
		got, min float64
		max      float64
	}{
		{"elsewhere", Resolvable([]float64{7, 8, 9, 10, 11, 12, 13}, 20, 0.05, 0.9), want, want},
		{"doubled", Resolvable([]float64{-6, -4, -2, 0, 2, 4, 6}, 20, 0.05, 0.9), 2 * want, 2 * want},
		{"four times the pairs", Resolvable(spread, 80, 0.05, 0.9), 0.46 * want, 0.5 * want},
		{"a smaller alpha", Resolvable(spread, 20, 0.01, 0.9), 1.2 * want, 1.4 * want},
		{"less power", Resolvable(spread, 20, 0.05, 0.5), 0.55 * want, 0.7 * want},
		{"a billion pairs", Resolvable(spread, math.MaxInt, 0.05, 0.9), 0, 1e-3 * want},
	} {
		if other.got < other.min || other.got > other.max {
			t.Errorf("%s: %v, want %v to %v", other.name, other.got, other.min, other.max)
		}
	}
}

// The power at the change that is said to be found.
func TestResolvablePower(t *testing.T) {
	const runs, power = 2000, 0.9
	rng := newRand(32)
	for _, noise := range []struct {
		name    string
		draw    func() float64
		atLeast float64
	}{
		{"normal", rng.NormFloat64, 0.87},
		{"Laplace", func() float64 { return rng.ExpFloat64() - rng.ExpFloat64() }, 0.75},
		{"heavy", heavy(rng), 0.70},
	} {
		spread := make([]float64, 2000)
		for i := range spread {
			spread[i] = noise.draw()
		}
		for _, n := range []int{12, 20, 40} {
			change, c := Resolvable(spread, n, 0.05, power), Cutoff(n, 0.025)
			found := 0
			d := make([]float64, n)
			for range runs {
				for i := range d {
					d[i] = change + noise.draw()
				}
				found += count(HodgesLehmann(d, c).Low > 0)
			}
			got := float64(found) / runs
			t.Logf("%s, n = %d: %.2f found in %.1f %%", noise.name, n, change, 100*got)
			if got < noise.atLeast || got > power+0.03 {
				t.Errorf("%s, n = %d: power %.3f", noise.name, n, got)
			}
		}
	}
}

func FuzzResolvable(f *testing.F) {
	f.Add(bytesOf(1, 2, 4), 20, 0.05, 0.9)
	f.Add(bytesOf(inf, -inf, math.NaN()), -1, 1e-300, 1-1e-16)
	f.Fuzz(func(t *testing.T, data []byte, n int, alpha, power float64) {
		d := decoded(data)
		if got := Resolvable(d, n, alpha, power); !(got > 0) {
			t.Fatalf("%v of %v, n = %d, alpha %v, power %v", got, d, n, alpha, power)
		}
		if got := NoiseFloor(d); !math.IsNaN(got) && !(got >= 0 && finite(got)) {
			t.Fatalf("%v of %v", got, d)
		}
	})
}
