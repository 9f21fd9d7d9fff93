package calibration

import (
	"math"

	"github.com/aclements/go-moremath/stats"
)

// A Peer is how people judge two images today: a fixed number of starts of
// each, in this order, and a rule by which they differ.
type Peer struct {
	Name        string
	N           int  // starts of each
	Alternating bool // ABAB…; else all of one, then all of the other
	Differ      func(a, b []float64) Claim
}

// Peers are the judgements that calibrations put beside mlbench's.
func Peers() []Peer {
	return []Peer{
		{"hyperfine 10", 10, false, Hyperfine},
		{"Welch 10", 10, false, Welch},
		{"Welch 20", 20, false, Welch},
		{"benchstat 10", 10, false, MannWhitney},
		{"benchstat 20", 20, false, MannWhitney},
		{"ABAB 20", 20, true, MannWhitney},
	}
}

// Judge starts two images of which the second takes e to the effect as long,
// in the peer's order. No start is left out, as none of these tools does.
func (p Peer) Judge(h Host, effect float64) Claim {
	a, b := make([]float64, 0, p.N), make([]float64, 0, p.N)
	for i := range 2 * p.N {
		second := i >= p.N
		if p.Alternating {
			second = i%2 == 1
		}
		if log := h.Next().Log; second {
			b = append(b, math.Exp(log+effect))
		} else {
			a = append(a, math.Exp(log))
		}
	}
	return p.Differ(a, b)
}

// A Claim is that the second of two is slower (1), faster (-1), or nothing.
type Claim int

// claimOf is the direction of the difference of the means or medians.
func claimOf(differ bool, difference float64) Claim {
	switch {
	case !differ || difference == 0:
		return 0
	case difference > 0:
		return 1
	}
	return -1
}

// Hyperfine reads "1.05 ± 0.03 times faster" as people do: different, where 1
// is more than one σ away. hyperfine gives the ratio of the means, slower over
// faster, and σ = ratio·√((s₁/m₁)² + (s₂/m₂)²), from the standard deviations
// of single runs, not of means (compute_relative_speeds in its
// src/benchmark/relative_speed.rs).
func Hyperfine(a, b []float64) Claim {
	x, y := stats.Sample{Xs: a}, stats.Sample{Xs: b}
	ratio := max(x.Mean()/y.Mean(), y.Mean()/x.Mean())
	sigma := ratio * math.Hypot(x.StdDev()/x.Mean(), y.StdDev()/y.Mean())
	return claimOf(ratio-sigma > 1, y.Mean()-x.Mean())
}

// Welch is Welch's (1947) t-test of the means at 5 %, two-sided.
func Welch(a, b []float64) Claim {
	x, y := stats.Sample{Xs: a}, stats.Sample{Xs: b}
	r, err := stats.TwoSampleWelchTTest(x, y, stats.LocationDiffers)
	return claimOf(err == nil && r.P < 0.05, y.Mean()-x.Mean())
}
