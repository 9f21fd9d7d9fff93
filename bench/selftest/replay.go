package selftest

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mlbench/bench"
	"mlbench/bench/calibration"
)

// AA is how often identical images are told apart here.
type AA struct {
	// Claims of Replays said that there is a difference, at any look.
	Claims  int `json:"claims"`
	Replays int `json:"replays"`
	// Low and High are Wilson's 95 % interval of the true share.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Pairs is how many recorded ones were judged again.
	Pairs int `json:"pairs"`
	// Comparison is what was said of the order as it was drawn.
	Comparison bench.Comparison `json:"comparison"`
}

// replay lets the real experiment, with its schedule, stopping rule and
// verdicts, meet the recorded pairs of a program with itself again and again,
// each time with the order within every pair drawn anew. Which of the two was
// called the baseline was drawn in the first place, so every replay is as
// likely to have happened as what did, whatever the host was up to.
func replay(ctx context.Context, same *bench.Result, plan Plan) (AA, error) {
	a := AA{Comparison: same.Comparisons[0], High: 1}
	samples := recorded(same)
	if a.Pairs = len(samples) / 2; a.Pairs == 0 {
		return a, nil
	}
	host := calibration.Regime{Name: "recorded", New: func(*rand.Rand) calibration.Host {
		next := -2 // of the two warm-ups nothing is judged
		return calibration.HostFunc(func() calibration.Sample {
			s := samples[max(next, 0)]
			next++
			return s
		})
	}}
	adjust := func(s *bench.Spec) {
		s.MaxPairs, s.NoCovariate = a.Pairs, plan.NoCovariate
		s.MinPairs = min(s.MinPairs, s.MaxPairs)
	}
	var claims, next atomic.Int64
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := next.Add(1); n <= int64(plan.Replays) && ctx.Err() == nil; n = next.Add(1) {
				outcome, err := calibration.Compare(ctx, host, 0, plan.Seed, int(n), adjust)
				if err != nil {
					cancel(err)
				} else if outcome.Claimed {
					claims.Add(1)
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return a, err
	}
	a.Claims, a.Replays = int(claims.Load()), plan.Replays
	a.Low, a.High = calibration.Rate{Hits: a.Claims, Of: a.Replays}.Wilson()
	return a, nil
}

// recorded are the pairs both of whose starts were ready, one start after the
// other as they were made.
func recorded(same *bench.Result) []calibration.Sample {
	blocks := make(map[int][]bench.Start)
	var order []int
	for _, s := range same.Starts {
		if s.Failed() {
			continue
		}
		if blocks[s.Block] == nil {
			order = append(order, s.Block)
		}
		blocks[s.Block] = append(blocks[s.Block], s)
	}
	slices.Sort(order)
	var samples []calibration.Sample
	for _, b := range order {
		if len(blocks[b]) != 2 {
			continue
		}
		for _, s := range blocks[b] {
			// Relative to the middle: the host's usual start is a second there.
			sample := calibration.Sample{
				Log:        math.Log(s.Time() / same.Summary(0).Ready.Estimate),
				Covariates: s.Covariates,
			}
			if s.CPUMS != nil {
				sample.CPU = time.Duration(*s.CPUMS * float64(time.Millisecond))
			}
			samples = append(samples, sample)
		}
	}
	return samples
}
