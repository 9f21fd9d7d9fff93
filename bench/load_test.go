package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/runnertest"
	"mlbench/stats"
)

// answering makes loads in which each path answers so many requests a second,
// with 2 % of noise from a fixed seed.
func answering(seed uint64, perSecond map[string]float64) func(context.Context, string, runner.Request, runner.Load) (runner.Throughput, error) {
	rng := rand.New(rand.NewPCG(seed, 2))
	return func(_ context.Context, addr string, r runner.Request, l runner.Load) (runner.Throughput, error) {
		if addr != runnertest.ScriptedAddr {
			return runner.Throughput{}, errors.New("loaded at " + addr)
		}
		n := int(perSecond[r.Path] * math.Exp(0.02*rng.NormFloat64()))
		return throughput(n, l), nil
	}
}

// throughput is of a load that answered n requests in each second.
func throughput(n int, l runner.Load) runner.Throughput {
	t := runner.Throughput{Begin: time.Now(), PerSecond: float64(n)}
	if n > 0 {
		p50 := time.Duration(l.Connections) * time.Second / time.Duration(n)
		p99 := 2 * p50
		t.P50, t.P99 = &p50, &p99
	}
	for range l.Seconds {
		t.Seconds = append(t.Seconds, runner.Second{Requests: n, Successes: n, P50: t.P50, P99: t.P99})
	}
	return t
}

// loading is an experiment with loads. The candidates' requests go to paths
// with their names, by which a load tells them apart.
func loading(r runner.Runner, load func(context.Context, string, runner.Request, runner.Load) (runner.Throughput, error), refs ...string) Experiment {
	e := experiment(r, func(s *Spec) { s.Pairs, s.LoadMS, s.Connections = 8, 2000, 4 }, refs...)
	e.Load = load
	for i, ref := range refs {
		e.Candidates[i].Request = &runner.Request{Method: "POST", Path: "/" + ref}
	}
	return e
}

func alike(refs ...string) *runnertest.Scripted {
	times := make(map[string]time.Duration)
	for _, ref := range refs {
		times[ref] = time.Second
	}
	return &runnertest.Scripted{Script: noisy(3, times)}
}

// TestLoadTellsSlowerInference is of a candidate that is ready as soon and
// answers fewer requests.
func TestLoadTellsSlowerInference(t *testing.T) {
	result, err := loading(alike("old", "new"), answering(1, map[string]float64{"/old": 100, "/new": 80}), "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// 2·2⁻⁷ is the first under 5 % for three metrics.
	if result.Spec.LoadBlocks != 7 || len(result.Loads(0)) != 7 || len(result.Loads(1)) != 7 || result.Ended != EndedFixed {
		t.Errorf("%d blocks, %d and %d loads, ended %s", result.Spec.LoadBlocks, len(result.Loads(0)), len(result.Loads(1)), result.Ended)
	}
	if s := result.Summary(0); s.Starts != 8 {
		t.Errorf("%d starts count, of 8", s.Starts)
	}
	if c := result.On(MetricThroughput)[0]; !(c.Change.Low < -0.2 && c.Change.High < -0.1) || c.Pairs != 7 || c.Verdict != "" || !(c.Shift.High < 0) || !math.IsInf(c.ShiftMS.High, 1) {
		t.Errorf("throughput %+v", c)
	}
	for _, metric := range []string{MetricLatencyP50, MetricLatencyP99} {
		if c := result.On(metric)[0]; !(c.Change.Low > 0.1) || !(c.ShiftMS.Low > 0) {
			t.Errorf("%s %+v", metric, c)
		}
	}
	if w := strings.Join(result.Warnings, "\n"); strings.Count(w, "under load new answers 2") != 1 || !strings.Contains(w, "fewer requests per second [−") || !strings.Contains(w, "and takes 2") || !strings.Contains(w, "99 % of its answers") {
		t.Errorf("warnings %q", w)
	}
	if len(result.Gates) != 3 { // starts of both, regression
		t.Errorf("gates %+v", result.Gates)
	}
	sameWhenReadAgain(t, result)
}

func TestLoadOfTheSame(t *testing.T) {
	result, err := loading(alike("old", "new"), answering(2, map[string]float64{"/old": 1000, "/new": 1000}), "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range LoadMetrics() {
		if c := result.On(metric)[0]; c.Change.Low > 0 || c.Change.High < 0 || math.IsInf(c.Change.High, 1) {
			t.Errorf("%s %+v", metric, c)
		}
	}
	for _, w := range result.Warnings {
		if strings.Contains(w, "load") {
			t.Error(w)
		}
	}
}

// TestLoadBlocks is how many blocks an interval takes.
func TestLoadBlocks(t *testing.T) {
	for candidates, want := range map[int]int{1: 6, 2: 7, 3: 8, 10: 11} {
		r := &Result{Spec: DefaultSpec(), Candidates: make([]runner.Candidate, candidates)}
		if got := r.loadBlocks(); got != 0 {
			t.Errorf("without load: %d", got)
		}
		r.Spec.LoadMS = 1000
		if got := r.loadBlocks(); got != want {
			t.Errorf("%d candidates: %d, want %d", candidates, got, want)
		}
	}
	r := &Result{Spec: DefaultSpec(), Candidates: make([]runner.Candidate, 2)}
	r.Spec.LoadMS = 1000
	for _, r.Spec.Alpha = range []float64{0.49, 0.375, 0.1, 0.01, 1e-4} { // 0.375 of three metrics is a power of ½
		n, tail := r.loadBlocks(), r.loadAlpha()/2
		if stats.Cutoff(n, tail) == 0 || stats.Cutoff(n-1, tail) > 0 {
			t.Errorf("alpha %v: %d are not the fewest with an interval", r.Spec.Alpha, n)
		}
	}
	// As a file may have it.
	if r.Spec.Alpha = math.SmallestNonzeroFloat64; r.loadBlocks() != MaxPairs {
		t.Errorf("%d blocks, want no more than a file may have", r.loadBlocks())
	}
}

// TestLoadAlone loads one candidate.
func TestLoadAlone(t *testing.T) {
	result, err := loading(alike("one"), answering(1, map[string]float64{"/one": 100}), "one").Run(t.Context())
	if err != nil || len(result.Loads(0)) != 6 || len(result.Comparisons) != 0 {
		t.Errorf("%v: %d loads, %+v", err, len(result.Loads(0)), result.Comparisons)
	}
	sameWhenReadAgain(t, result)
}

// TestLoadThatFails is of candidates that cannot bear their load.
func TestLoadThatFails(t *testing.T) {
	fine := answering(1, map[string]float64{"/old": 100, "/new": 100})
	for name, test := range map[string]struct {
		load    func(context.Context, string, runner.Request, runner.Load) (runner.Throughput, error)
		starts  func(ref string, n int) bool // that fail
		warning string
		lost    bool // it answers nothing, for sure
	}{
		"ends in the middle": {func(ctx context.Context, a string, r runner.Request, l runner.Load) (runner.Throughput, error) {
			x, err := fine(ctx, a, r, l)
			x.Cut = r.Path == "/new"
			return x, err
		}, nil, "new: it ended under its load in 7 of 7 starts, which count as answering nothing", true},
		"answers nothing": {func(ctx context.Context, a string, r runner.Request, l runner.Load) (runner.Throughput, error) {
			if r.Path == "/old" {
				return fine(ctx, a, r, l)
			}
			x := throughput(0, l)
			x.Seconds[0].Requests = 5
			x.Errors = []runner.Problem{{What: "503 Service\u202e Unavailable", Count: 4}, {What: "connection refused", Count: 1}}
			return x, nil
		}, nil, "new: 35 of 35 requests under load were not answered with 2xx: 503 Service\uFFFD Unavailable: 28, connection refused: 7", true},
		"is never answered": {func(ctx context.Context, a string, r runner.Request, l runner.Load) (runner.Throughput, error) {
			if r.Path == "/old" {
				return fine(ctx, a, r, l)
			}
			return throughput(0, l), nil
		}, nil, "new: in 7 of 7 loads every connection still waited", true},
		"starts fail": {fine, func(ref string, n int) bool { return ref == "new" && n >= 9 && n%2 == 1 },
			"new: 4 of 7 starts for the load failed (4 exited) and count as answering nothing; the last one: the program ended with status 7", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := alike("old", "new")
			script := r.Script
			r.Script = func(ref string, n int) (runner.Start, error) {
				if test.starts != nil && test.starts(ref, n) {
					return runnertest.Failed(7), nil
				}
				return script(ref, n)
			}
			result, err := loading(r, test.load, "old", "new").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if w := strings.Join(result.Warnings, "\n"); !strings.Contains(w, test.warning) {
				t.Errorf("warnings %q", w)
			}
			if c := result.On(MetricThroughput)[0]; (c.Change.High == -1) != test.lost {
				t.Errorf("%+v", c)
			}
			if g := result.Gates[1]; g.Name != GateStarts || g.Verdict != Pass {
				t.Errorf("a load counts as a measured start: %+v", g)
			}
			sameWhenReadAgain(t, result)
		})
	}
}

// TestFewRequests is of answers that take so long that few were asked for.
func TestFewRequests(t *testing.T) {
	for perSecond, want := range map[float64]bool{15: true, 30: false} { // for two seconds, on 4 connections
		result, err := loading(alike("one"), answering(1, map[string]float64{"/one": perSecond}), "one").Run(t.Context())
		w := strings.Join(result.Warnings, "\n")
		if told := strings.Contains(w, "one: in 6 of 6 loads each connection sent fewer than 10 requests"); err != nil || told != want {
			t.Errorf("%v a second: %v, %q", perSecond, err, w)
		}
	}
}

// TestRateNotKept is of a load that could not be sent as fast as asked.
func TestRateNotKept(t *testing.T) {
	e := loading(alike("one"), answering(1, map[string]float64{"/one": 100}), "one")
	e.Spec.Rate = 150
	result, err := e.Run(t.Context())
	if w := strings.Join(result.Warnings, "\n"); err != nil || !strings.Contains(w, "one: 150 requests per second could not be sent in 6 of 6 loads, as all of 4 connections were busy: raise --connections") {
		t.Errorf("%v, %q", err, w)
	}
}

// TestLoadIsNotMadeCold is that nothing is evicted for a start whose time does
// not count.
func TestLoadIsNotMadeCold(t *testing.T) {
	evictions := func(loads bool) int {
		r := alike("old", "new")
		r.Evictable, r.Provable = true, true
		e := loading(r, answering(1, map[string]float64{"/old": 100, "/new": 100}), "old", "new")
		if !loads {
			e.Spec.LoadMS, e.Spec.Connections = 0, 0
		}
		if result, err := e.Run(t.Context()); err != nil || result.Cold.Level != Cache {
			t.Fatalf("%v: %+v", err, result.Cold)
		}
		return r.Evictions
	}
	if with, without := evictions(true), evictions(false); with != without {
		t.Errorf("%d evictions with loads, %d without", with, without)
	}
}

// TestLoadInterrupted leaves loads without an interval, and no verdict.
func TestLoadInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fine, n := answering(1, map[string]float64{"/old": 100, "/new": 80}), 0
	result, err := loading(alike("old", "new"), func(running context.Context, a string, r runner.Request, l runner.Load) (runner.Throughput, error) {
		if n++; n == 5 {
			cancel()
		}
		return fine(running, a, r, l)
	}, "old", "new").Run(ctx)
	if !errors.Is(err, context.Canceled) || result.Ended != EndedInterrupted || result.Verdict == Pass {
		t.Errorf("%v, %s, %s", err, result.Ended, result.Verdict)
	}
	if c := result.On(MetricThroughput)[0]; c.Pairs != 2 || !math.IsInf(c.Change.Low, -1) && c.Change.Low > -1 {
		t.Errorf("%+v", c)
	}
}

func TestLoadUsage(t *testing.T) {
	fine := answering(1, map[string]float64{"/old": 100})
	for name, test := range map[string]struct {
		edit func(*Experiment)
		want string
	}{
		"no looker":      {func(e *Experiment) { e.Runner = struct{ runner.Runner }{e.Runner} }, "lets nobody at a start"},
		"no request":     {func(e *Experiment) { e.Candidates[0].Request = nil }, "--request 'POST /predict'"},
		"nothing sends":  {func(e *Experiment) { e.Load = nil }, "leave --load away"},
		"half a second":  {func(e *Experiment) { e.Spec.LoadMS = 1500 }, "load: 1.5 s"},
		"too long":       {func(e *Experiment) { e.Spec.LoadMS = 1e9 }, "load: "},
		"rate":           {func(e *Experiment) { e.Spec.Rate = -1 }, "rate: -1"},
		"connections":    {func(e *Experiment) { e.Spec.Connections = 0 }, "connections: 0"},
		"rate alone":     {func(e *Experiment) { e.Spec.LoadMS, e.Spec.Rate = 0, 5 }, "rate: nothing is loaded without --load"},
		"no load at all": {func(e *Experiment) { e.Spec.LoadMS = 0 }, "connections: nothing is loaded"},
	} {
		e := loading(alike("old"), fine, "old")
		test.edit(&e)
		if r, err := e.Run(t.Context()); !errors.Is(err, runner.ErrUsage) || !strings.Contains(err.Error(), test.want) || len(r.Starts) > 0 {
			t.Errorf("%s: %v after %d starts", name, err, len(r.Starts))
		}
	}
}

// TestLoadGPU takes what was in use in the counted seconds from a timeline.
func TestLoadGPU(t *testing.T) {
	busy := func(n int) *int { return &n }
	begin := time.Unix(1000, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	loads := runner.Throughput{Begin: at(2000), Seconds: make([]runner.Second, 2)}
	for name, test := range map[string]struct {
		points []gpu.Point
		busy   float64 // under 0 for nil
		memory int64   // likewise
	}{
		"before, in it and after": {[]gpu.Point{{At: at(0), Memory: 900, Busy: busy(100)}, {At: at(1000), Memory: 100, Busy: busy(0)},
			{At: at(3000), Memory: 300, Busy: busy(80)}, {At: at(3500), Memory: 200, Busy: busy(40)}, {At: at(4000), Memory: 999, Busy: busy(100)}}, 30, 300},
		"one point holds on":      {[]gpu.Point{{At: at(10), Memory: 7, Busy: busy(5)}}, 5, 7},
		"busy is told at times":   {[]gpu.Point{{At: at(10), Memory: 7}, {At: at(3000), Memory: 8, Busy: busy(50)}}, 50, 8},
		"nothing until the end":   {[]gpu.Point{{At: at(4000), Memory: 7, Busy: busy(5)}}, -1, -1},
		"no point":                {nil, -1, -1},
		"points at the same time": {[]gpu.Point{{At: at(10), Memory: 9, Busy: busy(9)}, {At: at(10), Memory: 7, Busy: busy(5)}}, 5, 7},
	} {
		s := record(runner.Start{BeginAt: begin, GPU: &gpu.Use{Points: test.points}}, 0, RoleLoad, 0, 0)
		s.recordLoad(loads, runner.Load{Seconds: 2, Connections: 1}, begin)
		l := s.Load
		if l.BeginMS != 2000 || (l.GPUBusyPercent == nil) != (test.busy < 0) || l.GPUBusyPercent != nil && *l.GPUBusyPercent != test.busy ||
			(l.GPUMemoryBytes == nil) != (test.memory < 0) || l.GPUMemoryBytes != nil && *l.GPUMemoryBytes != test.memory {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// TestLoadFiles are files that no run would have written.
func TestLoadFiles(t *testing.T) {
	one := 1.0
	for want, l := range map[string]*Load{
		"load.begin_ms":      {BeginMS: -1},
		"load.p50_ms":        {PerSecond: 5},
		"load.p50_ms, p99":   {P50MS: &one, P99MS: &one},
		"load.seconds[1]":    {Seconds: []LoadSecond{{}, {Requests: 1, Successes: 2}}},
		"load.errors[0]":     {Errors: []runner.Problem{{What: "x", Count: -1}}},
		"load.requests_per_": {PerSecond: -5, P50MS: &one, P99MS: &one},
		"than anything":      {PerSecond: 1e308, P50MS: &one, P99MS: &one},
		"load.gpu_memory":    {GPUMemoryBytes: new(int64(-1))},
	} {
		if err := l.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
