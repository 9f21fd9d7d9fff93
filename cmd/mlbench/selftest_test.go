package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mlbench/bench/selftest"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// TestSelftest runs a quick self-test on the engine, with few pairs, and looks
// for what it left.
func TestSelftest(t *testing.T) {
	needEngine(t)
	out, err := exec.Command("mlbench", "selftest", "--quick", "--pairs", "6", "--seed", "7", "--format", "json").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderrOf(err))
	}
	var r selftest.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	if r.Schema != selftest.Schema || r.Pairs != 6 || r.Seed != 7 || r.AA.Replays < 2000 || r.AA.Pairs != 6 || len(r.Injected) != 2 || r.Why == "" {
		t.Errorf("%+v", r)
	}
	for _, x := range r.Injected {
		// What is added is a tenth or so off what was planned, more where
		// others use this host.
		if x.Truth < x.Injected/2 || x.Truth > 2*x.Injected {
			t.Errorf("%s is truly %v", x.Name, x.Truth)
		}
	}
	if len(r.Result.Starts) != 4*(6+1) || r.Host.Engine == "" {
		t.Errorf("%d starts on %q", len(r.Result.Starts), r.Host.Engine)
	}
	d, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	reaped, err := d.Reap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range reaped {
		if strings.HasPrefix(what, "container ") || strings.Contains(what, "mlbench-selftest:") {
			t.Errorf("left behind: %s", what)
		}
	}
}

// A self-test that is killed leaves its image, and the next run removes it.
func TestKilledSelftestIsReaped(t *testing.T) {
	needEngine(t)
	s := launch(t, "warm-up", "selftest", "--quick", "--pairs", "6")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	d, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		reaped, err := runner.Reaper(d).Reap(t.Context())
		if err != nil {
			continue // the engine is still busy with what the killed one asked for
		}
		if strings.Contains(strings.Join(reaped, " "), "mlbench-selftest:") {
			mustReap(t, "docker")
			return
		}
	}
	t.Error("its image was not reaped")
}

func stderrOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output does not wrap it
		return string(exit.Stderr)
	}
	return ""
}
