package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// start prepares and starts once, and sees to it that nothing is left.
func start(t *testing.T, r *Runner, c runner.Candidate) runner.Start {
	t.Helper()
	if c.Name == "" {
		c.Name = "fixture"
	}
	c, err := r.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, startTimeout)
	if err != nil {
		t.Fatal(err)
	}
	if left := left(t, r.session); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return s
}

func ready(t *testing.T, s runner.Start) {
	t.Helper()
	if _, ok := s.ReadyAt(); !ok {
		t.Fatalf("outcome %s: %s, log %q", s.Outcome, s.Problem, s.Log)
	}
}

func rule(t *testing.T, text string) runner.Rule {
	t.Helper()
	r, err := runner.ParseRule(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// running waits for the Runner's container to run.
func running(t *testing.T, asked *Runner, session string) container.InspectResponse {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < startTimeout; time.Sleep(10 * time.Millisecond) {
		list, err := asked.cli.ContainerList(t.Context(), container.ListOptions{
			Filters: filters.NewArgs(filters.Arg("label", LabelSession+"="+session)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			continue
		}
		info, err := asked.cli.ContainerInspect(t.Context(), list[0].ID)
		if err == nil && info.State.Running {
			return info
		}
	}
	t.Fatal("no container runs")
	return container.InspectResponse{}
}

func TestOptionsReachTheContainer(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	folder := t.TempDir()
	c := runner.Candidate{
		Ref: fixtureImage(t, "EXPOSE 8080", `ENV FROM_IMAGE=1 BOTH=image`, `CMD ["-say", "from the image"]`),
		Env: []string{"BOTH=given", "SPACES=a b'c"}, User: "1234:567", ShmSize: 8 << 20, CPUs: 0.5, Memory: 64 << 20,
		Volumes: []string{folder + ":/mnt:ro"}, Entrypoint: "/fixture",
		Args:  []string{"-describe", "-exit-after", "1s", "-exit-code", "3"},
		Ready: rule(t, "log=never"),
	}
	var info container.InspectResponse
	var seen sync.WaitGroup
	seen.Go(func() { info = running(t, r, r.session) })
	s := start(t, r, c)
	seen.Wait()
	if s.Outcome != runner.OutcomeExited || s.Exit.Code != 3 {
		t.Errorf("outcome %s, exit %+v", s.Outcome, s.Exit)
	}
	for _, want := range []string{
		"uid 1234 gid 567", "env FROM_IMAGE=1", "env BOTH=given", "env SPACES=a b'c", "shm 8388608",
		"args 6 [-describe -exit-after 1s -exit-code 3]",
	} {
		if !slices.Contains(s.Log, want) {
			t.Errorf("no %q in %q", want, s.Log)
		}
	}
	h := info.HostConfig
	if h.NanoCPUs != 5e8 || h.Memory != 64<<20 || h.MemorySwap != 64<<20 || !slices.Equal(h.Binds, c.Volumes) {
		t.Errorf("cpus %d, memory %d and swap %d, binds %q", h.NanoCPUs, h.Memory, h.MemorySwap, h.Binds)
	}
}

func TestEntrypoint(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	ref := fixtureImage(t, "EXPOSE 8080", `ENTRYPOINT ["/no-such-program"]`, `CMD ["-exit-after", "0s"]`)
	s := start(t, r, runner.Candidate{Ref: ref, Entrypoint: "/fixture"}) // the image's CMD goes with its ENTRYPOINT
	ready(t, s)
	s = start(t, r, runner.Candidate{Ref: ref})
	if s.Outcome != runner.OutcomeError || !strings.Contains(s.Problem, "/no-such-program") || s.Exit != nil {
		t.Errorf("outcome %s: %q, exit %v", s.Outcome, s.Problem, s.Exit)
	}
}

func TestHostNetwork(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	if !r.local {
		t.Skip("needs an engine on this host")
	}
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	c := runner.Candidate{
		Name: "fixture", Ref: fixtureImage(t), Network: "host", Port: port, Env: []string{"PORT=" + strconv.Itoa(port)},
		Args: []string{"-listen-after", "100ms"},
	}
	prepared, err := r.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Start(t.Context(), prepared, startTimeout)
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "something already listens") {
		t.Errorf("on a port that is taken: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, r, c)
	ready(t, s)
	if _, ok := s.Marks[runner.Listening]; !ok {
		t.Errorf("marks %v", s.Marks)
	}
}

const healthcheck = `HEALTHCHECK --interval=1s --timeout=5s CMD ["/fixture", "-check", "http://localhost:8080/healthz"]`

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	truth := runnertest.NewTruth(t)
	s := start(t, r, runner.Candidate{
		Ref: fixtureImage(t, "EXPOSE 8080", healthcheck), Ready: runner.Rule{Kind: runner.Healthcheck},
		Args: []string{"-listen-after", "1500ms", "-truth", "/truth"}, Volumes: []string{string(truth) + ":/truth"},
		Request: &runner.Request{Method: "POST", Path: "/predict", Body: []byte("{}")},
	})
	ready(t, s)
	m := s.Marks[runner.Ready]
	late := s.BeginAt.Add(m.At).Sub(truth.Last(t))
	// The first check fails, a second after the start; the second succeeds.
	if late < 0 || late > m.Resolution || m.Resolution > m.At-s.Marks[runner.Started].At {
		t.Errorf("seen %v late, with %+v, marks %v", late, m, s.Marks)
	}
	if _, ok := s.Marks[runner.FirstResponse]; !ok {
		t.Errorf("no first response: %v", s.Marks)
	}
	if m.Source != "healthcheck" {
		t.Errorf("source %s", m.Source)
	}
}

func TestHealthcheckThatFails(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	c, err := r.Prepare(t.Context(), runner.Candidate{
		Name: "fixture", Ref: fixtureImage(t, strings.Replace(healthcheck, "--interval=1s", "--interval=200ms --retries=1", 1)),
		Ready: runner.Rule{Kind: runner.Healthcheck}, Args: []string{"-listen-after", "1h"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if s.Outcome != runner.OutcomeTimeout || !slices.Equal(s.Tried, []string{"healthcheck: health_status: unhealthy"}) {
		t.Errorf("outcome %s, tried %q", s.Outcome, s.Tried)
	}
}

// An image's own check would run processes in the container that is measured.
func TestHealthcheckIsOffUnderOtherRules(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	var info container.InspectResponse
	var seen sync.WaitGroup
	seen.Go(func() { info = running(t, r, r.session) })
	ready(t, start(t, r, runner.Candidate{Ref: fixtureImage(t, "EXPOSE 8080", healthcheck), Args: []string{"-listen-after", "1s"}}))
	seen.Wait()
	if info.State.Health != nil {
		t.Errorf("health is looked at: %+v", info.State.Health)
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	s := start(t, r, runner.Candidate{
		Ref: fixtureImage(t, "EXPOSE 8080"), Memory: 32 << 20, Args: []string{"-chatter", "2", "-eat", "512"},
	})
	if s.Outcome != runner.OutcomeExited || s.Exit == nil || s.Exit.Code != 137 {
		t.Errorf("outcome %s, exit %+v", s.Outcome, s.Exit)
	}
	// OOMKilled itself is not asked for: Engine 20.10 at times sets it too late.
	if !strings.Contains(s.Problem, "out of memory") || !slices.Equal(s.Log, []string{"line 1", "line 2"}) {
		t.Errorf("problem %q, log %q", s.Problem, s.Log)
	}
}

// A program that ends well before it is ready is no server.
func TestEndsWithoutError(t *testing.T) {
	t.Parallel()
	s := start(t, closing(t, Options{}), runner.Candidate{Ref: fixtureImage(t, "EXPOSE 8080"), Args: []string{"-exit-after", "50ms"}})
	if s.Outcome != runner.OutcomeExited || s.Exit == nil || s.Exit.Code != 0 || s.Problem != "the program ended with status 0 before it was ready" {
		t.Errorf("outcome %s, exit %+v, problem %q", s.Outcome, s.Exit, s.Problem)
	}
}

// In much output the line is found, wherever it stands, with little memory.
func TestLogFlood(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	ref := fixtureImage(t, "EXPOSE 8080")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := start(t, r, runner.Candidate{Ref: ref, Ready: rule(t, "log=^line 200000$"), Args: []string{"-chatter", "220000", "-exit-after", "0s"}})
	runtime.ReadMemStats(&after)
	ready(t, s)
	if at, _ := s.ReadyAt(); at > startTimeout {
		t.Errorf("it took %v", at)
	}
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	s = start(t, r, runner.Candidate{Ref: ref, Args: []string{"-chatter", "220000", "-exit-after", "0s"}}) // more than is kept
	if s.Outcome != runner.OutcomeExited || len(s.Log) != logLines || s.Log[logLines-1] != "ending with status 0" {
		t.Errorf("outcome %s, log %q", s.Outcome, s.Log)
	}
}

// What the engine refuses at the create call is the candidate's failure, and
// says why.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	ref := fixtureImage(t, "EXPOSE 8080")
	for name, c := range map[string]runner.Candidate{
		"no-such-network":  {Ref: ref, Network: "no-such-network"},
		"no-such-user":     {Ref: ref, User: "no-such-user"},
		"invalid volume":   {Ref: ref, Volumes: []string{"/a:b:c:d"}},
		"minimum memory":   {Ref: ref, Memory: 1},
		"container:absent": {Ref: ref, Network: "container:absent"},
	} {
		s := start(t, r, c)
		_, told, _ := strings.Cut(name, ":")
		if told == "" {
			told = name
		}
		if s.Outcome != runner.OutcomeError || !strings.Contains(strings.ToLower(s.Problem), told) {
			t.Errorf("%s: outcome %s: %q", name, s.Outcome, s.Problem)
		}
	}
}

// A network that leads nowhere from here is no reason to report a time.
func TestNoAddress(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: fixtureImage(t, "EXPOSE 8080")})
	if err != nil {
		t.Fatal(err)
	}
	c.Network = "none" // past Prepare, which refuses it
	s, err := r.Start(t.Context(), c, startTimeout)
	if err != nil || s.Outcome != runner.OutcomeError || !strings.Contains(s.Problem, "no address") {
		t.Errorf("%v, outcome %s: %q", err, s.Outcome, s.Problem)
	}
}

// A Runner leaves no goroutine and no open file behind.
func TestNothingStaysOpen(t *testing.T) {
	ref := fixtureImage(t, "EXPOSE 8080")
	use := func() {
		r := engine(t, Options{})
		for _, c := range []runner.Candidate{
			{Ref: ref},
			{Ref: ref, Ready: rule(t, "log=now"), Args: []string{"-say", "now"}},
			{Ref: ref, Ready: rule(t, "exit"), Args: []string{"-exit-after", "0s"}},
			{Ref: ref, Args: []string{"-exit-after", "0s"}},
		} {
			start(t, r, c)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	use() // what is made once
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	use()
	for begin := time.Now(); runtime.NumGoroutine() > goroutines || openFiles(t) > files; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 5*time.Second {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d files, %d and %d before:\n%s", runtime.NumGoroutine(), openFiles(t),
				goroutines, files, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func openFiles(t *testing.T) int {
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	return len(dir)
}

func TestWarningsArePassedOnOnce(t *testing.T) {
	var notes []string
	r, err := New(Options{Notify: func(line string) { notes = append(notes, line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for range 2 {
		r.warn(runner.Candidate{Name: "a"}, []string{"no swap limit"})
	}
	if !slices.Equal(notes, []string{"a: the engine warns: no swap limit"}) {
		t.Errorf("notes %q", notes)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for _, test := range []struct {
		err  error
		told string
	}{
		{context.DeadlineExceeded, "does not answer in time"},
		{&net.OpError{Op: "read", Err: errTest}, "no engine answers"},
		{os.ErrPermission, "no permission on"},
		{errTest, errTest.Error()},
	} {
		got := r.engineError(t.Context(), "trying", fmt.Errorf("call: %w", test.err))
		if !errors.Is(got, runner.ErrEnvironment) || !strings.Contains(got.Error(), test.told) || !strings.HasPrefix(got.Error(), "trying: ") {
			t.Errorf("%v gives %v", test.err, got)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	if got := r.engineError(ctx, "trying", context.Canceled); !errors.Is(got, errTest) || errors.Is(got, runner.ErrEnvironment) {
		t.Errorf("cancelled: %v", got)
	}
}
