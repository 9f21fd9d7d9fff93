package calibration

import (
	"context"
	"math/rand/v2"
)

// A Search says how thoroughly PairsFor looks.
type Search struct {
	Replays int    // comparisons at each number of pairs
	Most    int    // pairs at which it gives up
	Seed    uint64 // of the hosts and orders
	Workers int    // goroutines; 0: one a core
}

// PairsFor is the smallest number of pairs, fixed beforehand, at which judge
// claims an effect (a logarithm) in its true direction in at least this share
// of the replays; 0 where Most are too few.
//
// It bisects, so it takes power to grow with the pairs. Every number of pairs
// and every judge meets the same hosts and orders: differences between judges
// are surer than the numbers themselves.
func PairsFor(ctx context.Context, power, effect float64, on Regime, judge Judge, s Search) (int, error) {
	enough := func(n int) (bool, error) {
		r, err := Power(ctx, n, effect, on, judge, s)
		return r.Share() >= power, err
	}
	lo, hi := 0, 8 // lo is too few
	for {
		hi = min(hi, s.Most)
		ok, err := enough(hi)
		if err != nil {
			return 0, err
		}
		if ok {
			break
		}
		if hi >= s.Most {
			return 0, nil
		}
		lo, hi = hi, 2*hi
	}
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		ok, err := enough(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// Power is how often judge claims an effect in its true direction after n
// pairs; any claim counts where the effect is 0.
func Power(ctx context.Context, n int, effect float64, on Regime, judge Judge, s Search) (Rate, error) {
	decide := judge.At(n)
	claims := make([]Claim, s.Replays)
	err := forEach(ctx, s.Replays, s.Workers, func(_ context.Context, i int) error {
		claims[i] = decide(drawPairs(on, effect, pairStream(s.Seed, on.Name, i), n))
		return nil
	})
	var r Rate
	for _, c := range claims {
		r.add(effect == 0 && c != 0 || float64(c)*effect > 0)
	}
	return r, err
}

// pairStream is the source of a replay's randomness, apart from Compare's.
func pairStream(seed uint64, regime string, replay int) *rand.Rand {
	return stream(seed, "pairs of "+regime, replay)
}
