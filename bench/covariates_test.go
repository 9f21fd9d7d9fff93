package bench

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// A busyHost starts candidates that compute for a second, and keeps them
// waiting for processors.
type busyHost struct {
	runnertest.Scripted
	gauged int
}

// Gauge tells nothing: it takes as long whatever the host does.
func (h *busyHost) Gauge() (time.Duration, bool) {
	h.gauged++
	return time.Duration(20+h.gauged%3) * time.Millisecond, true
}

// busy is a host on which waiting lengthens starts by 30 % on average, in a
// standard deviation of 15 %. change is the candidate's true one, and more how
// much longer it waits beside what it computes.
func busy(seed uint64, change, more float64, edit func(ref string, n int, s *runner.Start)) *busyHost {
	rng := rand.New(rand.NewPCG(seed, 2))
	h := new(busyHost)
	h.Script = func(ref string, n int) (runner.Start, error) {
		waited := max(0.3+0.15*rng.NormFloat64(), 0)
		cpu := 1e9 * math.Exp(0.02*rng.NormFloat64())
		if ref != "old" {
			cpu *= 1 + change
			waited += more
		}
		s := runnertest.ReadyIn(time.Duration(cpu * math.Exp(waited)))
		s.CPU, s.CPUWait = new(time.Duration(cpu)), new(time.Duration(cpu*math.Expm1(waited)))
		if edit != nil {
			edit(ref, n, &s)
		}
		return s, nil
	}
	return h
}

func compared(t *testing.T, h *busyHost, edit func(*Spec)) *Result {
	t.Helper()
	r, err := experiment(h, func(s *Spec) {
		s.Cold = Warm
		if edit != nil {
			edit(s)
		}
	}, "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sameWhenReadAgain(t, r)
	return r
}

func TestWaitingIsTakenOut(t *testing.T) {
	h := busy(1, 0.06, 0, nil)
	r := compared(t, h, func(s *Spec) { s.Pairs = 20 })
	c := r.Comparisons[0]
	if c.Verdict != Slower || c.Raw == nil || c.Raw.Change.Low > 0 {
		t.Fatalf("a change that waiting hides: %+v, raw %+v", c, c.Raw)
	}
	if c.Change.Low > 0.06 || c.Change.High < 0.06 {
		t.Errorf("the interval misses the true 6 %%: %+v", c.Change)
	}
	if c.CovariateGain == nil || *c.CovariateGain < 0.9 {
		t.Errorf("gain %v", c.CovariateGain)
	}
	if len(c.Covariates) != 1 || c.Covariates[0].Name != CovariateCPUWait || !c.Covariates[0].Used || math.Abs(c.Covariates[0].Coefficient-1) > 0.1 {
		t.Errorf("covariates %+v", c.Covariates)
	}
	if h.gauged != 0 {
		t.Errorf("%d probes beside what tells more", h.gauged)
	}
	// The shift is that of the adjusted times.
	if s := c.ShiftMS; s.Low <= 0 || s.Estimate < 60 || s.Estimate > 110 {
		t.Errorf("shift %+v of a start that takes about 1.35 s", s)
	}
}

// A probe before the start serves where nothing tells of the start itself, and
// there alone.
func TestProbe(t *testing.T) {
	h := busy(1, 0, 0, func(_ string, _ int, s *runner.Start) { s.CPUWait = nil })
	r := compared(t, h, func(s *Spec) { s.Pairs = 20 })
	if uses := r.Comparisons[0].Covariates; h.gauged != 40 || len(uses) != 1 || uses[0].Name != CovariateProbe || !uses[0].Used {
		t.Errorf("%d probes of 40 measured starts, covariates %+v", h.gauged, uses)
	}
	for i := range r.Starts {
		r.Starts[i].note(CovariateCPUWait, time.Duration(1+i)*time.Millisecond)
	}
	if err := r.Judge(); err != nil {
		t.Fatal(err)
	}
	if uses := r.Comparisons[0].Covariates; len(uses) != 2 || !uses[0].Used || uses[1].Used || uses[1].Why == "" {
		t.Errorf("covariates %+v", uses)
	}
}

func TestNoCovariate(t *testing.T) {
	h := busy(1, 0.06, 0, nil)
	r := compared(t, h, func(s *Spec) { s.Pairs, s.NoCovariate = 20, true })
	c := r.Comparisons[0]
	if c.Raw != nil || c.Covariates != nil || c.CovariateGain != nil || c.Verdict == Slower || h.gauged != 0 {
		t.Errorf("%d probes, %+v", h.gauged, c)
	}
	// The times are the same ones, so that a saved result can be judged anew.
	r.Spec.NoCovariate = false
	if err := r.Judge(); err != nil || r.Comparisons[0].Verdict != Slower {
		t.Errorf("with what was recorded: %v, %+v", err, r.Comparisons[0])
	}
}

// A candidate that uses more processors at a time waits for them for longer.
// Whether that is to be taken for the host's doing or for its own nobody can
// tell, so nothing is claimed that does not hold either way.
func TestInfluencedCovariate(t *testing.T) {
	for _, test := range []struct {
		change float64 // of what it computes
		alone  Verdict // by the times alone
		want   Verdict
	}{
		{0, Regression, Undecided},
		{-0.25, NoRegression, NoRegression},
		{0.5, Regression, Regression},
	} {
		r := compared(t, busy(3, test.change, 0.3, nil), func(s *Spec) { s.Pairs = 20 })
		c := r.Comparisons[0]
		if use := c.Covariates[0]; use.Name != CovariateCPUWait || use.Used || use.Imbalance.Low <= 0 {
			t.Errorf("used although the candidate influences it: %+v", use)
		}
		if c.Verdict != test.want || c.Change.Low > c.Raw.Change.Low || c.Change.High < c.Raw.Change.High {
			t.Errorf("%+v: %+v, by times alone %+v", test, c, c.Raw)
		}
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "use more of them at a time") {
			t.Errorf("warnings %q", r.Warnings)
		}
		r.Spec.NoCovariate = true
		if err := r.Judge(); err != nil || r.Comparisons[0].Verdict != test.alone {
			t.Errorf("%+v: by times alone %v, %+v", test, err, r.Comparisons[0])
		}
	}
}

// Covariates that are missing in some starts, or make no sense, or belong to
// starts that failed, harm nothing.
func TestOddCovariates(t *testing.T) {
	for name, edit := range map[string]func(ref string, n int, s *runner.Start){
		"none":            func(_ string, _ int, s *runner.Start) { s.CPU, s.CPUWait = nil, nil },
		"wait without it": func(_ string, _ int, s *runner.Start) { s.CPU = nil },
		"every third": func(_ string, n int, s *runner.Start) {
			if n%3 == 0 {
				s.CPUWait = nil
			}
		},
		"of one candidate": func(ref string, _ int, s *runner.Start) {
			if ref == "new" {
				s.CPUWait = nil
			}
		},
		"negative": func(_ string, _ int, s *runner.Start) { *s.CPUWait = -time.Second },
		"no time":  func(_ string, _ int, s *runner.Start) { *s.CPU = 0 },
		"failures": func(_ string, n int, s *runner.Start) {
			if n%4 == 3 {
				*s = runnertest.Failed(1)
			}
		},
		"always alike": func(_ string, _ int, s *runner.Start) { *s.CPU, *s.CPUWait = time.Second, time.Second },
		"endless":      func(_ string, _ int, s *runner.Start) { *s.CPU, *s.CPUWait = 1, math.MaxInt64 },
	} {
		t.Run(name, func(t *testing.T) {
			r := compared(t, busy(1, -0.3, 0, edit), func(s *Spec) { s.Pairs, s.AllowFailures = 24, 12 })
			c := r.Comparisons[0]
			if c.Verdict != Faster || math.IsNaN(c.Change.Estimate) || math.IsNaN(c.ShiftMS.Estimate) {
				t.Errorf("%+v", c)
			}
			if _, err := json.Marshal(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// The CPU time is a comparison of its own, which no gate asks.
func TestWitness(t *testing.T) {
	r := compared(t, busy(5, -0.2, 0, nil), nil)
	cpu := r.On(MetricCPU)
	if len(r.On(MetricReady)) != 1 || len(cpu) != 1 {
		t.Fatalf("comparisons %+v", r.Comparisons)
	}
	if c := cpu[0]; c.Verdict != "" || c.Candidate != 1 || c.Pairs != r.Comparisons[0].Pairs || c.Level != 0.95 ||
		c.Change.Low > -0.2 || c.Change.High < -0.2 || c.Change.High > -0.1 || c.ShiftMS.High >= 0 {
		t.Errorf("%+v", c)
	}
	for _, g := range r.Gates {
		if g.Name == GateRegression && g.Candidate != 1 {
			t.Errorf("gates %+v", r.Gates)
		}
	}
	// A candidate that waits for a timer is later, and computes no more.
	sleepy := func(ref string, _ int, s *runner.Start) {
		if ref == "new" {
			took, cpu, wait := s.Marks[runner.Ready].At, s.CPU, s.CPUWait
			*s = runnertest.ReadyIn(took + 300*time.Millisecond)
			s.CPU, s.CPUWait = cpu, wait
		}
	}
	r = compared(t, busy(6, 0, 0, sleepy), func(s *Spec) { s.Pairs = 20 })
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "the difference is in waiting") {
		t.Errorf("%+v\nwarnings %q", r.Comparisons, r.Warnings)
	}
}

// BenchmarkJudge is the whole decision on 40 pairs of four candidates, with
// three covariates: what happens between two starts must not disturb the host.
func BenchmarkJudge(b *testing.B) {
	h := busy(1, 0.03, 0, func(_ string, n int, s *runner.Start) { s.Steal = new(time.Duration(n%5) * 10 * time.Millisecond) })
	r, err := experiment(h, func(s *Spec) { s.Cold, s.MinPairs, s.MaxPairs, s.Goal = Warm, 40, 40, Claim }, "old", "a", "b", "c").Run(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	schedule, err := DefaultSpec().schedule(3)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for i := 1; i < len(r.Candidates); i++ {
			r.compare(i, schedule)
		}
	}
}
