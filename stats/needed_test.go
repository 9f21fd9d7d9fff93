package stats

import (
	"math"
	"testing"
)

func TestPairsNeeded(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name         string
		d            []float64
		bound, alpha float64
		want         int
	}{
		{"empty", nil, 0, 0.05, 0},
		{"one", []float64{1}, 0, 0.05, 0},
		{"no spread", []float64{1, 1, 1}, 0, 0.05, 6}, // six signs that agree
		{"no spread, stricter", []float64{1, 1, 1}, 0, 0.01, 8},
		{"on the bound", []float64{-1, 0, 1}, 0, 0.05, 0},
		{"no spread, on the bound", []float64{1, 1, 1}, 1, 0.05, 0},
		{"infinite spread", []float64{-inf, 1, 2, 3, inf}, 0, 0.05, 0},
		{"failures on the far side", []float64{1, 1, 1, 1, 1, 1, 1, inf}, 0, 0.05, 6},
		{"NaN", []float64{1, nan}, 0, 0.05, 0},
		{"NaN bound", []float64{1, 2}, nan, 0.05, 0},
		{"infinite bound", []float64{1, 2}, inf, 0.05, 0},
		{"alpha 0", []float64{1, 2}, 0, 0, 0},
		{"alpha 2", []float64{1, 2}, 0, 2, 0},
		{"alpha NaN", []float64{1, 2}, 0, nan, 0},
	} {
		if got := PairsNeeded(tt.d, tt.bound, tt.alpha); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// For normal noise the interval ends at the bound after about (π/3)(1.96σ/θ)²
// pairs, whether 10 or 100 have been run.
func TestPairsNeededOnAverage(t *testing.T) {
	rng := newRand(7)
	want := math.Pi / 3 * math.Pow(1.96/0.3, 2)
	for _, n := range []int{10, 30, 100} {
		var all []float64
		for range 400 {
			d := make([]float64, n)
			for i := range d {
				d[i] = rng.NormFloat64()
			}
			// Hold the estimate at 0.3, so that only the spread is guessed.
			d0 := HodgesLehmann(d, 0).Estimate
			for i := range d {
				d[i] += 0.3 - d0
			}
			all = append(all, float64(PairsNeeded(d, 0, 0.05)))
		}
		if got := Median(all); math.Abs(got/want-1) > 0.3 {
			t.Errorf("n = %d: %v needed, want about %.0f", n, got, want)
		}
	}
}
