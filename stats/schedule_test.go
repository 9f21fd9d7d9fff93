package stats

import (
	"fmt"
	"math"
	"testing"
)

func plan(t testing.TB, first, last int, alpha float64) Schedule {
	t.Helper()
	s, err := NewSchedule(first, last, alpha)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNewSchedule(t *testing.T) {
	for _, tt := range []struct {
		first, last int
		alpha       float64
		want        string
	}{
		{8, 40, 0.05, "[{8 1} {12 9} {16 22} {20 40} {28 99} {40 237}]"},
		{8, 8, 0.05, "[{8 4}]"}, // a plain interval
		{8, 12, 0.05, "[{8 3} {12 13}]"},
		{2, 3, 0.05, "[{2 0} {3 0}]"}, // too few pairs for any claim
		{1, 1, 0.05, "[{1 0}]"},
	} {
		if got := fmt.Sprint(plan(t, tt.first, tt.last, tt.alpha).Looks); got != tt.want {
			t.Errorf("NewSchedule(%d, %d, %v) = %s, want %s", tt.first, tt.last, tt.alpha, got, tt.want)
		}
	}
}

func TestNewScheduleRefuses(t *testing.T) {
	for _, tt := range []struct {
		first, last int
		alpha       float64
	}{
		{0, 40, 0.05}, {-1, 40, 0.05}, {9, 8, 0.05}, {8, 10001, 0.05}, {8, math.MaxInt, 0.05},
		{8, 40, 0}, {8, 40, 1}, {8, 40, -1}, {8, 40, math.NaN()}, {8, 40, math.Inf(1)},
	} {
		if s, err := NewSchedule(tt.first, tt.last, tt.alpha); err == nil {
			t.Errorf("NewSchedule(%d, %d, %v) = %v, want an error", tt.first, tt.last, tt.alpha, s)
		}
	}
}

func TestLookPoints(t *testing.T) {
	for _, tt := range []struct {
		first, last int
		want        string
	}{
		{8, 40, "[8 12 16 20 28 40]"},
		{8, 12, "[8 12]"},
		{8, 8, "[8]"},
		{2, 3, "[2 3]"},
		{5, 20, "[5 8 12 16 20]"},
		{8, 60, "[8 12 16 20 28 36 48 60]"},
		{8, 100, "[8 12 16 20 28 36 48 64 100]"},
		{20, 400, "[20 28 36 48 64 88 120 168 232 400]"},
	} {
		if got := fmt.Sprint(lookPoints(tt.first, tt.last)); got != tt.want {
			t.Errorf("lookPoints(%d, %d) = %s, want %s", tt.first, tt.last, got, tt.want)
		}
	}
	for first := 1; first <= 60; first++ {
		for last := first; last <= 200; last++ {
			ns := lookPoints(first, last)
			for i, n := range ns {
				if i > 0 && n <= ns[i-1] || ns[0] != first || ns[len(ns)-1] != last {
					t.Fatalf("lookPoints(%d, %d) = %v", first, last, ns)
				}
			}
		}
	}
}

// The level of short schedules, exactly.
func TestAttainedExactly(t *testing.T) {
	for _, tt := range []struct{ first, last int }{{8, 12}, {5, 12}, {2, 8}, {3, 12}, {9, 10}, {1, 6}} {
		for _, alpha := range []float64{0.5, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.01, 0.001} {
			s := plan(t, tt.first, tt.last, alpha)
			level := attained(s)
			t.Logf("%v: attained %.4f %%", s, 100*level)
			if level > alpha {
				t.Errorf("%v: attained %v", s, level)
			}
		}
	}
}

// The level of longer schedules, by simulation: nobody may exceed alpha by
// more than three standard errors.
func TestAttainedBySimulation(t *testing.T) {
	for _, tt := range []struct {
		first, last int
		alpha       float64
		runs        int
	}{
		{8, 40, 0.05, 400000}, {8, 40, 0.025, 200000}, {8, 40, 0.01, 200000}, {8, 40, 0.2, 100000},
		{8, 60, 0.05, 200000}, {5, 20, 0.05, 200000}, {8, 100, 0.05, 60000}, {20, 400, 0.05, 10000},
	} {
		t.Run(fmt.Sprintf("%d-%d at %v", tt.first, tt.last, tt.alpha), func(t *testing.T) {
			t.Parallel()
			k := crossings(plan(t, tt.first, tt.last, tt.alpha), tt.runs, newRand(1))
			low, high := wilson(k, tt.runs, 3)
			t.Logf("attained %.3f %% (%.3f to %.3f)", 100*float64(k)/float64(tt.runs), 100*low, 100*high)
			if low > tt.alpha {
				t.Errorf("attains at least %v", low)
			}
			if high < 0.85*tt.alpha {
				t.Errorf("attains at most %v: power is wasted", high)
			}
		})
	}
}

func TestFixedSchedule(t *testing.T) {
	s := FixedSchedule(20, 0.05)
	if l, ok := s.At(20); !ok || l != (Look{20, 53}) || s.Last() != l {
		t.Errorf("FixedSchedule(20, 0.05) = %v", s)
	}
	if _, ok := s.At(19); ok {
		t.Error("a look at 19")
	}
	for _, n := range []int{-3, 0, 1} {
		if s := FixedSchedule(n, 0.05); s.Last() != (Look{1, 0}) {
			t.Errorf("FixedSchedule(%d, 0.05) = %v", n, s)
		}
	}
	if (Schedule{}).Last() != (Look{}) {
		t.Error("an empty schedule has a last look")
	}
}

func FuzzNewSchedule(f *testing.F) {
	f.Add(8, 40, 0.05)
	f.Add(1, 2, 0.999)
	f.Add(399, 400, 1e-300)
	f.Fuzz(func(t *testing.T, first, last int, alpha float64) {
		if last > 500 { // keep it quick
			last = 500
		}
		s, err := NewSchedule(first, last, alpha)
		if err != nil {
			return
		}
		for i, l := range s.Looks {
			if l.C < 0 || l.C > (l.N*(l.N+1)/2+1)/2 || i > 0 && l.N <= s.Looks[i-1].N {
				t.Fatalf("NewSchedule(%d, %d, %v) = %v", first, last, alpha, s)
			}
		}
	})
}

func BenchmarkNewSchedule(b *testing.B) {
	for _, last := range []int{39, 60, 400, 10000} {
		b.Run(fmt.Sprint(last), func(b *testing.B) {
			for b.Loop() {
				plan(b, 8, last, 0.05)
			}
		})
	}
}

func TestLevelOfALook(t *testing.T) {
	for _, test := range []struct {
		look Look
		want float64
	}{
		{Look{N: 8, C: 1}, 2.0 / 256}, // all signs agree
		{Look{N: 8, C: 0}, 1},
		{Look{N: 1, C: 1}, 1},
		{Look{}, 1},
		{Look{N: 3, C: 100}, 1},
	} {
		if got := test.look.Level(); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%+v: %v, want %v", test.look, got, test.want)
		}
	}
}
