package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

func pulling(pairs int) func(*Spec) {
	return func(s *Spec) { s.Cold, s.Pairs = Pull, pairs }
}

func TestPull(t *testing.T) {
	const cpu, wait, steal = 800 * time.Millisecond, 200 * time.Millisecond, 100 * time.Millisecond
	ready := noisy(3, map[string]time.Duration{"old": time.Second, "new": 3 * time.Second})
	script := func(ref string, n int) (runner.Start, error) {
		s, err := ready(ref, n)
		used, waited, stolen := cpu, time.Duration(n)*wait, steal
		s.CPU, s.CPUWait, s.Steal = &used, &waited, &stolen
		return s, err
	}
	r := &runnertest.Scripted{Script: script, Pullable: true}
	result, err := experiment(r, pulling(8), "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if result.Cold.Level != Pull || len(result.Cold.Pulls) != 2 {
		t.Fatalf("cold %+v", result.Cold)
	}
	for i, e := range result.Cold.Pulls {
		if e.Candidate != i || e.Layers != runnertest.ScriptedLayers || e.AlreadyHere != 0 || e.HeldBy != nil {
			t.Errorf("evidence %+v", e)
		}
	}
	for _, s := range result.Starts { // the unmeasured ones too
		p := s.Pull
		if p == nil || p.DownloadMS == nil || p.ExtractMS == nil || *p.DownloadMS+*p.ExtractMS != s.PhasesMS["pull"] ||
			p.Bytes != runnertest.ScriptedCompressed || s.Marks[runner.Pulled].MS != Millis(runnertest.ScriptedPull) {
			t.Fatalf("start %+v", s)
		}
	}
	for _, c := range result.Candidates {
		if c.CompressedBytes == nil || *c.CompressedBytes != runnertest.ScriptedCompressed {
			t.Errorf("candidate %+v", c)
		}
	}
	// What is known of the candidate's own processes tells little of a pull.
	if c := result.Comparisons[0]; c.Raw != nil || len(c.Covariates) > 0 || c.Verdict != Regression {
		t.Errorf("comparison %+v", c)
	}
	if len(result.Warnings) > 0 {
		t.Errorf("warnings %q", result.Warnings)
	}
	sameWhenReadAgain(t, result)

	minus, none := -1.0, 0.0
	p, e := result.Starts[3].Pull, &result.Cold.Pulls[1]
	for _, test := range []struct {
		spoil, mend func()
		told        string
	}{
		{func() { p.ExtractMS = &minus }, func() { p.ExtractMS = &none }, "starts[3].pull.extract_ms: -1 is negative"},
		{func() { p.AlreadyHere = -1 }, func() { p.AlreadyHere = 0 }, "starts[3].pull.already_here: -1 is negative"},
		{func() { p.Bytes = -1 }, func() { p.Bytes = 1 }, "starts[3].pull.bytes: -1 is negative"},
		{func() { e.Layers = -1 }, func() { e.Layers = 1 }, "cold.pulls[1]: layers and already_here are -1 and 0"},
	} {
		test.spoil()
		var b bytes.Buffer
		if err := result.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&b, "r.json"); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.told) {
			t.Errorf("error %v, want %q", err, test.told)
		}
		test.mend()
	}
}

func TestPartlyCold(t *testing.T) {
	script := noisy(3, map[string]time.Duration{"old": time.Second, "new": time.Second})
	result, err := experiment(&runnertest.Scripted{Script: script, Pullable: true, Here: 2}, pulling(2), "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := "new was only partly cold: up to 2 of its 7 layers were in the engine before a pull, held by other:tag and base:tag: remove what holds them, or leave --registry away"
	if w := strings.Join(result.Warnings, "\n"); !strings.Contains(w, want) {
		t.Errorf("warnings %s", w)
	}
	sameWhenReadAgain(t, result)
	for i, want := range map[int]string{
		runnertest.ScriptedLayers: "new was not cold in some start: all of its 7 layers were in the engine before a pull, held by other:tag and base:tag",
		0:                         "new was pulled, and the engine told of no layer: nothing proves that it was cold",
	} {
		e := &result.Cold.Pulls[1]
		e.Layers, e.AlreadyHere = i, i
		if w := strings.Join(result.warnings(), "\n"); !strings.Contains(w, want) {
			t.Errorf("%d of %d layers: warnings %s", i, i, w)
		}
	}
}

// A level that was named is refused where it cannot be had.
func TestPullRefused(t *testing.T) {
	r := &runnertest.Scripted{Script: noisy(3, nil)}
	_, err := experiment(r, pulling(2), "old", "new").Run(t.Context())
	if !errors.Is(err, runner.ErrEnvironment) || !errors.Is(err, runner.ErrNotPermitted) || !strings.HasPrefix(err.Error(), "--cold pull: ") {
		t.Errorf("error %v", err)
	}
	type plain struct{ runner.Runner }
	_, err = experiment(plain{r}, pulling(2), "old", "new").Run(t.Context())
	if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "pulls no images: use --runner docker") {
		t.Errorf("error %v", err)
	}
	_, err = experiment(r, func(s *Spec) { s.Registry = "localhost:5000" }, "old", "new").Run(t.Context())
	if !errors.Is(err, runner.ErrUsage) || !strings.Contains(err.Error(), "registry: nothing is pulled without --cold pull") {
		t.Errorf("error %v", err)
	}
}
