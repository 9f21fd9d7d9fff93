package stats

import (
	"fmt"
	"math"
	"testing"
)

// Newcombe (1998, Statistics in Medicine 17, 857–872), table I, "exact".
func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		s         Share
		low, high float64
	}{
		{Share{81, 182}, 0.2527, 0.3676},
		{Share{15, 133}, 0.0578, 0.1617},
		{Share{0, 20}, 0, 0.1684},
		{Share{1, 28}, 0.0009, 0.1776},
		{Share{}, 0, 1},
		{Share{-5, -2}, 0, 1},
	} {
		low, high := tt.s.Bounds(0.025)
		if math.Abs(low-tt.low) > 6e-5 || math.Abs(high-tt.high) > 6e-5 {
			t.Errorf("%v: %.4f to %.4f, want %.4f to %.4f", tt.s, low, high, tt.low, tt.high)
		}
	}
	for _, alpha := range []float64{0, 1, -1, 2, math.NaN()} {
		if low, high := (Share{5, 5}).Bounds(alpha); low != 0 || high != 1 {
			t.Errorf("alpha %v: %v to %v", alpha, low, high)
		}
	}
}

func TestMoreNeeded(t *testing.T) {
	for _, tt := range []struct {
		s                 Share
		q                 float64
		fixed, sequential int
	}{
		{Share{}, 0.5, 5, 6},
		{Share{}, 0.9, 29, 39},
		{Share{}, 0.95, 59, 80},
		{Share{}, 0.99, 299, 409},
		{Share{12, 0}, 0.9, 17, 27},
		{Share{29, 0}, 0.9, 0, 10},
		{Share{100, 0}, 0.9, 0, 0},
		{Share{19, 1}, 0.9, 26, 43},
		{Share{}, 0, 0, 0},
		{Share{}, 1, -1, -1},
		{Share{}, math.NaN(), -1, -1},
	} {
		if got := tt.s.MoreNeeded(tt.q, 0.05, false); got != tt.fixed {
			t.Errorf("%v, %v, fixed: %d, want %d", tt.s, tt.q, got, tt.fixed)
		}
		got := tt.s.MoreNeeded(tt.q, 0.05, true)
		if got != tt.sequential {
			t.Errorf("%v, %v, sequential: %d, want %d", tt.s, tt.q, got, tt.sequential)
		}
		if got > 0 && (Share{tt.s.InTime + got - 1, tt.s.Missed}).SequentialDecision(tt.q, 0.05) == Above {
			t.Errorf("%v, %v, sequential: %d is not the fewest", tt.s, tt.q, got)
		}
	}
	if got := (Share{math.MaxInt, math.MaxInt}).MoreNeeded(0.9, 0.05, true); got != -1 && got <= 0 {
		t.Errorf("huge: %d", got)
	}
}

func TestDecisions(t *testing.T) {
	for _, tt := range []struct {
		s                 Share
		q, alpha          float64
		fixed, sequential Decision
	}{
		{Share{28, 0}, 0.9, 0.05, Undecided, Undecided},
		{Share{29, 0}, 0.9, 0.05, Above, Undecided},
		{Share{38, 0}, 0.9, 0.05, Above, Undecided},
		{Share{39, 0}, 0.9, 0.05, Above, Above},
		{Share{0, 2}, 0.9, 0.05, Below, Below},
		{Share{0, 1}, 0.9, 0.05, Undecided, Undecided},
		{Share{10, 10}, 0.9, 0.05, Below, Below},
		{Share{}, 0.9, 0.05, Undecided, Undecided},
		{Share{}, 0, 0.05, Above, Above},
		{Share{}, -inf, 0.05, Above, Above},
		{Share{5, 0}, 1, 0.05, Undecided, Undecided},
		{Share{5, 1}, 1, 0.05, Below, Below},
		{Share{5, 0}, 2, 0.05, Below, Below},
		{Share{50, 0}, 0.9, math.NaN(), Undecided, Undecided},
		{Share{50, 0}, 0.9, 0, Undecided, Undecided},
		{Share{50, 0}, math.NaN(), 0.05, Undecided, Undecided},
	} {
		if got := tt.s.FixedDecision(tt.q, tt.alpha); got != tt.fixed {
			t.Errorf("%v, q %v, alpha %v, fixed: %v", tt.s, tt.q, tt.alpha, got)
		}
		if got := tt.s.SequentialDecision(tt.q, tt.alpha); got != tt.sequential {
			t.Errorf("%v, q %v, alpha %v, sequential: %v", tt.s, tt.q, tt.alpha, got)
		}
	}
	if got := fmt.Sprint(Undecided, Above, Below, Decision(7)); got != "undecided above below Decision(7)" {
		t.Error(got)
	}
}

// Looked at after every start, at a true share on the limit, the sequence
// passes falsely in at most 5 %; a true share just under it likewise fails.
func TestSequentialDecisionErrs(t *testing.T) {
	const runs, starts = 10000, 100
	rng := newRand(8)
	type answer struct{ sequential, fixed Decision }
	answers := map[Share]answer{}
	passed, failed, peeked := 0, 0, 0
	for range runs {
		var s Share
		var pass, fail, peek bool
		for range starts {
			if rng.Float64() < 0.9 {
				s.InTime++
			} else {
				s.Missed++
			}
			a, ok := answers[s]
			if !ok {
				a = answer{s.SequentialDecision(0.9, 0.05), s.FixedDecision(0.9, 0.05)}
				answers[s] = a
			}
			pass, fail = pass || a.sequential == Above, fail || a.sequential == Below
			peek = peek || a.fixed == Above
		}
		passed, failed, peeked = passed+count(pass), failed+count(fail), peeked+count(peek)
	}
	t.Logf("false pass %.2f %%, false fail %.2f %%; peeking at Clopper–Pearson %.2f %%",
		100*float64(passed)/runs, 100*float64(failed)/runs, 100*float64(peeked)/runs)
	for _, k := range []int{passed, failed} {
		if low, _ := wilson(k, runs, 1.96); low > 0.05 {
			t.Errorf("errs in at least %.4f", low)
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func FuzzShare(f *testing.F) {
	f.Add(10, 1, 0.9, 0.05)
	f.Add(-1, math.MaxInt, 1e-300, 1e-300)
	f.Fuzz(func(t *testing.T, in, missed int, q, alpha float64) {
		s := Share{in, missed}
		low, high := s.Bounds(alpha)
		if !(0 <= low && low <= 1 && 0 <= high && high <= 1) || alpha <= 0.5 && low > high {
			t.Fatalf("%v at %v: %v to %v", s, alpha, low, high)
		}
		s.FixedDecision(q, alpha)
		s.SequentialDecision(q, alpha)
		for _, sequential := range []bool{false, true} {
			if m := s.MoreNeeded(q, alpha, sequential); m < -1 {
				t.Fatalf("%v: %d more", s, m)
			}
		}
	})
}
