package stats

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func TestQuantileChange(t *testing.T) {
	nan := math.NaN()
	shifted := func(n int, by float64) []float64 {
		x := upTo(n)
		for i := range x {
			x[i] += by
		}
		return x
	}
	failed := func(n int) []float64 {
		x := upTo(n)
		for i := range n / 2 {
			x[2*i] = inf
		}
		return x
	}
	for _, tt := range []struct {
		name                string
		baseline, candidate []float64
		q, alpha            float64
		want                Interval
		ok                  bool
	}{
		{"empty", nil, nil, 0.5, 0.05, unknown(0), false},
		{"29 pairs", upTo(29), upTo(29), 0.5, 0.05, unknown(0), false},
		{"lengths", upTo(30), upTo(31), 0.5, 0.05, unknown(0), false},
		{"NaN", append(upTo(30), nan), upTo(31), 0.5, 0.05, unknown(0), false},
		{"p95 of 30", upTo(30), upTo(30), 0.95, 0.05, unknown(0), false},
		{"p05 of 30", upTo(30), upTo(30), 0.05, 0.05, unknown(0), false},
		{"q NaN", upTo(30), upTo(30), nan, 0.05, unknown(0), false},
		{"alpha 0", upTo(30), upTo(30), 0.5, 0, unknown(0), false},
		{"alpha NaN", upTo(30), upTo(30), 0.5, nan, unknown(0), false},
		{"so small an alpha", upTo(30), upTo(30), 0.5, 1e-9, unknown(0), true},
		// Pairs stay together, so a shift of all is known without doubt.
		{"the same", upTo(30), upTo(30), 0.9, 0.05, Interval{0, 0, 0}, true},
		{"p95 of 60", upTo(60), shifted(60, 2), 0.95, 0.05, Interval{2, 2, 2}, true},
		{"half of the candidate's failed", upTo(40), failed(40), 0.9, 0.05, Interval{inf, inf, inf}, true},
		{"half of both", failed(40), failed(40), 0.9, 0.05, unknown(0), true},
	} {
		got, ok := QuantileChange(tt.baseline, tt.candidate, tt.q, tt.alpha, 1)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v, %v, want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}

	rng := newRand(33)
	a, b := make([]float64, 40), make([]float64, 40)
	for i := range a {
		a[i], b[i] = rng.NormFloat64(), 0.5+rng.NormFloat64()
	}
	a0, b0 := slices.Clone(a), slices.Clone(b)
	one, _ := QuantileChange(a, b, 0.5, 0.05, 7)
	again, _ := QuantileChange(a, b, 0.5, 0.05, 7)
	if one != again || !slices.Equal(a, a0) || !slices.Equal(b, b0) {
		t.Errorf("%v, then %v, or the arguments were changed", one, again)
	}
	if m, _ := QuantileChange(b, a, 0.5, 0.05, 7); m != (Interval{-one.Estimate, -one.High, -one.Low}) {
		t.Errorf("exchanged: %v, then %v", one, m)
	}
	if strict, _ := QuantileChange(a, b, 0.5, 0.01, 7); strict.Low > one.Low || strict.High < one.High {
		t.Errorf("alpha 0.01: %v, alpha 0.05: %v", strict, one)
	}
}

// The coverage that the doc comment gives, on a few of its hosts.
func TestQuantileChangeCoverage(t *testing.T) {
	const runs, noise, effect = 300, 0.15, 0.1
	for _, tt := range []struct {
		rho     float64
		n       int
		q       float64
		atLeast float64
	}{{0, 30, 0.5, 0.94}, {0, 30, 0.9, 0.93}, {0.5, 40, 0.5, 0.94}, {0.5, 40, 0.9, 0.93}} {
		t.Run(fmt.Sprintf("ρ = %v, n = %d, q = %v", tt.rho, tt.n, tt.q), func(t *testing.T) {
			t.Parallel()
			rng := newRand(34)
			truth := math.Exp(noise*distuv.UnitNormal.Quantile(tt.q)) * math.Expm1(effect)
			covered := 0
			for range runs {
				next := autoregressive(rng, tt.rho)
				baseline, candidate := make([]float64, tt.n), make([]float64, tt.n)
				for i := range tt.n {
					u, v := next(), next()
					if rng.IntN(2) == 0 {
						u, v = v, u
					}
					baseline[i], candidate[i] = math.Exp(u/0.04*noise), math.Exp(v/0.04*noise+effect)
				}
				iv, ok := QuantileChange(baseline, candidate, tt.q, 0.05, rng.Uint64())
				covered += count(ok && iv.Low <= truth && truth <= iv.High)
			}
			_, high := wilson(covered, runs, 2.6)
			t.Logf("covers in %.1f %%", 100*float64(covered)/runs)
			if high < tt.atLeast {
				t.Errorf("covers in at most %.3f", high)
			}
		})
	}
}

func FuzzQuantileChange(f *testing.F) {
	f.Add(bytesOf(1, 2, 4), bytesOf(inf, 3), 0.9, 0.05, uint64(1))
	f.Add(bytesOf(math.MaxFloat64, -inf), bytesOf(-math.MaxFloat64), 0.5, 1-1e-16, uint64(0))
	f.Fuzz(func(t *testing.T, first, second []byte, q, alpha float64, seed uint64) {
		a, b := decoded(first), decoded(second)
		for len(a) > 0 && len(a) < 30 {
			a = append(a, a...)
		}
		for len(b) > 0 && len(b) < len(a) {
			b = append(b, b...)
		}
		b = b[:min(len(a), len(b))]
		got, ok := QuantileChange(a, b, q, alpha, seed)
		if !(got.Low <= got.Estimate && got.Estimate <= got.High) || !ok && got != unknown(0) {
			t.Fatalf("%v, %v of %v and %v, q %v, alpha %v", got, ok, a, b, q, alpha)
		}
	})
}

func BenchmarkQuantileChange(b *testing.B) {
	rng := newRand(35)
	x, y := make([]float64, 40), make([]float64, 40)
	for i := range x {
		x[i], y[i] = rng.NormFloat64(), rng.NormFloat64()
	}
	for b.Loop() {
		QuantileChange(x, y, 0.9, 0.05, 1)
	}
}
