//go:build unix

package process

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

func bench() runnertest.Bench {
	return runnertest.Bench{
		New:       func(testing.TB) runner.Runner { return new(Runner) },
		Candidate: candidate,
		Missing: func(testing.TB) runner.Candidate {
			return runner.Candidate{Name: "missing", Ref: "/no-such-program"}
		},
		Left: func(testing.TB) []string {
			var left []string
			self := markName + "=" + runner.Self().String() + "#"
			for _, pid := range processes() {
				if strings.HasPrefix(marked(pid), self) {
					left = append(left, strconv.Itoa(pid)+" "+commandLine(pid))
				}
			}
			return left
		},
	}
}

func candidate(t testing.TB, truth runnertest.Truth, flags ...string) runner.Candidate {
	t.Helper()
	if truth != "" {
		flags = append(flags, "-truth", string(truth))
	}
	ref := runnertest.Fixture(t)
	for _, f := range flags {
		ref += " '" + f + "'"
	}
	return runner.Candidate{Name: "fixture", Ref: ref}
}

func TestConformance(t *testing.T) { runnertest.Conformance(t, bench()) }

// A daemon that leaves the process group is still ours to end.
func TestDaemonIsEnded(t *testing.T) {
	pidFile := t.TempDir() + "/pid"
	r := new(Runner)
	c, err := r.Prepare(t.Context(), candidate(t, "", "-sleepy", pidFile))
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, runner.DefaultTimeout)
	if err != nil || s.Outcome != runner.OutcomeReady {
		t.Fatalf("%v, %+v", err, s)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if !zombie(pid) {
		t.Errorf("process %d (%s) still runs", pid, commandLine(pid))
	}
}

// Another mlbench's candidate that takes the port during a start does not
// answer for ours. What bears no mark may serve on the command's behalf, as the
// proxy of an engine does that the command asks to start a container.
func TestPortOfAStranger(t *testing.T) {
	for mark, told := range map[string]string{
		markName + "=elsewhere|boot|pid:[1]|1|1#1": "of another mlbench, listens on port",
		"UNMARKED=1": "",
	} {
		r := new(Runner)
		c, err := r.Prepare(t.Context(), candidate(t, "", "-listen-after", "1h"))
		if err != nil {
			t.Fatal(err)
		}
		type result struct {
			s   runner.Start
			err error
		}
		got := make(chan result, 1)
		go func() { s, err := r.Start(t.Context(), c, time.Hour); got <- result{s, err} }()
		for len(bench().Left(t)) == 0 { // it does not run yet
			time.Sleep(time.Millisecond)
		}
		stranger := exec.Command(runnertest.Fixture(t))
		stranger.Env = append(os.Environ(), "PORT="+strconv.Itoa(c.Port), mark)
		if err := stranger.Start(); err != nil {
			t.Fatal(err)
		}
		res := <-got
		_ = stranger.Process.Kill()
		_ = stranger.Wait() // killed
		switch {
		case told == "" && (res.err != nil || res.s.Outcome != runner.OutcomeReady):
			t.Errorf("%s: %v, %+v", mark, res.err, res.s)
		case told != "" && (!errors.Is(res.err, runner.ErrEnvironment) || !strings.Contains(res.err.Error(), told)):
			t.Errorf("%s: %v", mark, res.err)
		}
		if left := bench().Left(t); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// What a small command had of our memory before it began is not its own.
func TestPeakOfASmallJob(t *testing.T) {
	r := new(Runner)
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "true", Ref: "true", Ready: runner.Rule{Kind: runner.Exit}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, runner.DefaultTimeout)
	if err != nil || s.Outcome != runner.OutcomeReady {
		t.Fatalf("%v, %+v", err, s)
	}
	if s.PeakMemory != nil && *s.PeakMemory > 8<<20 {
		t.Errorf("%d bytes", *s.PeakMemory)
	}
}

func BenchmarkReady(b *testing.B) { runnertest.BenchmarkReady(b, bench()) }
