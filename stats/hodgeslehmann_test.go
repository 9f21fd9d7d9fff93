package stats

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

var inf = math.Inf(1)

// decoded reads a fuzzer's bytes as float64s, of any kind.
func decoded(data []byte) []float64 {
	var x []float64
	for ; len(data) >= 8; data = data[8:] {
		x = append(x, math.Float64frombits(binary.LittleEndian.Uint64(data)))
	}
	return x
}

func bytesOf(x ...float64) []byte {
	var data []byte
	for _, v := range x {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	return data
}

func TestHodgesLehmann(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    []float64
		c    int
		want Interval
	}{
		{"empty", nil, 3, Interval{0, -inf, inf}},
		{"NaN", []float64{1, math.NaN(), 2}, 3, Interval{0, -inf, inf}},
		{"one", []float64{2}, 1, Interval{2, 2, 2}},
		{"c = 0", []float64{1, 2, 4}, 0, Interval{2.25, -inf, inf}}, // 1 1.5 2 2.5 3 4
		{"c < 0", []float64{1, 2, 4}, -7, Interval{2.25, -inf, inf}},
		{"c = 1", []float64{4, 1, 2}, 1, Interval{2.25, 1, 4}},
		{"c = 2", []float64{1, 2, 4}, 2, Interval{2.25, 1.5, 3}},
		{"c too large", []float64{1, 2, 4}, 99, Interval{2.25, 2, 2.5}},
		{"candidate failed once", []float64{1, 2, inf}, 2, Interval{inf, 1.5, inf}},
		{"baseline failed once", []float64{-inf, 1, 2}, 2, Interval{-inf, -inf, 1.5}},
		{"candidate always failed", []float64{inf, inf, inf}, 1, Interval{inf, inf, inf}},
		{"each failed once", []float64{-inf, inf}, 2, Interval{0, -inf, inf}},
		// Averages: -Inf ×6, unknown, 1 … 5 by halves (15 in all), +Inf ×6.
		{"each failed once of seven", []float64{-inf, 1, 2, 3, 4, 5, inf}, 7, Interval{3, -inf, inf}},
		{"the same, looser", []float64{-inf, 1, 2, 3, 4, 5, inf}, 8, Interval{3, 1, 5}},
		{"huge", []float64{math.MaxFloat64, math.MaxFloat64}, 1, Interval{math.MaxFloat64, math.MaxFloat64, math.MaxFloat64}},
	} {
		d := slices.Clone(tt.d)
		if got := HodgesLehmann(d, tt.c); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		for i := range d {
			if math.Float64bits(d[i]) != math.Float64bits(tt.d[i]) {
				t.Errorf("%s: the argument was changed", tt.name)
			}
		}
	}
}

// The order statistics are those of the listed Walsh averages.
func TestHodgesLehmannByListing(t *testing.T) {
	rng := newRand(5)
	for n := 1; n < 40; n++ {
		d := make([]float64, n)
		var all []float64
		for i := range d {
			d[i] = math.Round(10*rng.NormFloat64()) / 10 // with ties and zeros
			for j := range i + 1 {
				all = append(all, (d[i]+d[j])/2)
			}
		}
		slices.Sort(all)
		m := len(all)
		for c := 1; c <= (m+1)/2; c += 1 + m/9 {
			got := HodgesLehmann(d, c)
			if got.Low != all[c-1] || got.High != all[m-c] || math.Abs(got.Estimate-Median(all)) > 1e-15 {
				t.Fatalf("n = %d, c = %d: %v, want %v %v %v", n, c, got, Median(all), all[c-1], all[m-c])
			}
		}
	}
}

func FuzzHodgesLehmann(f *testing.F) {
	f.Add(bytesOf(1, 2, 4), 2)
	f.Add(bytesOf(inf, -inf, 0, math.NaN()), 1)
	f.Add(bytesOf(math.MaxFloat64, -math.MaxFloat64, 5e-324), 1<<40)
	f.Fuzz(func(t *testing.T, data []byte, c int) {
		d := decoded(data)
		got := HodgesLehmann(d, c)
		if !(got.Low <= got.Estimate && got.Estimate <= got.High) {
			t.Fatalf("%v of %v, c = %d", got, d, c)
		}
		for i := range d {
			d[i] = -d[i]
		}
		if m := HodgesLehmann(d, c); m != (Interval{-got.Estimate, -got.High, -got.Low}) {
			t.Fatalf("%v of %v, c = %d, but mirrored %v", got, d, c, m)
		}
		PairsNeeded(d, got.Estimate/2, 0.05)
	})
}

func BenchmarkHodgesLehmann(b *testing.B) {
	rng := newRand(6)
	d := make([]float64, 40)
	for i := range d {
		d[i] = rng.NormFloat64()
	}
	for b.Loop() {
		HodgesLehmann(d, 237)
	}
}
