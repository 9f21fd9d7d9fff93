package calibration

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlbench/bench"
	"mlbench/stats"

	mathstats "github.com/aclements/go-moremath/stats"
)

// The calibration can fail: looking at plain 5 % after every pair is found out.
func TestPeekingIsFoundOut(t *testing.T) {
	r, err := Power(t.Context(), 40, 0, Quiet(0.04), Peeking(8), Search{Replays: 600, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Exceeds(0.05) || r.Share() < 0.12 {
		t.Errorf("peeking claims a difference between identical images in %v of comparisons", r)
	}
	report := Report{Rows: []Row{{Regime: Regime{Name: "peeking"}, Cells: []Cell{{Claimed: r}}}}}
	if f := report.Findings()[1]; f.Met || !f.Must {
		t.Errorf("%+v", f)
	}
}

// The calibration can fail: a judge that takes a covariate for the host's, when
// the candidate influences it, tells identical images apart, and is found out.
func TestInfluenceIsFoundOut(t *testing.T) {
	naive := Judge{"naive", func(n int) func([]Pair) Claim {
		c := stats.Cutoff(n, 0.025)
		return func(pairs []Pair) Claim {
			x := make([]float64, n)
			waited := func(s Sample) float64 { return math.Log1p(s.Covariates[bench.CovariateCPUWait] / bench.Millis(s.CPU)) }
			for i, p := range pairs {
				x[i] = waited(p.Candidate) - waited(p.Baseline)
			}
			return excludes(stats.Adjust(differences(pairs), stats.Covariate{X: x}).HodgesLehmann(c))
		}
	}}
	s := Search{Replays: 300, Seed: 4}
	clean, err := Power(t.Context(), 40, 0, InfluencedCovariate(0.12, 0), naive, s)
	if err != nil || clean.Exceeds(0.05) {
		t.Errorf("not influenced: %v, %v", clean, err)
	}
	influenced, err := Power(t.Context(), 40, 0, InfluencedCovariate(0.12, 0.05), naive, s)
	if err != nil || !influenced.Exceeds(0.05) {
		t.Errorf("influenced: %v, %v", influenced, err)
	}
}

// A judge by pairs keeps its level where starts of a pair share a shift, and
// needs as few pairs; one that takes them apart finds next to nothing.
func TestPairedAgainstUnpaired(t *testing.T) {
	shared := sharedShift(Quiet(0.04), 0.3)
	paired := searching(t, 0.8, 0.05, shared, SignedRank())
	if alone := searching(t, 0.8, 0.05, Quiet(0.04), SignedRank()); paired == 0 || paired > alone*3/2 {
		t.Errorf("%d pairs with a shared shift, %d without", paired, alone)
	}
	r, err := Power(t.Context(), paired, 0.05, shared, Interleaved("U test", MannWhitney), Search{Replays: 200, Seed: 8})
	if err != nil || r.Share() > 0.3 {
		t.Errorf("the unpaired test finds %v with %d pairs, %v", r, paired, err)
	}
}

// Bench's own judgement of a fixed number of pairs is the interval by its order
// statistics, where there is nothing but times.
func TestMlbenchJudge(t *testing.T) {
	for _, n := range []int{5, 12, 30} {
		a, b := SignedRank().At(n), Mlbench(nil).At(n)
		for i := range 40 {
			pairs := drawPairs(Tail(0.04, 0.05, 0.5), 0.03, pairStream(2, "judges", i), n)
			if x, y := a(pairs), b(pairs); x != y {
				t.Errorf("%d pairs, replay %d: %d, bench says %d", n, i, x, y)
			}
		}
	}
}

// Our table of critical values is go-moremath's test.
func TestMannWhitney(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{3, 4, 9, 10, 20, 51} {
		for range 40 {
			a, b := make([]float64, n), make([]float64, n)
			for i := range a {
				a[i], b[i] = rng.NormFloat64(), rng.NormFloat64()+0.5
			}
			want := Claim(0)
			if r, err := mathstats.MannWhitneyUTest(a, b, mathstats.LocationDiffers); err != nil {
				t.Fatal(err)
			} else if r.P < 0.05 {
				want = 1
				if stats.Median(b) < stats.Median(a) {
					want = -1
				}
			}
			if got := MannWhitney(a, b); got != want {
				t.Errorf("%v, %v: %d, want %d", a, b, got, want)
			}
		}
	}
	alike := []float64{1, 1, 1, 1, 1}
	if got := MannWhitney(alike, alike); got != 0 {
		t.Errorf("all alike: %d", got)
	}
}

// What the peers say of samples that leave no doubt, and of none.
func TestPeers(t *testing.T) {
	for _, p := range Peers() {
		wave := func() Host {
			n := 0
			return HostFunc(func() Sample { n++; return Sample{Log: 0.001 * float64(n%7)} })
		}
		if slower, faster := p.Judge(wave(), 0.1), p.Judge(wave(), -0.1); slower != 1 || faster != -1 {
			t.Errorf("%s: %d, %d", p.Name, slower, faster)
		}
	}
	// Means 1 and 1.1, each with 10 % of spread: 1.1 ± 0.16, then 1.1 ± 0.08.
	if Hyperfine([]float64{0.9, 1, 1.1}, []float64{0.99, 1.1, 1.21}) != 0 || Hyperfine([]float64{0.95, 1, 1.05}, []float64{1.045, 1.1, 1.155}) != 1 {
		t.Error("hyperfine's ratio and σ")
	}
}

// A power of nine in ten: (1.960 + 1.282)²·2·(0.04/0.0488)² / 0.955 = 14.8
// pairs, by the normal approximation and the efficiency of the signed ranks.
func TestPairsFor(t *testing.T) {
	if n := searching(t, 0.9, 0.0488, Quiet(0.04), SignedRank()); n < 12 || n > 20 {
		t.Errorf("%d pairs", n)
	}
	if n := searching(t, 0.9, 0.0001, Quiet(0.12), SignedRank()); n != 0 {
		t.Errorf("%d pairs find next to nothing", n)
	}
}
