package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
	"mlbench/stats"
)

// noisy makes start times around base, with 2 % of noise from a fixed seed.
func noisy(seed uint64, base map[string]time.Duration) func(string, int) (runner.Start, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func(ref string, _ int) (runner.Start, error) {
		return runnertest.ReadyIn(time.Duration(float64(base[ref]) * math.Exp(0.02*rng.NormFloat64()))), nil
	}
}

func experiment(r runner.Runner, edit func(*Spec), refs ...string) Experiment {
	e := Experiment{Spec: DefaultSpec(), Runner: r, Tool: Tool{Version: "test", Go: "go"}}
	e.Spec.Seed = 7
	if edit != nil {
		edit(&e.Spec)
	}
	for _, ref := range refs {
		e.Candidates = append(e.Candidates, runner.Candidate{Name: ref, Ref: ref})
	}
	return e
}

// TestVerdicts runs whole experiments on scripted starts.
func TestVerdicts(t *testing.T) {
	const old = time.Second
	for _, test := range []struct {
		name    string
		new     time.Duration
		edit    func(*Spec)
		verdict Verdict
		gate    GateVerdict
		ended   Ended
		pairs   int // 0: any
	}{
		{"15 % slower", 1150 * time.Millisecond, nil, Regression, Fail, EndedDecided, 8},
		{"15 % faster", 850 * time.Millisecond, nil, Faster, Pass, EndedDecided, 8},
		{"the same", old, nil, NoRegression, Pass, EndedDecided, 0},
		{"2 % slower", 1020 * time.Millisecond, nil, "", Pass, EndedDecided, 0},
		{"2 % slower, to claim", 1020 * time.Millisecond, func(s *Spec) { s.Goal = Claim }, Slower, Pass, EndedDecided, 0},
		{"fixed", 850 * time.Millisecond, func(s *Spec) { s.Pairs = 12 }, Faster, Pass, EndedFixed, 12},
		{"one pair", 850 * time.Millisecond, func(s *Spec) { s.Pairs = 1 }, Undecided, Unknown, EndedFixed, 1},
		{"on the margin", 1050 * time.Millisecond, func(s *Spec) { s.MaxPairs = 12 }, "", Unknown, EndedLimit, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &runnertest.Scripted{Script: noisy(3, map[string]time.Duration{"old": old, "new": test.new})}
			result, err := experiment(r, test.edit, "old", "new").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := result.Comparisons[0]
			gate := result.Gates[2]
			if gate.Name != GateRegression {
				t.Fatalf("gates %+v", result.Gates)
			}
			if test.verdict != "" && c.Verdict != test.verdict || gate.Verdict != test.gate || result.Ended != test.ended ||
				test.pairs != 0 && c.Pairs != test.pairs {
				t.Errorf("%s, gate %s, ended %s after %d pairs: %+v", c.Verdict, gate.Verdict, result.Ended, c.Pairs, c)
			}
			sameWhenReadAgain(t, result)
		})
	}
}

// sameWhenReadAgain checks that a saved result is judged as it was.
func sameWhenReadAgain(t *testing.T, r *Result) {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Read(bytes.NewReader(b.Bytes()), "r.json")
	if err != nil {
		t.Fatal(err)
	}
	if again.Verdict != r.Verdict || !reflect.DeepEqual(again.Gates, r.Gates) || !reflect.DeepEqual(again.Comparisons, r.Comparisons) ||
		!reflect.DeepEqual(again.Warnings, r.Warnings) || !reflect.DeepEqual(again.Steps, r.Steps) {
		t.Errorf("read again:\n%+v\n%+v\n%q\nwas:\n%+v\n%+v\n%q", again.Comparisons, again.Gates, again.Warnings, r.Comparisons, r.Gates, r.Warnings)
	}
}

func TestFailedStartsAreInfiniteTimes(t *testing.T) {
	script := noisy(3, map[string]time.Duration{"old": time.Second, "new": time.Second})
	r := &runnertest.Scripted{Script: func(ref string, n int) (runner.Start, error) {
		if ref == "new" && n > 0 && n%3 == 0 {
			return runnertest.Failed(7), nil
		}
		return script(ref, n)
	}}
	result, err := experiment(r, func(s *Spec) { s.Pairs = 12 }, "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if g := result.Gates[1]; g.Verdict != Fail || g.Candidate != 1 || result.Verdict != Fail {
		t.Errorf("gate %+v, verdict %s", g, result.Verdict)
	}
	if !strings.HasPrefix(result.Warnings[0], "new: 4 of 12 starts failed (4 exited)") {
		t.Errorf("first warning %q", result.Warnings[0])
	}
	if c := result.Comparisons[0]; !math.IsInf(c.Change.High, 1) {
		t.Errorf("a third of infinite times gives %+v", c.Change)
	}
	sameWhenReadAgain(t, result)

	result.Spec.AllowFailures = 4
	if err := result.Judge(); err != nil || result.Gates[1].Verdict != Pass {
		t.Errorf("4 failures allowed: %v, %+v", err, result.Gates[1])
	}
}

func TestNeverReady(t *testing.T) {
	for _, test := range []struct {
		name   string
		script func(ref string, n int) (runner.Start, error)
		want   string
	}{
		{"at warm-up", func(ref string, _ int) (runner.Start, error) {
			if ref == "new" {
				return runnertest.Failed(3), nil
			}
			return runnertest.ReadyIn(time.Second), nil
		}, "new never became ready (3 exited)"},
		{"after it", func(ref string, n int) (runner.Start, error) {
			if ref == "old" && n > 0 {
				return runnertest.Failed(3), nil
			}
			return runnertest.ReadyIn(time.Second), nil
		}, "old became ready in its unmeasured start, and never after it (3 exited): the program ended with status 3 before it was ready\nits last line:\n    last words"},
		{"timed out", func(string, int) (runner.Start, error) {
			return runner.Start{Outcome: runner.OutcomeTimeout, Problem: "not ready in time"}, nil
		}, "old never became ready (1 timeout): not ready in time\nit printed nothing"},
		{"wrong request", func(string, int) (runner.Start, error) {
			s := runnertest.ReadyIn(time.Second)
			s.Outcome, s.Problem = runner.OutcomeError, "the first request is refused"
			return s, nil
		}, "old was ready but did not answer its first request (1 error): the first request is refused\nit printed nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			result, err := experiment(&runnertest.Scripted{Script: test.script}, nil, "old", "new").Run(t.Context())
			var never *NeverReadyError
			if !errors.As(err, &never) || !errors.Is(err, runner.ErrEnvironment) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
			if result.Ended != EndedFailed {
				t.Errorf("ended %s", result.Ended)
			}
			sameWhenReadAgain(t, result)
		})
	}
}

func TestWarmUpMayFailOnce(t *testing.T) {
	script := noisy(1, map[string]time.Duration{"old": time.Second, "new": 800 * time.Millisecond})
	r := &runnertest.Scripted{Script: func(ref string, n int) (runner.Start, error) {
		if ref == "new" && n == 0 {
			return runnertest.Failed(1), nil
		}
		return script(ref, n)
	}}
	result, err := experiment(r, nil, "old", "new").Run(t.Context())
	if err != nil || result.Comparisons[0].Verdict != Faster {
		t.Errorf("%v, %+v", err, result.Comparisons)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	starts := 0
	r := &runnertest.Scripted{
		Script: noisy(1, map[string]time.Duration{"old": time.Second, "new": time.Second}),
		OnStart: func(string) {
			if starts++; starts == 10 {
				cancel(stop)
			}
		},
	}
	result, err := experiment(r, nil, "old", "new").Run(ctx)
	if !errors.Is(err, stop) || result.Ended != EndedInterrupted || len(result.Starts) != 9 {
		t.Errorf("%v, ended %s after %d starts", err, result.Ended, len(result.Starts))
	}
	if c := result.Comparisons[0]; c.Verdict != Undecided || c.Pairs != 3 {
		t.Errorf("%+v", c)
	}
	sameWhenReadAgain(t, result)
}

func TestEngineFailsInTheMiddle(t *testing.T) {
	gone := runner.As(runner.ErrEnvironment, errors.New("no engine answers"))
	script := noisy(1, map[string]time.Duration{"old": time.Second, "new": time.Second})
	r := &runnertest.Scripted{Script: func(ref string, n int) (runner.Start, error) {
		if n == 5 {
			return runner.Start{}, gone
		}
		return script(ref, n)
	}}
	result, err := experiment(r, nil, "old", "new").Run(t.Context())
	if !errors.Is(err, gone) || result.Ended != EndedFailed || len(result.Starts) < 10 {
		t.Errorf("%v, ended %s, %d starts kept", err, result.Ended, len(result.Starts))
	}
}

// A target that was given goes on after the comparison is decided.
func TestTarget(t *testing.T) {
	r := &runnertest.Scripted{Script: noisy(1, map[string]time.Duration{"old": time.Second, "new": 500 * time.Millisecond})}
	result, err := experiment(r, func(s *Spec) { s.TargetGates = true }, "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := result.Gates[len(result.Gates)-1]
	if last.Name != GateTarget || last.Verdict != Pass || result.Ended != EndedDecided {
		t.Errorf("gate %+v, ended %s", last, result.Ended)
	}
	pairs, targets := len(result.blocks(RolePair)), len(result.blocks(RoleTarget))
	if pairs != 8 || targets != 31 { // the sequential form needs 39 clean starts at p90
		t.Errorf("%d pairs and %d more blocks", pairs, targets)
	}
	sameWhenReadAgain(t, result)

	t.Run("missed", func(t *testing.T) {
		r := &runnertest.Scripted{Script: noisy(1, map[string]time.Duration{"only": 2 * time.Second})}
		result, err := experiment(r, func(s *Spec) { s.TargetGates = true }, "only").Run(t.Context())
		if err != nil || result.Verdict != Fail || result.Ended != EndedDecided {
			t.Errorf("%v, %s, ended %s", err, result.Verdict, result.Ended)
		}
		if n := len(result.measured(0)); n != result.Spec.MinPairs {
			t.Errorf("it took %d starts to see that none is in time", n)
		}
	})
	t.Run("fixed", func(t *testing.T) {
		r := &runnertest.Scripted{Script: noisy(1, map[string]time.Duration{"only": time.Second / 2})}
		result, err := experiment(r, func(s *Spec) { s.TargetGates, s.Pairs = true, 20 }, "only").Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if g := result.Gates[1]; g.Verdict != Unknown || g.Needs != 9 { // Clopper and Pearson need 29
			t.Errorf("%+v", g)
		}
	})
}

func TestSizeGate(t *testing.T) {
	limit := int64(800e6)
	r := &runnertest.Scripted{Script: noisy(1, map[string]time.Duration{"only": time.Second / 2})}
	result, err := experiment(r, func(s *Spec) { s.MaxBytes = &limit }, "only").Run(t.Context())
	if err != nil || result.Verdict != Fail {
		t.Errorf("%v, %s", err, result.Verdict)
	}
	result.Candidates[0].UnpackedBytes = nil
	if err := result.Judge(); err != nil || result.Verdict != Unknown {
		t.Errorf("%v, %s", err, result.Verdict)
	}
}

func TestCold(t *testing.T) {
	script := noisy(1, map[string]time.Duration{"old": time.Second, "new": time.Second / 2})
	for _, test := range []struct {
		name  string
		r     runnertest.Scripted
		wish  ColdLevel
		level ColdLevel
		why   string // part of it
		fails bool
	}{
		{"auto, proved", runnertest.Scripted{Evictable: true, Provable: true}, Auto, Cache, "", false},
		{"auto, not proved", runnertest.Scripted{Evictable: true}, Auto, Warm, "cannot be proved", false},
		{"auto, not permitted", runnertest.Scripted{}, Auto, Warm, "scripted not to", false},
		{"auto, pages stay", runnertest.Scripted{Evictable: true, Provable: true, Stays: 2e6}, Auto, Warm, "2 MB of old stay in memory", false},
		{"warm", runnertest.Scripted{Evictable: true, Provable: true}, Warm, Warm, "", false},
		{"cache, not proved", runnertest.Scripted{Evictable: true}, Cache, Cache, "", false},
		{"cache, pages stay", runnertest.Scripted{Evictable: true, Provable: true, Stays: 2e6}, Cache, Cache, "", false},
		{"cache, not permitted", runnertest.Scripted{}, Cache, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.r
			r.Script = script
			result, err := experiment(&r, func(s *Spec) { s.Cold = test.wish }, "old", "new").Run(t.Context())
			if test.fails {
				if !errors.Is(err, runner.ErrEnvironment) || !errors.Is(err, runner.ErrNotPermitted) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c := result.Cold; c.Level != test.level || !strings.Contains(c.Why, test.why) || c.How == "" {
				t.Errorf("cold %+v", c)
			}
			if test.level == Cache && r.Evictions < len(result.Starts) {
				t.Errorf("%d evictions for %d starts", r.Evictions, len(result.Starts))
			}
			if test.level == Warm && test.wish == Warm && r.Evictions > 0 {
				t.Errorf("%d evictions at level warm", r.Evictions)
			}
			warned := strings.Contains(strings.Join(result.Warnings, "\n"), "was not quite cold")
			if want := test.level == Cache && r.Provable && r.Stays > 0; warned != want {
				t.Errorf("warnings %q", result.Warnings)
			}
			if last := result.Starts[len(result.Starts)-1]; r.Provable != (last.Resident != nil) {
				t.Errorf("resident %v", last.Resident)
			}
			if test.level == Warm && len(result.Comparisons[0].Covariates) > 0 {
				t.Errorf("adjusted for %+v", result.Comparisons[0].Covariates)
			}
		})
	}
}

// The order of every block is its own, comes from the seed, and is fair.
func TestOrder(t *testing.T) {
	const blocks = 4000
	first := 0
	repeats := 0
	for b := range blocks {
		o := order(11, b, 2)
		if !reflect.DeepEqual(o, order(11, b, 2)) {
			t.Fatal("not reproducible")
		}
		first += o[0]
		if b > 0 && o[0] == order(11, b-1, 2)[0] {
			repeats++
		}
	}
	// Each is binomial with standard deviation √(4000/4) = 32.
	for name, n := range map[string]int{"candidate first": first, "same as before": repeats} {
		if n < blocks/2-130 || n > blocks/2+130 {
			t.Errorf("%s in %d of %d blocks", name, n, blocks)
		}
	}
}

func TestVerdictRows(t *testing.T) {
	const d = 0.05
	for _, test := range []struct {
		low, high float64
		goal      Goal
		verdict   Verdict
		ends      bool
	}{
		{0.06, 0.2, Decide, Regression, true},
		{0.01, 0.04, Decide, Slower, true},
		{0.01, 0.2, Decide, Slower, false},
		{-0.2, -0.1, Decide, Faster, true},
		{-0.2, 0.04, Decide, NoRegression, true},
		{-0.2, 0.04, Claim, NoRegression, false},
		{-0.2, 0.06, Decide, Undecided, false},
		{math.Inf(-1), math.Inf(1), Decide, Undecided, false},
		{0.06, math.Inf(1), Decide, Regression, true},
	} {
		i := Change{Low: test.low, High: test.high}
		if v, ends := verdictOf(stats.Interval(i), d, test.goal); v != test.verdict || ends != test.ends {
			t.Errorf("[%v, %v], goal %s: %s, ends %v; want %s, %v", test.low, test.high, test.goal, v, ends, test.verdict, test.ends)
		}
	}
}

func TestReadNonsense(t *testing.T) {
	r := &runnertest.Scripted{Script: noisy(1, map[string]time.Duration{"old": time.Second, "new": time.Second / 2})}
	result, err := experiment(r, nil, "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := result.Write(&b); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	for _, test := range []struct{ name, text, want string }{
		{"truncated", good[:len(good)/2], "line "},
		{"empty", "", "line 1"},
		{"an array", "[]", "line 1, column"},
		{"another schema", `{"schema": "other/v3"}`, `schema: found "other/v3"`},
		{"no schema", `{}`, `schema: found none`},
		{"a word for a number", strings.Replace(good, `"margin": 0.05`, `"margin": "five"`, 1), "field spec.margin: it is a text, and ought to be a number"},
		{"a number for a list", strings.Replace(good, `"starts": [`, `"starts": 7, "more": [`, 1), "field starts: it is a number, and ought to be a list"},
		{"half a candidate", strings.Replace(good, `"candidate": 1`, `"candidate": 0.5`, 1), "candidate: it is 0.5, and ought to be a whole number"},
		{"a list for what is one", strings.Replace(good, `"spec": {`, `"spec": [], "more": {`, 1), "field spec: it is a list, and ought to be an object"},
		{"a word in a change", strings.Replace(good, `"estimate": `, `"estimate": "x", "more": `, 1), "malformed result: field comparisons.change.estimate: it is a text, and ought to be a number"},
		{"a margin of minus one", strings.Replace(good, `"margin": 0.05`, `"margin": -1`, 1), "spec.margin"},
		{"many pairs", strings.Replace(good, `"max_pairs": 40`, `"max_pairs": 1000000000`, 1), "spec.max_pairs"},
		{"no such candidate", strings.Replace(good, `"candidate": 1`, `"candidate": 9`, 1), "candidate"},
		{"a negative candidate", strings.Replace(good, `"candidate": 1`, `"candidate": -1`, 1), "candidate"},
		{"ready without a time", strings.Replace(good, `"ready_ms": `, `"ready_was": `, 1), "ready_ms"},
		{"less than nothing was read", strings.Replace(good, `"outcome": "ready"`, `"outcome": "ready", "read_bytes": -1`, 1), "starts[0].read_bytes: -1 is negative"},
		{"an outcome of its own", strings.Replace(good, `"outcome": "ready"`, `"outcome": "fine"`, 1), "starts[0].outcome"},
		{"twice the same start", strings.ReplaceAll(good, `"block": 1,`, `"block": 0,`), "has a start of candidate"},
		{"a rule that is none", strings.Replace(good, `"ready": "http"`, `"ready": "log=("`, 1), "candidates[0]: ready rule log"},
		{"a time that is none", strings.Replace(good, `"begin_at": "2`, `"begin_at": "x`, 1), " is no time: want one such as 2026-11-01T12:00:00Z"},
		{"an end of its own", strings.Replace(good, `"ended": "decided"`, `"ended": "well"`, 1), "ended: no end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(test.text), "r.json")
			if !errors.Is(err, ErrMalformed) || !strings.HasPrefix(err.Error(), "r.json: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one about %q", err, test.want)
			}
		})
	}
}

// FuzzRead: whatever is in a file, reading and judging it does not panic, and
// what is accepted can be written and read again.
func FuzzRead(f *testing.F) {
	r := &runnertest.Scripted{Script: noisy(1, map[string]time.Duration{"old": time.Second, "new": time.Second / 2})}
	result, err := experiment(r, func(s *Spec) { s.Pairs = 2 }, "old", "new").Run(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := result.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	if result, err = experiment(costly(), func(s *Spec) { s.Pairs = 2 }, "old", "new").Run(f.Context()); err != nil {
		f.Fatal(err)
	}
	b.Reset()
	if err := result.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	onGPU := costly()
	onGPU.Script = func(string, int) (runner.Start, error) {
		return runnertest.OnGPU(runnertest.ReadyIn(time.Second), served(1e9)), nil
	}
	if result, err = experiment(onGPU, func(s *Spec) { s.Pairs, s.MaxGPUBytes = 2, new(int64(1e9)) }, "old", "new").Run(f.Context()); err != nil {
		f.Fatal(err)
	}
	b.Reset()
	if err := result.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema": "mlbench.result/v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(bytes.NewReader(data), "f")
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("accepted, but cannot be written: %v", err)
		}
	})
}
