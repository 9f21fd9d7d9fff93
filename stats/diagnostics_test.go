package stats

import (
	"math"
	"testing"
)

func near(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-9 }

func TestOrderEffect(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name          string
		first, second []float64
		want          OrderTest
	}{
		{"empty", nil, []float64{1}, OrderTest{0, 1, 0, 1}},
		{"apart", []float64{4, 5, 6}, []float64{1, 2, 3}, OrderTest{1.5, 0.1, 3, 3}}, // 2/20
		{"alike", []float64{1, 1}, []float64{1, 1}, OrderTest{0, 1, 2, 2}},
		{"NaN", []float64{nan, 4, 5, 6}, []float64{1, 2, nan, 3}, OrderTest{1.5, 0.1, 3, 3}},
		{"failures", []float64{inf, inf, inf}, []float64{1, 2, 3}, OrderTest{inf, 0.1, 3, 3}},
		{"failures in both", []float64{inf, 1, 2}, []float64{inf, 1, 2}, OrderTest{0, 1, 3, 3}},
	} {
		got := OrderEffect(tt.first, tt.second)
		if !near(got.Effect, tt.want.Effect) || !near(got.P, tt.want.P) || got.First != tt.want.First || got.Second != tt.want.Second {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	// First in a pair slower by 3 %: found, and sized.
	rng := newRand(10)
	var first, second []float64
	for range 100 {
		first = append(first, 0.03+0.05*rng.NormFloat64())
		second = append(second, -0.03+0.05*rng.NormFloat64())
	}
	if got := OrderEffect(first, second); math.Abs(got.Effect-0.03) > 0.01 || got.P > 0.001 {
		t.Errorf("3 %%: %+v", got)
	}
}

func TestDrift(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name  string
		means []float64
		want  Trend
	}{
		{"empty", nil, Trend{0, 1, 0, 0}},
		{"two", []float64{1, 2}, Trend{0, 1, 0, 2}},
		{"up", []float64{1, 2, 3, 4}, Trend{1, 2.0 / 24, math.Expm1(3), 4}},
		{"down", []float64{4, 3, 2, 1}, Trend{-1, 2.0 / 24, math.Expm1(-3), 4}},
		{"one exchange", []float64{1, 2, 4, 3}, Trend{4.0 / 6, 2 * 4.0 / 24, math.Expm1(2), 4}},
		{"alike", []float64{5, 5, 5, 5}, Trend{0, 1, 0, 4}},
		{"NaN", []float64{1, nan, 2, 3, nan, 4}, Trend{1, 2.0 / 24, math.Expm1(3), 4}},
		{"failed at last", []float64{1, 2, 3, inf}, Trend{1, 2.0 / 24, inf, 4}},
		{"failed throughout", []float64{inf, inf, inf}, Trend{0, 1, 0, 3}},
		// By hand: S = 2, tied pairs 2, tau-b = 2/√(6·4); variance (4·3·13 − 2·2·1·9)/18 = 20/3.
		{"ties", []float64{1, 2, 2, 1}, Trend{0, 1, 0, 4}},
		{"ties up", []float64{1, 1, 2, 2}, Trend{4 / math.Sqrt(24), math.Erfc(3 / math.Sqrt(120.0/18) / math.Sqrt2), math.E - 1, 4}},
	} {
		got := Drift(tt.means)
		if !near(got.Tau, tt.want.Tau) || !near(got.P, tt.want.P) || !near(got.Change, tt.want.Change) || got.Blocks != tt.want.Blocks {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	// Exact and approximate p agree where they meet.
	x := make([]float64, exactBlocks)
	rng := newRand(11)
	for i := range x {
		x[i] = 0.01*float64(i) + rng.NormFloat64()
	}
	exact := Drift(x).P
	if approximate := Drift(append(x, 0.5)).P; math.Abs(math.Log(exact/approximate)) > 0.5 {
		t.Errorf("p %v with 100 blocks, %v with 101", exact, approximate)
	}
}

func TestMValue(t *testing.T) {
	clusters := func(at ...float64) []float64 {
		var x []float64
		for _, a := range at {
			for i := range 9 {
				x = append(x, a+0.01*float64(i-4))
			}
		}
		return x
	}
	for _, tt := range []struct {
		name string
		x    []float64
		want float64
	}{
		{"empty", nil, 2},
		{"three", []float64{1, 2, 3}, 2},
		{"alike", []float64{1, 1, 1, 1, 1}, 2},
		{"one cluster", clusters(0), 2},
		{"two", clusters(0, 1), 4},
		{"not finite", append(clusters(0), math.NaN(), inf, -inf), 2},
		{"huge", []float64{-math.MaxFloat64, -1, 1, math.MaxFloat64}, 2},
	} {
		if got := MValue(tt.x); math.Abs(got-tt.want) > 0.3 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMValueRates(t *testing.T) {
	rng := newRand(12)
	const runs = 2000
	for _, n := range []int{10, 20, 40, 80} {
		rate := func(second, noise float64) float64 {
			k := 0
			x := make([]float64, n)
			for range runs {
				for i := range x {
					x[i] = noise*rng.NormFloat64() + second*float64(rng.IntN(2))
				}
				k += count(MValue(x) > 2.8)
			}
			return 100 * float64(k) / runs
		}
		one, near, far := rate(0, 0.04), rate(0.18, 0.04), rate(0.18, 0.02)
		t.Logf("n = %d: over 2.8 in %.1f %% with one mode, %.1f %% and %.1f %% with two", n, one, near, far)
		if n >= 20 && (one > 12 || near < 45 || far < 90) {
			t.Errorf("n = %d: rates are off", n)
		}
	}
}

func TestPairingGain(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"empty", nil, nil, 0},
		{"one", []float64{1}, []float64{2}, 0},
		{"constant", []float64{1, 1}, []float64{2, 2}, 0},
		{"all common", []float64{1, 2, 3}, []float64{2, 3, 4}, 1},
		{"opposite", []float64{1, 2, 3}, []float64{3, 2, 1}, -1},
		{"unrelated", []float64{1, 1, 2, 2}, []float64{1, 2, 1, 2}, 0},
		{"not finite", []float64{1, inf, 2, nan, 3}, []float64{2, 1, 3, 1, 4}, 1},
		{"lengths", []float64{1, 2, 3, 9}, []float64{2, 3, 4}, 1},
		{"huge", []float64{-1e300, 1e300}, []float64{1e300, -1e300}, 0},
	} {
		if got := PairingGain(tt.a, tt.b); !near(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzDiagnostics(f *testing.F) {
	f.Add(bytesOf(1, 2, 3, inf), bytesOf(2, -inf, math.NaN()))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, b := decoded(first), decoded(second)
		if o := OrderEffect(a, b); !(o.P >= 0 && o.P <= 1) || math.IsNaN(o.Effect) {
			t.Fatalf("%+v of %v and %v", o, a, b)
		}
		if d := Drift(a); !(d.P >= 0 && d.P <= 1 && math.Abs(d.Tau) <= 1+1e-12) || math.IsNaN(d.Change) {
			t.Fatalf("%+v of %v", d, a)
		}
		if m := MValue(a); !(m >= 2) || math.IsInf(m, 0) {
			t.Fatalf("%v of %v", m, a)
		}
		if g := PairingGain(a, b); !(g >= -1 && g <= 1) {
			t.Fatalf("%v of %v and %v", g, a, b)
		}
	})
}
