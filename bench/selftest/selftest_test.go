package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// simulated is a host on which a unit of work takes so long, whatever this one
// needs for it, with normal noise on every start.
type simulated struct {
	runnertest.Scripted
	unit  time.Duration
	noise float64
	bend  func(extra float64, n int) float64 // what the logarithm of a start's time is more by; may be nil
	fails func(n int) bool                   // which starts do; may be nil
	rng   *rand.Rand
	n     int
}

const engineFloor = 250 * time.Millisecond

func (s *simulated) Start(_ context.Context, c runner.Candidate, _ time.Duration) (runner.Start, error) {
	work, _ := strconv.Atoi(c.Args[1])
	extra, _ := strconv.Atoi(c.Args[3])
	s.n++
	if s.fails != nil && s.fails(s.n) {
		return runnertest.Failed(3), nil
	}
	noise := s.noise * s.rng.NormFloat64()
	if s.bend != nil {
		noise += s.bend(float64(extra)/float64(work), s.n)
	}
	slow := func(d time.Duration) time.Duration { return time.Duration(float64(d) * math.Exp(noise)) }
	boot := slow(engineFloor + time.Duration(work)*s.unit)
	added := slow(time.Duration(extra) * s.unit)
	start := runner.Start{BeginAt: time.Now(), Outcome: runner.OutcomeReady, Marks: runner.Marks{
		runner.Created: {At: boot / 50}, runner.Started: {At: boot / 3}, runner.Listening: {At: boot},
		runner.Ready: {At: boot + added + 100*time.Microsecond},
	}}
	wait, cpu := time.Duration(float64(boot)*0.02), boot/2
	start.CPU, start.CPUWait = &cpu, &wait
	return start, nil
}

func selftestOf(t *testing.T, s *simulated, edit func(*Plan)) *Report {
	t.Helper()
	s.rng = rand.New(rand.NewPCG(5, 6))
	plan := Quick()
	plan.Runner, plan.Seed, plan.Replays, plan.Work = "simulated", 3, 200, 10*time.Millisecond
	if edit != nil {
		edit(&plan)
	}
	if s.unit == 0 {
		s.unit = 250 * time.Millisecond / time.Duration(unitsIn(plan.Work)) // about as long as the engine takes
	}
	r, err := Test{Plan: plan, Runner: s, Server: runner.Candidate{Ref: "server"}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKnownNoise(t *testing.T) {
	r := selftestOf(t, &simulated{noise: 0.04}, func(p *Plan) { p.Pairs, p.NoCovariate = 60, true })
	if n := r.Noise; math.Abs(n.Start-0.04) > 0.006 || n.Paired == nil || math.Abs(*n.Paired-0.04) > 0.01 {
		t.Errorf("noise %+v, and 4 %% was put in", n)
	}
	if n := r.Noise; n.Adjusted != nil || n.CovariateGain != nil || len(n.Covariates) > 0 {
		t.Errorf("adjusted although nothing is to be: %+v", n)
	}
	// (1.96 + 0.84)·√2·0.04/√40 is 2.5 %.
	if x := r.Resolvable[2]; x.Pairs != 40 || x.Raw == nil || *x.Raw < 0.018 || *x.Raw > 0.034 {
		t.Errorf("resolvable %+v", x)
	}
	for _, x := range r.Injected {
		if math.Abs(x.Truth-x.Injected) > 0.1*x.Injected {
			t.Errorf("%s is truly %v, and %v was planned", x.Name, x.Truth, x.Injected)
		}
		if x.Found == 0 || !x.Covered || x.Comparison.Change.Low <= 0 {
			t.Errorf("%+v", x)
		}
	}
	if r.AA.Replays != 200 || r.AA.Pairs != 60 || r.AA.Low > Promised || r.Verdict != bench.Pass {
		t.Errorf("A/A %+v, %s: %s", r.AA, r.Verdict, r.Why)
	}
	for _, d := range r.Disturbances {
		if d.Notable && d.Name != "load" {
			t.Errorf("on a host that nothing disturbs: %+v", d)
		}
		if d.Name == "load" && math.Abs(d.Size-0.02) > 0.002 {
			t.Errorf("%+v, and 2 %% was put in", d)
		}
		if d.Name == "steal" && !strings.Contains(d.Says, "not told") {
			t.Errorf("%+v, and it is not told", d)
		}
	}
}

func TestDisturbances(t *testing.T) {
	for name, host := range map[string]*simulated{
		"drift":           {noise: 0.01, bend: func(_ float64, n int) float64 { return 0.003 * float64(n) }},
		"groups":          {noise: 0.01, bend: func(_ float64, n int) float64 { return 0.3 * float64(n*7919%13%2) }},
		"autocorrelation": {noise: 0.01, bend: func(_ float64, n int) float64 { return 0.1 * math.Sin(float64(n)/3) }},
		"failures":        {noise: 0.01, fails: func(n int) bool { return n == 40 }},
	} {
		t.Run(name, func(t *testing.T) {
			r := selftestOf(t, host, nil)
			for i, d := range r.Disturbances {
				if d.Name == name {
					if !d.Notable || name == "failures" && i > 0 || d.Says == "" {
						t.Errorf("as number %d: %+v", i, d)
					}
					return
				}
			}
			t.Errorf("it is not among %+v", r.Disturbances)
		})
	}
}

// A tool that would call what was made slower faster has to find that out.
func TestWrongSignFails(t *testing.T) {
	r := selftestOf(t, &simulated{noise: 0.01, bend: func(extra float64, _ int) float64 {
		if extra > 0 {
			return -0.5
		}
		return 0
	}}, nil)
	if r.Verdict != bench.Fail || !strings.Contains(r.Why, "+10 % added is called faster") {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
}

func TestTooManyClaimsFail(t *testing.T) {
	r := selftestOf(t, &simulated{noise: 0.01}, nil)
	r.AA.Claims, r.AA.Replays, r.AA.Low = 300, 2000, 0.13
	if r.conclude(); r.Verdict != bench.Fail || !strings.Contains(r.Why, "A/A false claims 300 of 2000, which is more than the 5.0 % promised") {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
}

// The same seed gives the same figures of the same starts.
func TestReplayFollowsFromSeed(t *testing.T) {
	plan := Plan{Pairs: 16, Replays: 100, Seed: 9}
	r := selftestOf(t, &simulated{noise: 0.05}, nil)
	again, err := evaluate(t.Context(), r.Result, plan)
	if err != nil {
		t.Fatal(err)
	}
	and, err := evaluate(t.Context(), r.Result, plan)
	if err != nil {
		t.Fatal(err)
	}
	if again.AA.Claims != and.AA.Claims || again.Why != and.Why {
		t.Errorf("%q, then %q", again.Why, and.Why)
	}
}

func TestFewPairs(t *testing.T) {
	r := selftestOf(t, &simulated{noise: 0.05}, func(p *Plan) { p.Pairs = LeastPairs })
	var b bytes.Buffer
	if err := bench.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Schema != Schema || len(back.Result.Starts) == 0 {
		t.Errorf("%v: %.200s", err, b.String())
	}
}

// A unit takes as long at the end of much work as at its beginning, or what is
// injected is not what was planned; this only sees that work is done at all.
func TestWorkIsDone(t *testing.T) {
	w := newWorker()
	w.do(10)
	x := w.x
	w.do(0)
	if w.x != x || x == 1 {
		t.Errorf("%d after work, %d after none", x, w.x)
	}
	// A unit is some microseconds, on any machine less than a millisecond and
	// more than what a thousand steps can take at all.
	if n := unitsIn(100 * time.Millisecond); n < 100 || n > 1_000_000 {
		t.Errorf("%d units in 100 ms", n)
	}
}
