package calibration

import (
	"math"
	"testing"
)

// Newcombe 1998, Stat. Med. 17, 857–872, table I, method 3.
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		hits, of  int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{29, 29, 0.8830, 1},
		{0, 0, 0, 1},
	} {
		low, high := Rate{tt.hits, tt.of}.Wilson()
		if math.Abs(low-tt.low) > 5e-5 || math.Abs(high-tt.high) > 5e-5 {
			t.Errorf("%d of %d: [%.4f, %.4f], want [%.4f, %.4f]", tt.hits, tt.of, low, high, tt.low, tt.high)
		}
	}
}

func TestRateAgainstGoals(t *testing.T) {
	for _, tt := range []struct {
		rate        Rate
		over, under bool // a goal of 5 %
	}{
		{Rate{100, 2000}, false, false},
		{Rate{119, 2000}, false, false},
		{Rate{121, 2000}, true, false},
		{Rate{80, 2000}, false, true},
		{Rate{0, 0}, false, false},
	} {
		if over, under := tt.rate.Exceeds(0.05), tt.rate.FallsShort(0.05); over != tt.over || under != tt.under {
			t.Errorf("%v: exceeds %v, falls short %v", tt.rate, over, under)
		}
	}
}

func TestMean(t *testing.T) {
	var m Mean
	for _, x := range []float64{8, 12, 16, 20} {
		m.add(x)
	}
	if got, want := m.String(), "14.0 ± 5.1"; got != want { // 1.96·5.164/2
		t.Errorf("%s, want %s", got, want)
	}
	if !m.Exceeds(8.9) || m.Exceeds(9) {
		t.Error("a goal of 9 is on the edge of the interval")
	}
}
