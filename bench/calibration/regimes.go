package calibration

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Regimes are the simulated hosts of the design, with noise as the standard
// deviation of the logarithm of a start's time: 0.04 for a quiet machine, 0.12
// for a shared one. Quiet is the first.
func Regimes(noise float64) []Regime {
	all := []Regime{
		Quiet(noise),
		Tail(noise, 0.05, 0.5),
		Drift(noise, 0.10, 80),
		Neighbour(noise, 0.20),
		Autoregressive(noise, 0.5),
		Autoregressive(noise, 0.9),
		Period(noise, 0.05),
		Period(noise, 0.10),
		Bimodal(noise, 0.20),
		FirstSlower(noise, 0.03),
		Growing(noise, 4, 80),
	}
	for i := range all {
		all[i].Name += fmt.Sprintf(", noise %s", percent(noise))
	}
	return all
}

// q90 is the standard normal quantile of 0.9.
const q90 = 1.2815515655446004

// Quiet is normal noise, independent from start to start.
func Quiet(noise float64) Regime {
	r := logs("quiet", func(rng *rand.Rand) func() float64 {
		return func() float64 { return noise * rng.NormFloat64() }
	})
	r.P90 = q90 * noise
	return r
}

// Tail is Quiet where a share of starts takes longer by an exponential time
// with this mean, in usual starts.
func Tail(noise, share, mean float64) Regime {
	name := fmt.Sprintf("%s of starts with an exponential tail", percent(share))
	return logs(name, func(rng *rand.Rand) func() float64 {
		return func() float64 {
			t := math.Exp(noise * rng.NormFloat64())
			if rng.Float64() < share {
				t += mean * rng.ExpFloat64()
			}
			return math.Log(t)
		}
	})
}

// Drift slows down linearly, by a fraction over so many starts, and goes on.
func Drift(noise, by float64, starts int) Regime {
	name := fmt.Sprintf("%s drift over %d starts", percent(by), starts)
	return logs(name, func(rng *rand.Rand) func() float64 {
		n := 0.0
		return func() float64 {
			n++
			return math.Log1p(by*n/float64(starts)) + noise*rng.NormFloat64()
		}
	})
}

// Neighbour is slower by a fraction while a neighbour works, who comes with
// chance 0.05 a start and leaves with 0.1: 10 starts on, 20 off, on average.
func Neighbour(noise, by float64) Regime {
	const comes, leaves = 0.05, 0.1
	return logs(fmt.Sprintf("neighbour, +%s", percent(by)), func(rng *rand.Rand) func() float64 {
		on := rng.Float64() < comes/(comes+leaves)
		return func() float64 {
			log := noise * rng.NormFloat64()
			if on {
				log += math.Log1p(by)
			}
			if on {
				on = rng.Float64() >= leaves
			} else {
				on = rng.Float64() < comes
			}
			return log
		}
	})
}

// Autoregressive is normal noise whose neighbours correlate by rho, in -1 to
// 1, stationary from the first start on.
func Autoregressive(noise, rho float64) Regime {
	r := logs(fmt.Sprintf("AR(1) %v", rho), func(rng *rand.Rand) func() float64 {
		y := noise * rng.NormFloat64()
		return func() float64 {
			now := y
			y = rho*y + math.Sqrt(1-rho*rho)*noise*rng.NormFloat64()
			return now
		}
	})
	r.P90 = q90 * noise
	return r
}

// Period is two starts faster and two slower by an amount, again and again.
func Period(noise, by float64) Regime {
	return logs(fmt.Sprintf("period of four, ±%s", percent(by)), func(rng *rand.Rand) func() float64 {
		n := rng.IntN(4)
		return func() float64 {
			n++
			return by*float64(n&2-1) + noise*rng.NormFloat64()
		}
	})
}

// Bimodal has half of the starts slower by a fraction, by chance. The cause
// is recorded: little of the candidate was in memory.
func Bimodal(noise, by float64) Regime {
	return Regime{Name: fmt.Sprintf("bimodal, +%s", percent(by)), New: func(rng *rand.Rand) Host {
		return HostFunc(func() Sample {
			log, resident := noise*rng.NormFloat64(), 0.9
			if rng.IntN(2) == 0 {
				log += math.Log1p(by)
				resident = 0.1
			}
			return Sample{Log: log, Resident: &resident}
		})
	}}
}

// FirstSlower has every other start slower by a fraction, and so the first of
// each pair.
func FirstSlower(noise, by float64) Regime {
	return logs(fmt.Sprintf("first of a pair +%s", percent(by)), func(rng *rand.Rand) func() float64 {
		n := 0
		return func() float64 {
			n++
			return math.Log1p(by)*float64(n%2) + noise*rng.NormFloat64()
		}
	})
}

// Growing has noise that grows by a factor over so many starts, with noise as
// its geometric middle, and then stays as it is.
func Growing(noise, factor float64, starts int) Regime {
	return logs(fmt.Sprintf("noise growing %gfold", factor), func(rng *rand.Rand) func() float64 {
		first, n := noise/math.Sqrt(factor), 0.0
		return func() float64 {
			n = min(n+1, float64(starts))
			return first * (1 + (factor-1)*n/float64(starts)) * rng.NormFloat64()
		}
	})
}

// percent writes a fraction of few digits, e.g. "5 %".
func percent(x float64) string { return fmt.Sprintf("%.3g %%", 100*x) }
