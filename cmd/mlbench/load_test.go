package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/load"
)

const optimized = "fastapi-sklearn:optimized"

// slower is the scenario's service, which thinks for a while before it predicts.
const slower = `import asyncio, os
from app import app as service

DELAY = float(os.environ["DELAY"])


async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/predict":
        await asyncio.sleep(DELAY)
    await service(scope, receive, send)
`

// TestLoadScenario is of two images of the scenario that start alike, one of
// which takes much longer to infer.
func TestLoadScenario(t *testing.T) {
	needEngine(t)
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := exec.Command("docker", "image", "inspect", optimized).Run(); err != nil {
		lacking(t, "needs %s (make images): %v", optimized, err)
	}
	spec := bench.DefaultSpec()
	spec.Pairs, spec.Cold, spec.LoadMS, spec.Connections = 1, bench.Warm, 1000, 2
	e := bench.Experiment{Spec: spec, Runner: r, Load: load.Run, Unjudged: true}
	for _, delay := range []string{"0.02", "0.4"} {
		name := fmt.Sprintf("mlbench-test/load:%d-%s", os.Getpid(), delay)
		e.Candidates = append(e.Candidates, runner.Candidate{Name: delay, Ref: name, Request: &runner.Request{
			Method: "POST", Path: "/predict", Body: []byte(`{"tenure_months": 3, "monthly_fee": 70, "support_calls": 4, "data_gb": 12}`),
		}})
		dockerfile := []string{
			"FROM " + optimized, fmt.Sprintf("LABEL %s=%q", runner.OwnerLabel, runner.Self()),
			"ENV DELAY=" + delay, "COPY slower.py ./",
			`CMD ["python3", "-m", "uvicorn", "slower:app", "--host", "0.0.0.0", "--port", "8000"]`,
		}
		if _, err := r.Build(t.Context(), runner.Build{Tag: name, Context: fstest.MapFS{
			"Dockerfile": {Data: []byte(strings.Join(dockerfile, "\n"))}, "slower.py": {Data: []byte(slower), Mode: 0o644},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	result, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1} {
		for _, s := range result.Loads(i) {
			if s.Load == nil || s.Load.PerSecond == 0 || s.Load.Ended || len(s.Load.Errors) > 0 {
				t.Errorf("load of %s: %+v", result.Candidates[i].Name, s.Load)
			}
		}
	}
	if c := result.On(bench.MetricThroughput)[0]; !(c.Change.High < 0) {
		t.Errorf("throughput %+v", c)
	}
	if c := result.On(bench.MetricLatencyP50)[0]; !(c.Change.Low > 0) {
		t.Errorf("latency %+v", c)
	}
	if w := strings.Join(result.Warnings, "\n"); !strings.Contains(w, "under load 0.4 answers") {
		t.Errorf("warnings %q", w)
	}
}

// A signal ends a load of ten minutes, and what was measured before it is kept.
func TestInterruptLoad(t *testing.T) {
	onRunners(t, func(t *testing.T, name, ref string) {
		s := launch(t, "loading: ", "compare", "--runner", name, "--cold", "warm", "--pairs", "1", "--request", "POST /predict", "--load", "10m", ref, ref)
		time.Sleep(time.Second) // so that it is mostly under load
		s.send(t, syscall.SIGINT)
		s.end(t)
		if left := leftovers(t, name); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if r := s.result(t); r.Ended != bench.EndedInterrupted || len(r.Starts) != 4 {
			t.Errorf("ended %s after %d starts", r.Ended, len(r.Starts))
		}
	})
}
