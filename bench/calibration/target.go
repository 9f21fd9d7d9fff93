package calibration

import (
	"context"
	"fmt"
	"math"

	"mlbench/bench"
)

// targetStarts is up to how many starts a target gate is asked: beyond, the
// false passes that are still to come are few.
const targetStarts = 200

// FalsePass runs one candidate against a target that its starts meet at
// exactly the gate's quantile, and reports whether the gate passes.
//
// That is the least favourable truth on the wrong side: any candidate that is
// worse passes less often. The gate is asked after every start, up to 200.
func FalsePass(ctx context.Context, on Regime, seed uint64, repetition int) (bool, error) {
	host, order := on.begin(seed, repetition)
	r := NewRunner(host, 0, 0)
	result, err := simulate(ctx, r, order, nil, func(s *bench.Spec) {
		s.TargetMS = bench.Millis(usual) * math.Exp(on.P90)
		s.Quantile, s.TargetGates, s.MaxPairs = 0.9, true, targetStarts
	}, baselineRef)
	if err != nil {
		return false, fmt.Errorf("%s, repetition %d: %w", on.Name, repetition, err)
	}
	for _, g := range result.Gates {
		if g.Name == bench.GateTarget {
			return g.Verdict == bench.Pass, nil
		}
	}
	return false, fmt.Errorf("%s: no target gate after %d starts", on.Name, len(result.Starts))
}
