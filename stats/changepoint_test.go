package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var nightlike = Divisive{MinSize: 2, P: 0.05, Permutations: 199, Seed: 7}

// bestByHand is the best division by the formula as it is written.
func bestByHand(x []float64, minSize int) (best ChangePoint) {
	mean := func(a, b []float64) float64 {
		sum := 0.0
		for _, v := range a {
			for _, w := range b {
				sum += math.Abs(v - w)
			}
		}
		return sum / float64(len(a)*len(b))
	}
	for i := minSize; i <= len(x)-minSize; i++ {
		a, b := x[:i], x[i:]
		n, m := float64(len(a)), float64(len(b))
		q := n * m / (n + m) * (2*mean(a, b) - mean(a, a) - mean(b, b))
		if q > best.Q+1e-9 {
			best = ChangePoint{Index: i, Q: q}
		}
	}
	return best
}

func TestBestDivisionByHand(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 2; n < 14; n++ {
		for minSize := 1; 2*minSize <= n; minSize++ {
			x := make([]float64, n)
			for i := range x {
				x[i] = math.Round(4 * rng.NormFloat64()) // with ties
			}
			got, want := newDivision(x, minSize).best([]int{0, n}), bestByHand(x, minSize)
			if math.Abs(got.Q-want.Q) > 1e-9 {
				t.Errorf("%v, at least %d: found %+v, want %+v", x, minSize, got, want)
			}
		}
	}
}

// The level of the test, against all orders of seven values.
func TestDivisionAgainstAllOrders(t *testing.T) {
	x := []float64{0.3, -0.1, 0.2, 0.05, 1.9, 2.2, 2.05}
	q := bestByHand(x, 2).Q
	asGood, all := 0, 0
	var each func(rest, order []float64)
	each = func(rest, order []float64) {
		if len(rest) == 0 {
			all++
			if bestByHand(order, 2).Q >= q-1e-9 {
				asGood++
			}
			return
		}
		for i := range rest {
			each(slices.Concat(rest[:i], rest[i+1:]), append(slices.Clone(order), rest[i]))
		}
	}
	each(x, nil)
	exact := float64(asGood) / float64(all)
	found := Divisive{MinSize: 2, P: 0.2, Permutations: 9999, Seed: 1}.ChangePoints(x)
	if len(found) != 1 || found[0].Index != 4 || math.Abs(found[0].P-exact) > 0.01 {
		t.Errorf("found %+v, want one at 4 with P = %v", found, exact)
	}
	if found := (Divisive{MinSize: 2, P: exact / 2, Permutations: 9999, Seed: 1}).ChangePoints(x); found != nil {
		t.Errorf("at half that level found %+v", found)
	}
}

func stepped(rng *rand.Rand, levels ...float64) (x []float64) {
	for _, level := range levels {
		for range 20 {
			x = append(x, level+rng.NormFloat64())
		}
	}
	return x
}

func TestChangePoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	late := append(stepped(rng, 0, 0), 8, 9)
	for _, tt := range []struct {
		name string
		x    []float64
		want []int
	}{
		{"nothing", nil, nil},
		{"too few", []float64{0, 0, 9}, nil},
		{"constant", slices.Repeat([]float64{0.1}, 40), nil},
		{"one outlier at the end", append(slices.Repeat([]float64{0}, 30), 5), nil},
		{"a step", stepped(rng, 0, 6), []int{20}},
		{"down", stepped(rng, 0, -6), []int{20}},
		{"two steps", stepped(rng, 0, 8, 20), []int{20, 40}},
		{"up and back", stepped(rng, 0, 8, 0), []int{20, 40}},
		{"two values at the end", late, []int{40}},
		{"ties", append(slices.Repeat([]float64{1}, 12), slices.Repeat([]float64{2}, 12)...), []int{12}},
		{"an infinity", append(stepped(rng, 0, 6), math.Inf(1)), nil},
		{"a NaN", append(stepped(rng, 0, 6), math.NaN()), nil},
	} {
		var got []int
		strict := Divisive{MinSize: 2, P: 0.01, Permutations: 499, Seed: 7}
		for _, c := range strict.ChangePoints(tt.x) {
			got = append(got, c.Index)
			if !(c.P > 0 && c.P <= strict.P) || !(c.Q > 0) {
				t.Errorf("%s: %+v", tt.name, c)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %v, want %v", tt.name, got, tt.want)
		}
	}
	if found := (Divisive{MinSize: 2, P: 0.05, Permutations: 18, Seed: 1}).ChangePoints(stepped(rng, 0, 100)); found != nil {
		t.Errorf("18 permutations cannot tell 5 %%, and found %v", found)
	}
}

func TestChangePointsInvariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		x := stepped(rng, 0, 1.5)
		want := nightlike.ChangePoints(x)
		if again := nightlike.ChangePoints(x); !slices.Equal(again, want) {
			t.Fatalf("found %v, then %v", want, again)
		}
		moved := make([]float64, len(x))
		for i := range x {
			moved[i] = 3 - 4*x[i] // exact but for rounding
		}
		got := nightlike.ChangePoints(moved)
		if len(got) != len(want) {
			t.Fatalf("found %v, moved %v", want, got)
		}
		for i := range got {
			if got[i].Index != want[i].Index || got[i].P != want[i].P || math.Abs(got[i].Q-4*want[i].Q) > 1e-6 {
				t.Errorf("found %+v, moved %+v", want[i], got[i])
			}
		}
	}
}

// Where nothing changes something is found in P of series.
func TestChangePointsLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const series = 600
	for _, draw := range []func() float64{rng.NormFloat64, func() float64 { return math.Exp(2 * rng.NormFloat64()) }} {
		hits := 0
		for range series {
			x := make([]float64, 30)
			for i := range x {
				x[i] = draw()
			}
			if len(nightlike.ChangePoints(x)) > 0 {
				hits++
			}
		}
		if share := float64(hits) / series; share > 0.05+3*math.Sqrt(0.05*0.95/series) || share < 0.01 {
			t.Errorf("found in %.3f of series, want 0.05", share)
		}
	}
}

func FuzzChangePoints(f *testing.F) {
	f.Add([]byte{1, 1, 1, 9, 9, 9}, uint8(2))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, minSize uint8) {
		x := make([]float64, min(len(b), 40))
		for i := range x {
			x[i] = float64(b[i])
		}
		last := 0
		o := Divisive{MinSize: int(minSize), P: 0.1, Permutations: 29}
		for _, c := range o.ChangePoints(x) {
			if c.Index-last < max(o.MinSize, 1) || len(x)-c.Index < max(o.MinSize, 1) || !(c.P <= 0.1) || !(c.Q > 0) {
				t.Errorf("%v: %+v after %d", x, c, last)
			}
			last = c.Index
		}
	})
}

func BenchmarkChangePoints(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{50, 365} {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
			if i >= n-5 {
				x[i] += 10
			}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				nightlike.ChangePoints(x)
			}
		})
	}
}
