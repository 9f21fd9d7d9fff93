package stats

import (
	"fmt"
	"math"
	"testing"
)

func TestSignedRankCDF(t *testing.T) {
	if got, want := fmt.Sprint(SignedRankCDF(3)), "[0.125 0.25 0.375 0.625 0.75 0.875 1]"; got != want {
		t.Errorf("n = 3: %s, want %s", got, want)
	}
	// Hollander, Wolfe and Chicken, table A.4 (upper tails, mirrored).
	for _, tt := range []struct {
		n, w int
		want float64
	}{{5, 0, 0.031}, {8, 3, 0.020}, {10, 8, 0.024}, {10, 10, 0.042}, {15, 25, 0.024}} {
		if got := SignedRankCDF(tt.n)[tt.w]; math.Abs(got-tt.want) > 0.0006 {
			t.Errorf("n = %d: P(W <= %d) = %.4f, want %.3f", tt.n, tt.w, got, tt.want)
		}
	}
	for _, n := range []int{-1, 0, 1, 2, 7, 100, 1000} {
		p := SignedRankCDF(n)
		m := max(n, 0) * (max(n, 0) + 1) / 2
		if len(p) != m+1 || p[m] != 1 {
			t.Fatalf("n = %d: %d entries, the last %v", n, len(p), p[len(p)-1])
		}
		for w := 1; w <= m; w++ {
			if p[w] < p[w-1] || math.Abs(p[w-1]+p[m-w]-1) > 1e-12 {
				t.Fatalf("n = %d: not a symmetric distribution at %d", n, w)
			}
		}
	}
	if SignedRankCDF(1001) != nil {
		t.Error("n = 1001: a table")
	}
}

// Cutoff is the critical value of the usual tables plus one.
func TestCutoff(t *testing.T) {
	for n, critical := range map[int]int{6: 0, 7: 2, 8: 3, 9: 5, 10: 8, 12: 13, 15: 25, 20: 52, 25: 89, 30: 137, 40: 264, 50: 434} {
		if got := Cutoff(n, 0.025); got != critical+1 {
			t.Errorf("Cutoff(%d, 0.025) = %d, want %d", n, got, critical+1)
		}
	}
	for _, tt := range []struct {
		n     int
		alpha float64
		want  int
	}{
		{5, 0.025, 0}, {0, 0.5, 0}, {-4, 0.5, 0}, {8, 0, 0}, {8, -1, 0}, {8, math.NaN(), 0},
		{8, 1, 18}, {8, math.Inf(1), 18}, {1, 0.5, 1},
	} {
		if got := Cutoff(tt.n, tt.alpha); got != tt.want {
			t.Errorf("Cutoff(%d, %v) = %d, want %d", tt.n, tt.alpha, got, tt.want)
		}
	}
	if c := Cutoff(math.MaxInt, 0.025); c <= 0 {
		t.Errorf("Cutoff of the largest int = %d", c)
	}
}

// The expansion used beyond 1000 pairs, held against the exact tail there.
func TestTailNormal(t *testing.T) {
	exact := tails([]int{exactPairs})[0]
	for c := 1; c <= exact.most(); c++ {
		if d := math.Abs(tailNormal(exactPairs, c) - exact.below(c)); d > 1e-7 {
			t.Fatalf("off by %g at %d", d, c)
		}
	}
}

func BenchmarkCutoff(b *testing.B) {
	for _, n := range []int{40, 400, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Cutoff(n, 0.025)
			}
		})
	}
}
