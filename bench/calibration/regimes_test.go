package calibration

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlbench/bench"

	"gonum.org/v1/gonum/stat"
)

// Each regime has the spread and the correlation of neighbours that its
// definition gives. Single hosts are long, or many where they are not
// stationary.
func TestRegimes(t *testing.T) {
	const noise, long = 0.04, 100000
	square := func(x float64) float64 { return x * x }
	for _, tt := range []struct {
		regime  Regime
		sd, rho float64
	}{
		{Quiet(noise), noise, 0},
		{Autoregressive(noise, 0.5), noise, 0.5},
		{Autoregressive(noise, 0.9), noise, 0.9},
		{Period(noise, 0.05), math.Sqrt(square(noise) + square(0.05)), 0},
		{Bimodal(noise, 0.2), math.Sqrt(square(noise) + square(math.Log(1.2)/2)), 0},
		{FirstSlower(noise, 0.03), math.Sqrt(square(noise) + square(math.Log(1.03)/2)),
			-square(math.Log(1.03)/2) / (square(noise) + square(math.Log(1.03)/2))},
		// On a third of the time; the chain's second eigenvalue is 1−0.05−0.1.
		{Neighbour(noise, 0.2), math.Sqrt(square(noise) + 2.0/9*square(math.Log(1.2))),
			0.85 * 2.0 / 9 * square(math.Log(1.2)) / (square(noise) + 2.0/9*square(math.Log(1.2)))},
		{WitnessedNoise(noise, 0.9), noise, 0},
	} {
		x := sample(tt.regime, 1, long)
		if sd := stat.StdDev(x, nil); math.Abs(sd/tt.sd-1) > 0.05 {
			t.Errorf("%s: standard deviation %.4f, want %.4f", tt.regime.Name, sd, tt.sd)
		}
		if rho := stat.Correlation(x[1:], x[:long-1], nil); math.Abs(rho-tt.rho) > 0.03 {
			t.Errorf("%s: neighbours correlate by %.3f, want %.3f", tt.regime.Name, rho, tt.rho)
		}
	}
}

func TestTail(t *testing.T) {
	long := 0
	for _, x := range sample(Tail(0.001, 0.05, 0.5), 2, 20000) {
		if x > 0.01 {
			long++
		}
	}
	if share := float64(long) / 20000; math.Abs(share-0.05*math.Exp(-0.02)) > 0.006 {
		t.Errorf("%.4f of the starts are longer", share)
	}
}

// Over 80 starts.
func TestNotStationary(t *testing.T) {
	x := sample(Drift(0.0001, 0.1, 80), 3, 80)
	if drift := math.Expm1(x[79] - x[0]); math.Abs(drift-0.1) > 0.003 {
		t.Errorf("drifts by %.4f", drift)
	}
	var first, last []float64
	for i := range 2000 {
		x := sample(Growing(0.04, 4, 80), uint64(i), 80)
		first, last = append(first, x[0]), append(last, x[79])
	}
	if a, b := stat.StdDev(first, nil), stat.StdDev(last, nil); math.Abs(a/0.0208-1) > 0.1 || math.Abs(b/0.08-1) > 0.1 {
		t.Errorf("noise grows from %.4f to %.4f", a, b)
	}
}

// The same source gives the same host; nine in ten starts do not exceed P90.
func TestRegimesAreSeeded(t *testing.T) {
	for _, r := range Regimes(0.04) {
		if a, b := sample(r, 4, 20), sample(r, 4, 20); stat.Correlation(a, b, nil) < 1-1e-12 {
			t.Errorf("%s: %v, then %v", r.Name, a, b)
		}
		if r.P90 == 0 {
			continue
		}
		in := 0
		for _, x := range sample(r, 5, 100000) {
			if x <= r.P90 {
				in++
			}
		}
		if share := float64(in) / 100000; math.Abs(share-0.9) > 0.01 {
			t.Errorf("%s: %.4f of the starts are within P90", r.Name, share)
		}
	}
}

// What the host records tells of the noise as it says, and of the candidate by
// its influence alone, however much slower that is.
func TestInfluencedCovariate(t *testing.T) {
	const n = 5000
	var times, waits []float64
	shift := 0.0
	waited := func(s Sample) float64 { return math.Log1p(s.Covariates[bench.CovariateCPUWait] / bench.Millis(s.CPU)) }
	for _, p := range drawPairs(InfluencedCovariate(0.12, 0.05), 0.1, rand.New(rand.NewPCG(6, 6)), n) {
		times, waits = append(times, p.Baseline.Log), append(waits, waited(p.Baseline))
		shift += waited(p.Candidate) - waited(p.Baseline)
	}
	if r := stat.Correlation(times, waits, nil); math.Abs(r-0.9) > 0.02 {
		t.Errorf("correlation %.3f", r)
	}
	if shift /= n; math.Abs(shift-math.Log1p(0.05)) > 0.01 {
		t.Errorf("the candidate shifts it by %.4f", shift)
	}
}
