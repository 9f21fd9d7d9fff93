package main

import (
	"errors"
	"net"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/runnertest"
)

// ownEngine makes an engine of the test's own the one that DOCKER_HOST names,
// and an image on it. The arguments run it with mlbench.
func ownEngine(t *testing.T, disk int64, flags ...string) (e *runnertest.Engine, args []string) {
	t.Helper()
	e = runnertest.NewEngine(t, disk, flags...)
	t.Setenv("DOCKER_HOST", e.Host)
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := r.Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	ref := runnertest.FixtureImage(t, r)
	port := strconv.Itoa(port(t))
	return e, []string{"run", ref, "--network", "host", "--port", port, "--env", "PORT=" + port, "--cold", "warm"}
}

// The engine is stopped, or killed, in the middle of a run, and started again:
// the run ends and says so, with what it has measured, and blames nothing of it
// on the candidate; and nothing is left.
func TestEngineRestarts(t *testing.T) {
	for _, test := range []struct {
		name    string
		flags   []string
		signals []syscall.Signal
	}{
		{"by hand", nil, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}},
		{"by who holds its socket", []string{runnertest.Activated}, []syscall.Signal{syscall.SIGTERM}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, args := ownEngine(t, 100<<20, test.flags...)
			for _, signal := range test.signals {
				s := launch(t, "warm-up", append(args, "--pairs", "8", "--timeout", "10m", "--volume", t.TempDir()+":/count", "--", "-once", "/count/starts")...)
				e.Running(t)
				e.Stop(t, signal)
				e.Start(t)
				s.ends(t, exitEnvironment)
				if said := s.stderr.String(); !strings.Contains(said, "no engine answers at "+e.Host) {
					t.Errorf("%v: it said\n%s", signal, said)
				}
				r := s.result(t)
				if r.Ended != bench.EndedFailed || len(r.Starts) == 0 {
					t.Errorf("%v: ended %s with %d starts", signal, r.Ended, len(r.Starts))
				}
				for _, start := range r.Starts {
					if start.Outcome != runner.OutcomeReady {
						t.Errorf("%v: the candidate is to blame: %s: %s", signal, start.Outcome, start.Error)
					}
				}
				mustReap(t, "docker")
				if left := e.Containers(t); len(left) > 0 {
					t.Errorf("%v: left behind: %+v", signal, left)
				}
			}
		})
	}
}

// The engine's disk is full before a start, or a start fills it.
func TestEngineWithoutSpace(t *testing.T) {
	e, args := ownEngine(t, 64<<20)
	run := func(code int, told string, more ...string) {
		t.Helper()
		out, err := exec.Command("mlbench", append(args, more...)...).CombinedOutput()
		got := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			got = exit.ExitCode()
		}
		if got != code || !strings.Contains(string(out), told) {
			t.Errorf("exit code %d, want %d and %q:\n%s", got, code, told, out)
		}
		if left := e.Containers(t); len(left) > 0 {
			t.Errorf("left behind: %+v", left)
		}
	}
	const told = "no space left on device: the disk of the engine's folder"
	e.Fill(t, 0)
	run(exitEnvironment, told, "--pairs", "1")
	// The line is written, and the engine cannot keep it.
	e.Fill(t, 400<<10)
	run(exitEnvironment, told, "--pairs", "1", "--ready", "log=^line 11000$", "--", "-chatter", "12000", "-exit-after", "0s")
	e.Empty(t)
	run(exitOK, "is ready in", "--pairs", "1")
}

// A program prints 100 MB first: its readiness is found, by a line behind them
// too, and neither the engine's disk nor our memory takes them all where
// nobody waits for a line.
func TestEngineLogFlood(t *testing.T) {
	e, args := ownEngine(t, 256<<20)
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := r.Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rule, free := range map[string]int64{"http": 48 << 20, "log=^now ready$": 192 << 20} {
		ready, err := runner.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		port := port(t)
		c, err := r.Prepare(t.Context(), runner.Candidate{
			Name: "fixture", Ref: args[1], Network: "host", Ready: ready, Port: port, Env: []string{"PORT=" + strconv.Itoa(port)},
			Args: []string{"-flood", "100", "-say", "now ready"},
		})
		if err != nil {
			t.Fatal(err)
		}
		e.Fill(t, free)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := r.Start(t.Context(), c, 5*time.Minute)
		runtime.ReadMemStats(&after)
		if err != nil || s.Outcome != runner.OutcomeReady {
			t.Errorf("rule %s: %v, %s: %s", rule, err, s.Outcome, s.Problem)
		}
		if grown := after.Sys - before.Sys; grown > 64<<20 { // it never shrinks
			t.Errorf("rule %s: our memory grew by %d MB", rule, grown>>20)
		}
	}
	if left := e.Containers(t); len(left) > 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// port is one that nothing listens on.
func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
