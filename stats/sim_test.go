package stats

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// newRand is the seeded source of all simulations here.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 20261122)) }

// wilson is the interval of a share of k in n, z standard errors wide
// (Wilson 1927).
func wilson(k, n int, z float64) (low, high float64) {
	p, f := float64(k)/float64(n), float64(n)
	mid := p + z*z/(2*f)
	w := z * math.Sqrt(p*(1-p)/f+z*z/(4*f*f))
	return (mid - w) / (1 + z*z/f), (mid + w) / (1 + z*z/f)
}

// crossings counts how many of runs simulated null runs exclude 0 at a look.
// It plays the null itself: each new difference takes a random place in the
// order of sizes and a random sign; a bit set holds the signs in that order.
func crossings(s Schedule, runs int, rng *rand.Rand) int {
	count := 0
	last := s.Last().N
	signs := make([]uint64, last/64+1)
	for range runs {
		clear(signs)
		w, look := 0, 0
		for n := 1; n <= last; n++ {
			place, sign := rng.IntN(n), rng.Uint64()&1
			word, bit := place/64, uint(place%64)
			above := signs[word] >> bit
			w += bits.OnesCount64(above) + int(sign)*(place+1)
			carry := signs[word] >> 63
			signs[word] = signs[word]&(1<<bit-1) | above<<1<<bit | sign<<bit
			for j := word + 1; j <= n/64; j++ {
				w += bits.OnesCount64(signs[j])
				carry, signs[j] = signs[j]>>63, signs[j]<<1|carry
			}
			if l := s.Looks[look]; n == l.N {
				if w < l.C || n*(n+1)/2-w < l.C {
					count++
					break
				}
				look++
			}
		}
	}
	return count
}

// attained is the exact level of a schedule of few pairs, by carrying the
// probability of every sign pattern, in order of size, from pair to pair.
func attained(s Schedule) float64 {
	p := []float64{1}
	level, look := 0.0, 0
	for n := 1; n <= s.Last().N; n++ {
		next := make([]float64, 1<<n)
		for signs, v := range p {
			for place := range n {
				grown := signs&(1<<place-1) | signs>>place<<(place+1)
				next[grown] += v / float64(2*n)
				next[grown|1<<place] += v / float64(2*n)
			}
		}
		p = next
		if l := s.Looks[look]; n == l.N {
			look++
			for signs, v := range p {
				w := 0
				for x := signs; x != 0; x &= x - 1 {
					w += bits.TrailingZeros(uint(x)) + 1
				}
				if w < l.C || n*(n+1)/2-w < l.C {
					level += v
					p[signs] = 0
				}
			}
		}
	}
	return level
}

// outcome of one sequential comparison.
type outcome struct {
	pairs    int
	interval Interval
}

// compare runs pairs until stop says so at a look, or to the last look.
func compare(s Schedule, next func() float64, stop func(Interval) bool) outcome {
	var d []float64
	var out outcome
	for _, l := range s.Looks {
		for len(d) < l.N {
			d = append(d, next())
		}
		out = outcome{l.N, HodgesLehmann(d, l.C)}
		if stop(out.interval) {
			break
		}
	}
	return out
}

func claims(i Interval) bool { return i.Low > 0 || i.High < 0 }

// host returns the logarithm of the time of its next start.
type host func() float64

// hosts are the regimes of the design's table, noise 4 % where not named.
var hosts = map[string]func(rng *rand.Rand) host{
	"quiet": func(rng *rand.Rand) host {
		return func() float64 { return 0.04 * rng.NormFloat64() }
	},
	"AR(1) 0.5": func(rng *rand.Rand) host { return autoregressive(rng, 0.5) },
	"AR(1) 0.9": func(rng *rand.Rand) host { return autoregressive(rng, 0.9) },
	"drift 20 %": func(rng *rand.Rand) host {
		t := 0.0
		return func() float64 { t++; return 0.2*t/80 + 0.04*rng.NormFloat64() }
	},
	"first of a pair slower by 3 %": func(rng *rand.Rand) host {
		t := 0
		return func() float64 { t++; return 0.03*float64(t%2) + 0.04*rng.NormFloat64() }
	},
	"period of four, 10 %": func(rng *rand.Rand) host {
		t := 0
		return func() float64 {
			t++
			return 0.1*float64(t&2-1) + 0.04*rng.NormFloat64()
		}
	},
	"bimodal +20 %": func(rng *rand.Rand) host {
		return func() float64 { return 0.18*float64(rng.IntN(2)) + 0.04*rng.NormFloat64() }
	},
	"noise grows fourfold": func(rng *rand.Rand) host {
		t := 0.0
		return func() float64 { t++; return 0.02 * (1 + 3*t/80) * rng.NormFloat64() }
	},
	"failures": func(rng *rand.Rand) host {
		return func() float64 {
			if rng.IntN(10) == 0 {
				return math.Inf(1)
			}
			return 0.04 * rng.NormFloat64()
		}
	},
}

func autoregressive(rng *rand.Rand, rho float64) host {
	y := 0.0
	return func() float64 {
		y = rho*y + math.Sqrt(1-rho*rho)*0.04*rng.NormFloat64()
		return y
	}
}

// pairs draws differences of a candidate that is slower by effect, with the
// order inside each pair by coin flip. Two failures differ by 0.
func pairs(h host, effect float64, rng *rand.Rand) func() float64 {
	return func() float64 {
		first, second := h(), h()
		d := second - first
		if first == second {
			d = 0
		}
		if rng.IntN(2) == 0 {
			d = -d
		}
		return d + effect
	}
}
