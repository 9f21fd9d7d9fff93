package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/runnertest"
)

// signalled is one mlbench that is sent signals.
type signalled struct {
	cmd    *exec.Cmd
	stderr *watched
	out    string
}

// watched collects output and tells when a text has come.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	seen chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.buf.String(), w.text)
	n, err := w.buf.Write(p)
	if !before && strings.Contains(w.buf.String(), w.text) {
		close(w.seen)
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// launch starts mlbench and waits until it has said until.
func launch(t *testing.T, until string, args ...string) *signalled {
	t.Helper()
	s := &signalled{
		stderr: &watched{text: until, seen: make(chan struct{})},
		out:    filepath.Join(t.TempDir(), "r.json"),
	}
	args = slices.Insert(args, 1, "--out", s.out) // before what follows --
	s.cmd = exec.Command("mlbench", args...)
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	select {
	case <-s.stderr.seen:
	case <-time.After(time.Minute):
		t.Fatalf("it never said %q but\n%s", until, s.stderr)
	}
	return s
}

// end waits for the end and checks the exit code.
func (s *signalled) end(t *testing.T) {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d; it said\n%s", code, exitInterrupted, s.stderr)
	}
}

func (s *signalled) send(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// leftovers are what the runner finds left of dead owners. Finding it removes
// it.
func leftovers(t *testing.T, name string) []string {
	t.Helper()
	r, err := newRunner(name, docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	reaped, err := r.(runner.Reaper).Reap(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, what := range reaped {
		if !strings.HasPrefix(what, "image ") { // fixtures of other tests' binaries
			ours = append(ours, what)
		}
	}
	return ours
}

// mustReap removes what a killed run left. The engine may still be busy with
// what that asked for last, so one look is not enough.
func mustReap(t *testing.T, name string) {
	t.Helper()
	const quiet = 5 // looks in a row that find nothing
	clean := 0
	for deadline := time.Now().Add(30 * time.Second); clean < quiet; {
		if time.Now().After(deadline) {
			t.Fatal("there is always something left")
		}
		if clean++; len(leftovers(t, name)) > 0 {
			clean = 0
		}
		time.Sleep(100 * time.Millisecond) // for the engine to finish, which tells nobody
	}
}

// onRunners runs a test for the process runner and, where there is an engine,
// for docker. ref is a candidate that is ready soon.
func onRunners(t *testing.T, test func(t *testing.T, name, ref string)) {
	t.Run("process", func(t *testing.T) { test(t, "process", runnertest.Fixture(t)) })
	t.Run("docker", func(t *testing.T) {
		needEngine(t)
		test(t, "docker", fixtureImage(t, "one", "EXPOSE 8080"))
	})
}

// One signal: everything is removed and the partial result written.
func TestInterrupt(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		onRunners(t, func(t *testing.T, name, ref string) {
			s := launch(t, "pair ", "compare", "--runner", name, "--cold", "warm", "--pairs", "500", ref, ref, "--", "-listen-after", "20ms")
			s.send(t, signal)
			s.end(t)
			if left := leftovers(t, name); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			b, err := os.ReadFile(s.out)
			if err != nil {
				t.Fatal(err)
			}
			var r bench.Result
			if err := json.Unmarshal(b, &r); err != nil {
				t.Fatal(err)
			}
			if r.Ended != bench.EndedInterrupted || len(r.Starts) < 3 {
				t.Errorf("ended %s after %d starts", r.Ended, len(r.Starts))
			}
		})
	}
}

// Two signals: it ends at once, whatever is under way, and the next run
// removes what that left.
func TestInterruptTwice(t *testing.T) {
	onRunners(t, func(t *testing.T, name, ref string) {
		s := launch(t, "warm-up", "compare", "--runner", name, "--cold", "warm", "--timeout", "10m",
			ref, ref, "--", "-listen-after", "300ms")
		s.send(t, syscall.SIGINT)
		s.send(t, syscall.SIGTERM)
		s.end(t)
		mustReap(t, name)
	})
}

// A run that was killed leaves its candidate running; the next one removes it.
func TestKilledRunIsReaped(t *testing.T) {
	onRunners(t, func(t *testing.T, name, ref string) {
		s := launch(t, "warm-up", "run", "--runner", name, "--cold", "warm", ref, "--", "-listen-after", "200ms")
		// Kill it while a start is under way, which it nearly always is.
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
		mustReap(t, name)
	})
}

// While copies are made for level Pull, while one is pulled, and when mlbench
// is killed: no image, no container, no folder stays.
func TestPullEndsClean(t *testing.T) {
	needEngine(t)
	ref := fixtureImage(t, "one", "EXPOSE 8080")
	for _, test := range []struct {
		until  string
		signal syscall.Signal
	}{
		{"copying ", syscall.SIGINT},
		{"copied ", syscall.SIGINT}, // the first pull follows
		{"copied ", syscall.SIGKILL},
		{"warm-up", syscall.SIGKILL},
	} {
		t.Run(strings.TrimSpace(test.until)+" "+test.signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			s := launch(t, test.until, "run", "--cold", "pull", ref)
			s.send(t, test.signal)
			if test.signal == syscall.SIGKILL {
				_ = s.cmd.Wait()
				mustReap(t, "docker")
			} else {
				s.end(t)
				if left := leftovers(t, "docker"); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("%v, left behind: %v", err, left)
			}
			if left := copies(t); len(left) > 0 {
				t.Errorf("left in the engine: %q", left)
			}
		})
	}
}

// copies are the images that were pulled from a registry on this host and are
// still there.
func copies(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("docker", "images", "--digests", "--all", "--format", "{{.Repository}} {{.ID}}").Output()
	if err != nil {
		t.Skip("needs the docker command: ", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "127.0.0.1:") && strings.Contains(line, "/mlbench-") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
