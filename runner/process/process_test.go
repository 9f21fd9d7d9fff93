//go:build unix

package process

import (
	"os"
	"strconv"
	"strings"
	"testing"

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

func BenchmarkReady(b *testing.B) { runnertest.BenchmarkReady(b, bench()) }
