package stats

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

func TestAdjust(t *testing.T) {
	nan, huge := math.NaN(), math.MaxFloat64
	cov := func(x ...float64) Covariate { return Covariate{X: x} }
	believed := func(prior, weight float64, x ...float64) Covariate { return Covariate{x, prior, weight} }
	for _, tt := range []struct {
		name         string
		d            []float64
		covariates   []Covariate
		c            int
		want         Interval
		coefficients []float64
	}{
		{"empty", nil, []Covariate{cov(1)}, 1, Interval{0, -inf, inf}, []float64{0}},
		{"none", []float64{1, 2, 4}, nil, 2, Interval{2.25, 1.5, 3}, nil},
		{"explains all", []float64{1, 3}, []Covariate{cov(1, -1)}, 1, Interval{2, 2, 2}, []float64{-1}},
		{"half believed", []float64{1, 3}, []Covariate{believed(0, 2, 1, -1)}, 1, Interval{2, 1.5, 2.5}, []float64{-0.5}},
		{"believed otherwise", []float64{1, 3}, []Covariate{believed(1, 2, 1, -1)}, 1, Interval{2, 1, 3}, []float64{0}},
		{"a prior that is no number", []float64{1, 3}, []Covariate{believed(nan, 2, 1, -1)}, 1, Interval{2, 2, 2}, []float64{-1}},
		{"a weight that is none", []float64{1, 3}, []Covariate{believed(1, -2, 1, -1)}, 1, Interval{2, 2, 2}, []float64{-1}},
		{"never known", []float64{1, 2, 4}, []Covariate{cov(nan, inf, -inf)}, 2, Interval{2.25, 1.5, 3}, []float64{0}},
		{"always alike in both", []float64{1, 2, 4}, []Covariate{cov(0, 0, 0)}, 2, Interval{2.25, 1.5, 3}, []float64{0}},
		{"no values", []float64{1, 2, 4}, []Covariate{{}}, 2, Interval{2.25, 1.5, 3}, []float64{0}},
		{"too many values", []float64{1, 3}, []Covariate{cov(1, -1, 7)}, 1, Interval{2, 2, 2}, []float64{-1}},
		// One covariate known of one pair takes that pair away: 3 alone is left.
		{"known once", []float64{1, 3}, []Covariate{cov(1, nan)}, 2, Interval{3, 3, 3}, []float64{-2}},
		{"the same, stricter", []float64{1, 3}, []Covariate{cov(1, nan)}, 1, Interval{3, -inf, inf}, []float64{-2}},
		{"constant", []float64{1, 2, 3, 5}, []Covariate{cov(7, 7, 7, 7)}, 5, Interval{0, -inf, inf}, []float64{2.75 / 7}},
		{"the same twice", []float64{1, 3}, []Covariate{cov(1, -1), cov(2, -2)}, 1, Interval{2, 2, 2}, []float64{-1, 0}},
		{"the candidate failed", []float64{1, 3, inf}, []Covariate{cov(1, -1, 5)}, 3, Interval{inf, 2, inf}, []float64{0}},
		{"each failed once", []float64{-inf, 1, 3, inf}, []Covariate{cov(9, 1, -1, 5)}, 4, Interval{2, -inf, inf}, []float64{-1}},
		{"each failed once, looser", []float64{-inf, 1, 3, inf}, []Covariate{cov(9, 1, -1, 5)}, 5, Interval{2, 2, 2}, []float64{-1}},
		{"a difference is NaN", []float64{1, 3, nan}, []Covariate{cov(1, -1, 1)}, 1, Interval{0, -inf, inf}, []float64{-1}},
		{"tiny", []float64{1, 3}, []Covariate{cov(5e-324, -5e-324)}, 1, Interval{2, 2, 2}, []float64{0}},
		{"huge", []float64{1, 3}, []Covariate{cov(huge, -huge)}, 1, Interval{2, 2, 2}, []float64{0}},
		{"huge differences", []float64{huge, huge}, []Covariate{cov(1, 1e-3)}, 1, Interval{huge, huge, huge}, []float64{0}},
	} {
		adj := Adjust(tt.d, tt.covariates...)
		got := adj.HodgesLehmann(tt.c)
		if !near(got.Estimate, tt.want.Estimate) || !near(got.Low, tt.want.Low) || !near(got.High, tt.want.High) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if !slices.EqualFunc(adj.Coefficients, tt.coefficients, near) {
			t.Errorf("%s: coefficients %v, want %v", tt.name, adj.Coefficients, tt.coefficients)
		}
	}
	if got := (Adjusted{A: []float64{1, 2}}).HodgesLehmann(1); got != unknown(0) {
		t.Errorf("without B: %v", got)
	}
}

func TestDifferences(t *testing.T) {
	// With the estimate 2, the X explain -1 and 1 of 1 and 3.
	if got := Adjust([]float64{1, 3, inf, -inf}, Covariate{X: []float64{1, -1, 4, 5}}).Differences(); !slices.EqualFunc(got, []float64{2, 2, inf, -inf}, near) {
		t.Errorf("%v", got)
	}
	rng := newRand(20)
	host := covaried{coefficients: []float64{0.7, -0.3}, noise: rng.NormFloat64, spread: rng.NormFloat64}
	for range 50 {
		d, x := host.pairs(rng, 12, 0.3)
		adj := Adjust(d, x...)
		want := adj.HodgesLehmann(0).Estimate
		if got := HodgesLehmann(adj.Differences(), 0).Estimate; slices.Min(adj.B) > 0 && math.Abs(got-want) > 0.03 {
			t.Errorf("centred on %v, want %v", got, want)
		}
	}
}

// covaried is a host of which covariates tell: of each pair it draws them and
// the noise, and then the coin.
type covaried struct {
	coefficients  []float64
	noise, spread func() float64
	shared        float64 // how much of each covariate all have in common
	missing       float64 // how often one is unknown
	influence     float64 // by how much the first is larger for the candidate
	prior, weight float64
}

func (h covaried) pairs(rng *rand.Rand, n int, effect float64) ([]float64, []Covariate) {
	d, covariates := make([]float64, n), make([]Covariate, len(h.coefficients))
	for j := range covariates {
		covariates[j] = Covariate{make([]float64, n), h.prior, h.weight}
	}
	for i := range d {
		sign := float64(2*rng.IntN(2) - 1)
		common := h.shared * h.spread()
		d[i] = effect + sign*h.noise()
		for j, c := range h.coefficients {
			x := sign * (common + h.spread())
			d[i] += c * x
			if j == 0 {
				x += h.influence
			}
			if rng.Float64() < h.missing {
				x = math.NaN()
			}
			covariates[j].X[i] = x
		}
	}
	return d, covariates
}

// heavy is Student's t with two degrees of freedom: its variance is infinite.
func heavy(rng *rand.Rand) func() float64 {
	return func() float64 { return rng.NormFloat64() / math.Sqrt(rng.ExpFloat64()) }
}

// steal is 0 but for one in five, as what the hypervisor takes away is.
func steal(rng *rand.Rand) func() float64 {
	return func() float64 {
		if rng.IntN(5) > 0 {
			return 0
		}
		return rng.ExpFloat64()
	}
}

var covariedHosts = map[string]func(rng *rand.Rand) covaried{
	"normal": func(rng *rand.Rand) covaried {
		return covaried{coefficients: []float64{1, 0.5, 0}, noise: rng.NormFloat64, spread: rng.NormFloat64, shared: 1}
	},
	"heavy tails": func(rng *rand.Rand) covaried {
		return covaried{coefficients: []float64{1, 0.5}, noise: heavy(rng), spread: heavy(rng), shared: 1}
	},
	"useless": func(rng *rand.Rand) covaried {
		return covaried{coefficients: []float64{0, 0, 0}, noise: rng.NormFloat64, spread: steal(rng)}
	},
	"missing, wrongly believed": func(rng *rand.Rand) covaried {
		return covaried{coefficients: []float64{1, 1, 1}, noise: rng.NormFloat64, spread: rng.NormFloat64, missing: 0.2, prior: -2, weight: 3}
	},
	"failures": func(rng *rand.Rand) covaried {
		noise := func() float64 {
			if rng.IntN(8) == 0 {
				return inf
			}
			return rng.NormFloat64()
		}
		return covaried{coefficients: []float64{1, 0.5}, noise: noise, spread: rng.NormFloat64}
	},
}

// Of all 2ⁿ ways in which the coins of given pairs can fall, the share in
// which a bound is on the wrong side of the true effect is no larger than its
// level: for any pairs, exactly.
func TestAdjustCoversExactly(t *testing.T) {
	const n, effect = 8, 0.3
	for name, host := range covariedHosts {
		rng := newRand(21)
		h := host(rng)
		for range 3 {
			d, covariates := h.pairs(rng, n, 0)
			for _, c := range []int{1, 4, 9, 18} {
				low, high := 0, 0
				for signs := range 1 << n {
					flipped, x := flip(d, covariates, signs)
					for i := range flipped {
						flipped[i] += effect
					}
					iv := Adjust(flipped, x...).HodgesLehmann(c)
					low, high = low+count(iv.Low > effect+1e-12), high+count(iv.High < effect-1e-12)
				}
				if limit := int(tails([]int{n})[0].below(c)*(1<<n) + 0.5); low > limit || high > limit {
					t.Errorf("%s, c = %d: wrong below in %d and above in %d, at most %d allowed", name, c, low, high, limit)
				}
			}
		}
	}
}

// flip exchanges the starts of the pairs whose bit is 1.
func flip(d []float64, covariates []Covariate, which int) ([]float64, []Covariate) {
	change := func(x []float64) []float64 {
		y := slices.Clone(x)
		for i := range y {
			if which>>(i%bits.UintSize)&1 == 1 {
				y[i] = -y[i]
			}
		}
		return y
	}
	out := slices.Clone(covariates)
	for j := range out {
		out[j].X = change(out[j].X)
	}
	return change(d), out
}

func adjustFlipped(d []float64, covariates []Covariate, which int) Adjusted {
	d, covariates = flip(d, covariates, which)
	return Adjust(d, covariates...)
}

// The share of runs in which the 95 % interval misses the true effect.
func TestAdjustCoverage(t *testing.T) {
	const runs = 800
	for name, host := range covariedHosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := newRand(22)
			h := host(rng)
			for _, tt := range []struct {
				n      int
				effect float64
			}{{8, 0}, {12, 0.5}, {20, 0}, {40, -0.5}} {
				c := Cutoff(tt.n, 0.025)
				missed := 0
				var ratios []float64
				for range runs {
					d, covariates := h.pairs(rng, tt.n, tt.effect)
					iv, raw := Adjust(d, covariates...).HodgesLehmann(c), HodgesLehmann(d, c)
					missed += count(iv.Low > tt.effect || iv.High < tt.effect)
					if width := raw.High - raw.Low; finite(width) {
						ratios = append(ratios, (iv.High-iv.Low)/width)
					}
				}
				low, _ := wilson(missed, runs, 3)
				t.Logf("n = %d: missed in %.2f %%, as wide as %.2f of that without", tt.n, 100*float64(missed)/runs, Median(ratios))
				if low > 0.05 {
					t.Errorf("n = %d: at least %.4f missed", tt.n, low)
				}
			}
		})
	}
}

// All looks together, with the coefficients fitted anew at each: identical
// images are told apart in at most 5 %, on steady hosts and on those whose
// noise grows, with covariates that are worth much or nothing.
func TestAdjustOverLooks(t *testing.T) {
	const runs = 600
	s, err := NewRobustSchedule(8, 40, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	for name, host := range covariedHosts {
		for _, growth := range []float64{1, 30} {
			t.Run(fmt.Sprintf("%s, noise growing by %v", name, growth), func(t *testing.T) {
				t.Parallel()
				rng := newRand(23)
				size := 1.0
				h := host(rng)
				noise := h.noise
				h.noise = func() float64 {
					size *= math.Pow(growth, 1.0/40)
					return size * noise()
				}
				claimed := 0
				for range runs {
					size = 1
					d, covariates := h.pairs(rng, s.Last().N, 0)
					for _, l := range s.Looks {
						x := slices.Clone(covariates)
						for j := range x {
							x[j].X = x[j].X[:l.N]
						}
						if claims(Adjust(d[:l.N], x...).HodgesLehmann(l.C)) {
							claimed++
							break
						}
					}
				}
				low, _ := wilson(claimed, runs, 3)
				t.Logf("told apart in %.2f %%", 100*float64(claimed)/runs)
				if low > 0.05 {
					t.Errorf("at least %.4f told apart", low)
				}
			})
		}
	}
}

// The two mistakes that Adjust exists to avoid are seen as such.
func TestAdjustKnownWrong(t *testing.T) {
	const runs, n = 1000, 12
	c := Cutoff(n, 0.025)
	rng := newRand(24)
	useless := covaried{coefficients: []float64{0, 0, 0}, noise: rng.NormFloat64, spread: rng.NormFloat64}
	intercept, plain := 0, 0
	for range runs {
		d, covariates := useless.pairs(rng, n, 0)
		intercept += count(claims(HodgesLehmann(withIntercept(d, covariates), c)))
		plain += count(claims(Adjust(d, covariates...).HodgesLehmann(c)))
	}
	low, _ := wilson(intercept, runs, 2.6)
	t.Logf("with an intercept told apart in %.1f %%, without in %.1f %%", 100*float64(intercept)/runs, 100*float64(plain)/runs)
	if low <= 0.05 {
		t.Errorf("an intercept goes unseen: at least %.4f", low)
	}

	const influence, coefficient, effect = 0.5, 0.8, 0.1
	influenced := covaried{coefficients: []float64{coefficient}, noise: rng.NormFloat64, spread: rng.NormFloat64, influence: influence}
	sum := 0.0
	for range 200 {
		d, x := influenced.pairs(rng, 100, effect)
		sum += Adjust(d, x...).HodgesLehmann(0).Estimate
	}
	if got, want := sum/200, effect-coefficient*influence; math.Abs(got-want) > 0.03 {
		t.Errorf("an influenced covariate gives %.3f, not %.3f", got, want)
	}
}

// withIntercept takes away what covariates explain beside an intercept: their
// coefficients are those of the centred covariates.
func withIntercept(d []float64, covariates []Covariate) []float64 {
	centred := slices.Clone(covariates)
	for j, c := range centred {
		centred[j].X = slices.Clone(c.X)
		floats.AddConst(-stat.Mean(c.X, nil), centred[j].X)
	}
	wrong := slices.Clone(d)
	for j, b := range Adjust(d, centred...).Coefficients {
		floats.AddScaled(wrong, -b, covariates[j].X)
	}
	return wrong
}

func TestAdjustInvariance(t *testing.T) {
	rng := newRand(25)
	for range 200 {
		n := 3 + rng.IntN(20)
		h := covaried{coefficients: []float64{1, -1}, noise: rng.NormFloat64, spread: rng.NormFloat64, missing: 0.05, prior: 0.5, weight: 2 * rng.Float64()}
		d, x := h.pairs(rng, n, 0.4)
		if rng.IntN(2) == 0 {
			d[rng.IntN(n)] = inf
		}
		c := rng.IntN(n * (n + 1) / 2)
		adj := Adjust(d, x...)
		want := adj.HodgesLehmann(c)

		mirrored := adjustFlipped(d, x, -1)
		if got := mirrored.HodgesLehmann(c); got != (Interval{-want.Estimate, -want.High, -want.Low}) {
			t.Fatalf("exchanging the images: %v, then %v", want, got)
		}
		if !slices.Equal(mirrored.Coefficients, adj.Coefficients) {
			t.Fatalf("exchanging the images: coefficients %v, then %v", adj.Coefficients, mirrored.Coefficients)
		}

		// At θ = 0, exchanging the starts of one pair changes its residual's sign alone.
		one := rng.IntN(n)
		residuals := slices.Clone(adj.A)
		residuals[one] = -residuals[one]
		if got := adjustFlipped(d, x, 1<<one).A; !slices.Equal(got, residuals) {
			t.Fatalf("exchanging two starts: %v, want %v", got, residuals)
		}

		type relation struct {
			name         string
			d            []float64
			x            []Covariate
			scale, shift float64
		}
		shuffled := relation{"other order", make([]float64, n), slices.Clone(x), 1, 0}
		perm := rng.Perm(n)
		for j := range x {
			shuffled.x[j].X = make([]float64, n)
			for i, k := range perm {
				shuffled.x[j].X[i], shuffled.d[i] = x[j].X[k], d[k]
			}
		}
		scaled := relation{"other units", slices.Clone(d), slices.Clone(x), 3, 0}
		floats.Scale(3, scaled.d)
		for j := range x {
			scaled.x[j].X = slices.Clone(x[j].X)
			floats.Scale(1e-5, scaled.x[j].X)
			scaled.x[j].Prior *= 3e5
			scaled.x[j].Weight *= 1e-10
		}
		shifted := relation{"another effect", slices.Clone(d), x, 1, 0.7}
		floats.AddConst(0.7, shifted.d)
		for _, r := range []relation{shuffled, scaled, shifted} {
			got := Adjust(r.d, r.x...).HodgesLehmann(c)
			if !alike(got, Interval{r.scale*want.Estimate + r.shift, r.scale*want.Low + r.shift, r.scale*want.High + r.shift}) {
				t.Fatalf("%s: %v, want %v times %v plus %v", r.name, got, want, r.scale, r.shift)
			}
		}

		// Without priors only what the covariates span matters.
		x[0].Weight, x[1].Weight = 0, 0
		want = Adjust(d, x...).HodgesLehmann(c)
		sum := Covariate{X: slices.Clone(x[0].X)}
		floats.Add(sum.X, x[1].X)
		for _, other := range [][]Covariate{{x[1], x[0]}, {x[0], x[1], x[0]}, {x[0], sum}, {x[0], x[1], sum}} {
			if math.IsNaN(floats.Sum(sum.X)) {
				break
			}
			if got := Adjust(d, other...).HodgesLehmann(c); !alike(got, want) {
				t.Fatalf("the same covariates otherwise: %v, want %v", got, want)
			}
		}
	}
}

func alike(a, b Interval) bool {
	similar := func(x, y float64) bool { return x == y || math.Abs(x-y) < 1e-7*(1+math.Abs(y)) }
	return similar(a.Estimate, b.Estimate) && similar(a.Low, b.Low) && similar(a.High, b.High)
}

func FuzzAdjust(f *testing.F) {
	f.Add(bytesOf(1, 2, 4), bytesOf(1, 0, -1), bytesOf(3, 1, 2), 0.5, 2.0, 2)
	f.Add(bytesOf(inf, -inf, 0, math.NaN()), bytesOf(1, 1, 1), bytesOf(math.NaN()), 0.0, 0.0, 1)
	f.Add(bytesOf(math.MaxFloat64, -math.MaxFloat64, 5e-324), bytesOf(5e-324, 1e300, 1), bytesOf(1, 1, 1+1e-16), 1e300, 1e300, 1<<40)
	f.Add(bytesOf(1, 2, 3), bytesOf(1, 2, 3), bytesOf(1e-9, 2e-9, 3.1e-9), math.Inf(1), math.NaN(), -1)
	f.Fuzz(func(t *testing.T, differences, first, second []byte, prior, weight float64, c int) {
		d, x := decoded(differences), []Covariate{{decoded(first), prior, weight}, {X: decoded(second)}}
		if len(d) > 60 {
			d = d[:60]
		}
		adj := Adjust(d, x...)
		for i, b := range adj.B {
			if math.IsNaN(b) || math.IsNaN(adj.A[i]) && !math.IsNaN(d[i]) {
				t.Fatalf("%v of %v and %v", adj, d, x)
			}
		}
		for j, v := range adj.Coefficients {
			if !finite(v) {
				t.Fatalf("coefficient %d of %v and %v: %v", j, d, x, v)
			}
		}
		got := adj.HodgesLehmann(c)
		if !(got.Low <= got.Estimate && got.Estimate <= got.High) {
			t.Fatalf("%v of %v and %v, c = %d", got, d, x, c)
		}
		if m := adjustFlipped(d, x, -1).HodgesLehmann(c); m != (Interval{-got.Estimate, -got.High, -got.Low}) {
			t.Fatalf("%v of %v and %v, c = %d, but mirrored %v", got, d, x, c, m)
		}
		if len(adj.Differences()) != len(d) {
			t.Fatal("differences are missing")
		}
	})
}

func BenchmarkAdjust(b *testing.B) {
	rng := newRand(26)
	d, x := covariedHosts["normal"](rng).pairs(rng, 40, 0.1)
	for b.Loop() {
		Adjust(d, x...).HodgesLehmann(228)
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct{ i, other, want Interval }{
		{Interval{2, 1, 3}, Interval{0, -inf, inf}, Interval{2, 1, 3}},
		{Interval{0, -inf, inf}, Interval{2, 1, 3}, Interval{1, 1, 3}},
		{Interval{2, 1, 3}, Interval{2, 1.5, 2.5}, Interval{2, 1.5, 2.5}},
		{Interval{2, 1, 3}, Interval{3, 2.5, 4}, Interval{2.5, 2.5, 3}},
		{Interval{2, 1, 3}, Interval{0, -1, 1.5}, Interval{1.5, 1, 1.5}},
		{Interval{2, 1, 3}, Interval{4, 3, 5}, Interval{3, 3, 3}},
		{Interval{2, 1, 3}, Interval{5, 4, 6}, Interval{2, 1, 3}}, // nothing in common
		{Interval{inf, 2, inf}, Interval{1, 0, 3}, Interval{3, 2, 3}},
		{Interval{inf, inf, inf}, Interval{inf, 0, inf}, Interval{inf, inf, inf}},
	} {
		if got := tt.i.Within(tt.other); got != tt.want {
			t.Errorf("%v within %v: %v, want %v", tt.i, tt.other, got, tt.want)
		}
	}
}
