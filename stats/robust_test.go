package stats

import (
	"fmt"
	"math"
	"testing"
)

func TestNewRobustSchedule(t *testing.T) {
	s, err := NewRobustSchedule(8, 40, 0.05)
	if got, want := fmt.Sprint(s.Looks, err), "[{8 1} {12 9} {16 19} {20 36} {28 93} {40 228}] <nil>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, tt := range []struct{ first, last int }{{0, 40}, {9, 8}, {8, 1001}} {
		if _, err := NewRobustSchedule(tt.first, tt.last, 0.05); err == nil {
			t.Errorf("%v: no error", tt)
		}
	}
	if s, _ := NewRobustSchedule(8, 8, 0.05); s.Last().C != 4 {
		t.Errorf("one look: %v, want the plain interval", s)
	}
	for _, alpha := range []float64{0.5, 0.05, 0.01} {
		a, _ := NewRobustSchedule(5, 12, alpha)
		if level := attained(a); level > alpha {
			t.Errorf("%v: attained %v", a, level)
		}
	}
}

// The order that is planned for: every difference is larger than all before,
// so that its rank is its number.
func TestRobustAttained(t *testing.T) {
	s, _ := NewRobustSchedule(8, 40, 0.05)
	const runs = 200000
	rng := newRand(13)
	claimed := 0
	for range runs {
		w, look := 0, 0
		for n := 1; n <= 40; n++ {
			w += n * rng.IntN(2)
			if l := s.Looks[look]; n == l.N {
				if w < l.C || n*(n+1)/2-w < l.C {
					claimed++
					break
				}
				look++
			}
		}
	}
	low, high := wilson(claimed, runs, 3)
	t.Logf("attained %.3f %%", 100*float64(claimed)/runs)
	if low > 0.05 || high < 0.049 {
		t.Errorf("attained %.4f to %.4f", low, high)
	}
}

// Identical images while noise grows a hundredfold, fourfold, or not at all.
func TestRobustOnGrowingNoise(t *testing.T) {
	s, _ := NewRobustSchedule(8, 40, 0.05)
	const runs = 2000
	for name, growth := range map[string]float64{"hundredfold": 100, "fourfold": 4, "steady": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := newRand(14)
			claimed := 0
			for range runs {
				size := 1.0
				out := compare(s, func() float64 {
					size *= math.Pow(growth, 1.0/40)
					return size * rng.NormFloat64()
				}, claims)
				claimed += count(claims(out.interval))
			}
			low, _ := wilson(claimed, runs, 1.96)
			t.Logf("told apart in %.2f %%", 100*float64(claimed)/runs)
			if low > 0.05 {
				t.Errorf("at least %.4f told apart", low)
			}
		})
	}
}
