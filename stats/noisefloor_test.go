package stats

import (
	"math"
	"testing"
)

func TestNoiseFloor(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		d    []float64
		want float64
	}{
		{"empty", nil, nan},
		{"three", []float64{1, 2, 3}, nan},
		{"NaN", []float64{1, 2, 3, 4, nan}, nan},
		{"alike", []float64{1, 1, 1, 1, 1}, 0},
		// Averages 0 ½ 1 1 1½ 1½ 2 2 2 2½ 2½ 3 3 3½ 4: between fourth and fifth.
		{"steps", []float64{0, 1, 2, 3, 4}, 1.5 / normalIQR},
		{"elsewhere", []float64{10, 11, 12, 13, 14}, 1.5 / normalIQR},
		{"failures", []float64{0, 1, 2, 3, 4, inf, -inf, inf}, nan},
	} {
		if got := NoiseFloor(tt.d); !same(got, tt.want) && !near(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Of starts that scatter by 4 %, and of some that are far out besides.
func TestNoiseFloorOnAverage(t *testing.T) {
	const runs, noise = 1000, 0.04
	rng := newRand(31)
	for _, n := range []int{8, 12, 20, 40} {
		clean, spoilt := 0.0, 0.0
		for range runs {
			d := make([]float64, n)
			for i := range d {
				d[i] = noise * (rng.NormFloat64() - rng.NormFloat64())
			}
			clean += NoiseFloor(d) / runs
			d[0] = 100
			spoilt += NoiseFloor(d) / runs
		}
		t.Logf("n = %d: %.4f, with one that is far out %.4f", n, clean, spoilt)
		if math.Abs(clean/noise-1) > 0.06 {
			t.Errorf("n = %d: %.4f on average", n, clean)
		}
		if spoilt > 2*noise {
			t.Errorf("n = %d: %.4f with one that is far out", n, spoilt)
		}
	}
}
