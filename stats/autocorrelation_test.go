package stats

import (
	"math"
	"testing"
)

func TestAutocorrelation(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		x    []float64
		want float64
	}{
		{"empty", nil, nan},
		{"two", []float64{1, 2}, nan},
		{"alike", []float64{3, 3, 3}, nan},
		{"NaN", []float64{1, nan, 2}, nan},
		{"a failed start", []float64{1, 2, inf}, nan},
		{"up", []float64{1, 2, 3}, 0},
		{"to and fro", []float64{1, -1, 1, -1}, -0.75},
		{"in two halves", []float64{1, 1, 1, 0, 0, 0}, 0.5}, // 3/4 of 6/4
		{"one miss", []float64{0, 0, 0, 1}, -1.0 / 12},      // 2/16 − 3/16 of 12/16
		{"tiny", []float64{5e-324, 0, 5e-324, 0}, -0.75},
		{"huge", []float64{math.MaxFloat64, -math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64}, -0.75},
	} {
		if got := Autocorrelation(tt.x); !same(got, tt.want) && !near(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Its mean and standard deviation are what the doc comment says.
func TestAutocorrelationOnAverage(t *testing.T) {
	const runs, n = 4000, 40
	rng := newRand(30)
	for _, rho := range []float64{0, 0.5} {
		var sum, square float64
		for range runs {
			next, x := autoregressive(rng, rho), make([]float64, n)
			for range 20 {
				next() // it starts at 0
			}
			for i := range x {
				x[i] = next()
			}
			r := Autocorrelation(x)
			sum, square = sum+r, square+r*r
		}
		mean := sum / runs
		sd := math.Sqrt(square/runs - mean*mean)
		t.Logf("ρ = %v: %.3f ± %.3f", rho, mean, sd)
		if want := rho - (1+3*rho)/n; math.Abs(mean-want) > 0.02 {
			t.Errorf("ρ = %v: %.3f on average, want %.3f", rho, mean, want)
		}
		if rho == 0 && math.Abs(sd*math.Sqrt(n)-1) > 0.1 {
			t.Errorf("standard deviation %.3f", sd)
		}
	}
}

func FuzzAutocorrelation(f *testing.F) {
	f.Add(bytesOf(0, 1, 0, 0, 1))
	f.Add(bytesOf(1e308, -1e308, 1e-308))
	f.Add(bytesOf(1, math.Nextafter(1, 2), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := decoded(data)
		r := Autocorrelation(x)
		known := len(x) >= 3
		for _, v := range x {
			known = known && finite(v)
		}
		if most := math.Cos(math.Pi / float64(len(x)+1)); math.Abs(r) > most+1e-9 || !known && !math.IsNaN(r) {
			t.Fatalf("%v of %v", r, x)
		}
	})
}
