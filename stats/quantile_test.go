package stats

import (
	"math"
	"testing"
)

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func upTo(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(n - i)
	}
	return x
}

func TestMedianAndQuantile(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		x                []float64
		median, p50, p90 float64
	}{
		{nil, nan, nan, nan},
		{[]float64{1, nan}, nan, nan, nan},
		{[]float64{3}, 3, 3, 3},
		{[]float64{2, 1}, 1.5, 1, 2},
		{[]float64{1, inf}, inf, 1, inf},
		{[]float64{-inf, inf}, 0, -inf, inf},
		{upTo(10), 5.5, 5, 9},
		{upTo(11), 6, 6, 10},
	} {
		if m, a, b := Median(tt.x), Quantile(tt.x, 0.5), Quantile(tt.x, 0.9); !same(m, tt.median) || !same(a, tt.p50) || !same(b, tt.p90) {
			t.Errorf("%v: %v, %v, %v", tt.x, m, a, b)
		}
	}
	// ⌈nq⌉ without the rounding error of nq.
	for n := 1; n <= 300; n++ {
		for p := 0; p <= 100; p++ {
			if got, want := rank(n, float64(p)/100), max(1, (n*p+99)/100); got != want {
				t.Fatalf("rank(%d, %d %%) = %d, want %d", n, p, got, want)
			}
		}
	}
	for _, q := range []float64{-0.1, 1.1, nan, inf} {
		if got := Quantile(upTo(3), q); !math.IsNaN(got) {
			t.Errorf("quantile %v = %v", q, got)
		}
	}
}

func TestQuantileInterval(t *testing.T) {
	failed := upTo(40)
	failed[0], failed[1] = inf, inf
	for _, tt := range []struct {
		name     string
		x        []float64
		q, alpha float64
		want     Interval
	}{
		// Order statistics of the median: Hahn and Meeker, table A.15.
		{"five", upTo(5), 0.5, 0.05, Interval{3, -inf, inf}},
		{"six", upTo(6), 0.5, 0.05, Interval{3, 1, 6}},
		{"ten", upTo(10), 0.5, 0.05, Interval{5, 2, 9}},
		{"twenty", upTo(20), 0.5, 0.05, Interval{10, 6, 15}},
		{"p90 of 35", upTo(35), 0.9, 0.05, Interval{32, 28, inf}},
		{"p90 of 36", upTo(36), 0.9, 0.05, Interval{33, 29, 36}},
		{"p90 with failures", failed, 0.9, 0.05, Interval{36, 32, inf}},
		{"q 0", upTo(9), 0, 0.05, Interval{1, -inf, inf}},
		{"q 1", upTo(9), 1, 0.05, Interval{9, -inf, inf}},
		{"alpha 0", upTo(9), 0.5, 0, Interval{5, -inf, inf}},
		{"alpha NaN", upTo(9), 0.5, math.NaN(), Interval{5, -inf, inf}},
		{"empty", nil, 0.5, 0.05, Interval{math.NaN(), -inf, inf}},
	} {
		got := QuantileInterval(tt.x, tt.q, tt.alpha)
		if !same(got.Estimate, tt.want.Estimate) || got.Low != tt.want.Low || got.High != tt.want.High {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestQuantileIntervalCovers(t *testing.T) {
	rng := newRand(9)
	const runs = 4000
	for _, n := range []int{20, 40, 100} {
		for _, q := range []float64{0.5, 0.9} {
			over, under := 0, 0
			x := make([]float64, n)
			for range runs {
				for i := range x {
					x[i] = rng.Float64()
				}
				i := QuantileInterval(x, q, 0.05)
				over, under = over+count(i.Low > q), under+count(i.High < q)
			}
			for _, k := range []int{over, under} {
				if low, _ := wilson(k, runs, 3); low > 0.025 {
					t.Errorf("n = %d, q = %v: misses on one side in at least %.4f", n, q, low)
				}
			}
		}
	}
}

func FuzzQuantileInterval(f *testing.F) {
	f.Add(bytesOf(1, 2, 3, inf), 0.9, 0.05)
	f.Fuzz(func(t *testing.T, data []byte, q, alpha float64) {
		x := decoded(data)
		got := QuantileInterval(x, q, alpha)
		if !math.IsNaN(got.Estimate) && !(got.Low <= got.Estimate && got.Estimate <= got.High) {
			t.Fatalf("%v of %v, q %v, alpha %v", got, x, q, alpha)
		}
		Median(x)
	})
}
