package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// end waits for the end after a signal.
func (s *signalled) end(t *testing.T) {
	t.Helper()
	s.ends(t, exitInterrupted)
}

// ends waits for the end and checks the exit code.
func (s *signalled) ends(t *testing.T, want int) {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("exit code %d, want %d; it said\n%s", code, want, s.stderr)
	}
}

// result reads the result that it wrote.
func (s *signalled) result(t *testing.T) bench.Result {
	t.Helper()
	b, err := os.ReadFile(s.out)
	if err != nil {
		t.Fatal(err)
	}
	var r bench.Result
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
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
			if r := s.result(t); r.Ended != bench.EndedInterrupted || len(r.Starts) < 3 {
				t.Errorf("ended %s after %d starts", r.Ended, len(r.Starts))
			}
		})
	}
}

// Two signals at once are one wish: it tidies up, as timeout(1) is to find.
func TestInterruptTwiceAtOnce(t *testing.T) {
	onRunners(t, func(t *testing.T, name, ref string) {
		s := launch(t, "warm-up", "compare", "--runner", name, "--cold", "warm", "--timeout", "10m",
			ref, ref, "--", "-listen-after", "300ms")
		s.send(t, syscall.SIGINT)
		s.send(t, syscall.SIGTERM)
		s.end(t)
		if left := leftovers(t, name); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if _, err := os.Stat(s.out); err != nil {
			t.Errorf("what was measured is lost: %v", err)
		}
	})
}

// A second signal that is a wish of its own ends it at once, whatever is under
// way: here a call to an engine that never comes back.
func TestInterruptTwice(t *testing.T) {
	creating := stuckEngine(t)
	s := launch(t, "HEALTHCHECK is switched off", "run", "--cold", "warm", "image:tag")
	<-creating
	ended := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(ended) }()
	s.send(t, syscall.SIGTERM)
	s.send(t, syscall.SIGTERM)
	select {
	case <-ended:
		t.Fatalf("it left at a signal that came twice:\n%s", s.stderr)
	case <-time.After(2 * sameWish):
	}
	s.send(t, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(time.Minute): // of the two that it gives to the call
		t.Fatalf("it did not leave:\n%s", s.stderr)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(s.stderr.String(), "once more to leave at once") {
		t.Errorf("exit code %d; it said\n%s", code, s.stderr)
	}
}

// stuckEngine makes an engine that answers questions and never ends to create
// a container the one that DOCKER_HOST names. It tells of the first such call.
func stuckEngine(t *testing.T) (creating <-chan struct{}) {
	t.Helper()
	called, stuck := make(chan struct{}, 1), make(chan struct{})
	dir, err := os.MkdirTemp("", "mlbench") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		"/info": `{"OSType": "linux"}`, "/version": fmt.Sprintf(`{"Arch": %q}`, runtime.GOARCH),
		"/containers/json": "[]", "/images/json": "[]",
		"/images/image:tag/json": fmt.Sprintf(`{"Os": "linux", "Architecture": %q, "Config": {
			"ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["CMD", "true"]}}}`, runtime.GOARCH),
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		path := strings.TrimPrefix(r.URL.Path, "/v1.41")
		if path == "/containers/create" {
			called <- struct{}{}
			<-stuck
		}
		_, _ = io.WriteString(w, answers[path])
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		close(stuck)
		_ = server.Close()
		_ = os.RemoveAll(dir)
	})
	t.Setenv("DOCKER_HOST", "unix://"+l.Addr().String())
	return called
}

// A run that was killed leaves its candidate running; the next one removes it,
// and touches nothing of a third that goes on all the while. Both measure what
// they would measure alone.
func TestKilledRunIsReaped(t *testing.T) {
	onRunners(t, func(t *testing.T, name, ref string) {
		living := launch(t, "pair ", "compare", "--runner", name, "--cold", "warm", "--pairs", "500", ref, ref, "--", "-listen-after", "20ms")
		killed := launch(t, "warm-up", "run", "--runner", name, "--cold", "warm", ref, "--", "-listen-after", "200ms")
		// Kill it while a start is under way, which it nearly always is.
		if err := killed.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = killed.cmd.Wait()
		next := launch(t, "warm-up", "run", "--runner", name, "--cold", "warm", "--pairs", "3", ref, "--", "-listen-after", "200ms")
		next.ends(t, exitOK)
		mustReap(t, name)
		living.send(t, syscall.SIGTERM)
		living.end(t)
		for who, r := range map[string]bench.Result{"living": living.result(t), "next": next.result(t)} {
			for _, s := range r.Starts {
				if s.Outcome != runner.OutcomeReady {
					t.Errorf("%s: %s: %s", who, s.Outcome, s.Error)
				}
			}
			if at := r.Starts[len(r.Starts)-1].ReadyMS; who == "next" && (len(r.Starts) != 4 || at == nil || *at < 200) {
				t.Errorf("%s: %d starts, the last ready after %v", who, len(r.Starts), at)
			}
		}
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
