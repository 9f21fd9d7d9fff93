package calibration

import (
	"math/rand/v2"
	"testing"
)

// sharedShift is a host on which each two starts, beginning with the first,
// share a normal shift of this standard deviation, which takes nothing from
// the randomness of the host below.
func sharedShift(below Regime, sd float64) Regime {
	return Regime{Name: "shared shift", New: func(rng *rand.Rand) Host {
		host, own := below.New(rng), rand.New(rand.NewPCG(6, 6))
		n, shift := 0, 0.0
		return HostFunc(func() Sample {
			if n%2 == 0 {
				shift = sd * own.NormFloat64()
			}
			n++
			s := host.Next()
			s.Log += shift
			return s
		})
	}}
}

// sample is the logarithms of n starts on one host of this regime.
func sample(r Regime, seed uint64, n int) []float64 {
	host := r.New(rand.New(rand.NewPCG(seed, 7)))
	x := make([]float64, n)
	for i := range x {
		x[i] = host.Next().Log
	}
	return x
}

func searching(t *testing.T, power, effect float64, on Regime, j Judge) int {
	t.Helper()
	n, err := PairsFor(t.Context(), power, effect, on, j, Search{Replays: 200, Most: 400, Seed: 8})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
