package calibration

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"time"

	"mlbench/bench"
)

// usualCPU is the processor time of a start with Log 0, on hosts that record it.
const usualCPU = 800 * time.Millisecond

// WitnessedNoise is a host of which a probe before each start tells: normal
// noise, and a probe whose logarithm has the same standard deviation and
// correlates with it by correlation, in -1 to 1.
func WitnessedNoise(noise, correlation float64) Regime {
	return Regime{
		Name: fmt.Sprintf("probe correlating by %.2g, noise %s", correlation, percent(noise)),
		New: func(rng *rand.Rand) Host {
			return HostFunc(func() Sample {
				z := rng.NormFloat64()
				probe := noise * (correlation*z + math.Sqrt(1-correlation*correlation)*rng.NormFloat64())
				return Sample{Log: noise * z, Covariates: map[string]float64{bench.CovariateProbe: 20 * math.Exp(probe)}}
			})
		},
	}
}

// InfluencedCovariate is a host that records for how long each start was kept
// from the processor. Taken relative to the processor time, as a logarithm,
// that correlates by 0.9 with the noise; but the candidate itself lengthens it,
// by this fraction of its start. Adjusting by it takes that much of the
// candidate's own slowness for the host's, so a calibration has to show false
// verdicts here, unless the adjustment sees what happens.
func InfluencedCovariate(noise, by float64) Regime {
	return Regime{
		Name: fmt.Sprintf("covariate influenced by %s, noise %s", percent(by), percent(noise)),
		New: func(rng *rand.Rand) Host {
			return HostFunc(func() Sample {
				z := rng.NormFloat64()
				// 0.5 keeps nearly all of them positive, as waiting is.
				waited := max(0.5+noise*(0.9*z+math.Sqrt(1-0.81)*rng.NormFloat64()), 0)
				return Sample{
					Log: noise * z, CPU: usualCPU,
					Covariates: map[string]float64{bench.CovariateCPUWait: math.Expm1(waited) * bench.Millis(usualCPU)},
				}
			})
		},
		Influence: math.Log1p(by),
	}
}

// shifted is what a start of the candidate is in place of one of the baseline:
// it computes for longer, waits for the processor in proportion and, by
// influence, more than that, and is stolen in proportion.
func (s Sample) shifted(effect, influence float64) Sample {
	s.Log += effect
	cpu := bench.Millis(s.CPU)
	s.CPU = time.Duration(float64(s.CPU) * math.Exp(effect))
	s.Covariates = maps.Clone(s.Covariates)
	if stolen, ok := s.Covariates[bench.CovariateSteal]; ok {
		s.Covariates[bench.CovariateSteal] = stolen * math.Exp(effect)
	}
	if wait, ok := s.Covariates[bench.CovariateCPUWait]; ok && cpu > 0 {
		s.Covariates[bench.CovariateCPUWait] = math.Expm1(math.Log1p(wait/cpu)+influence) * bench.Millis(s.CPU)
	}
	return s
}
