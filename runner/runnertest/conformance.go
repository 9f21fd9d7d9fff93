// Package runnertest holds the tests that every runner passes, the program
// that they start, and a scripted runner for tests of what stands above.
package runnertest

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
)

// A Bench is how the conformance tests come to a runner and its candidates.
type Bench struct {
	// New makes a runner; the test closes it.
	New func(t testing.TB) runner.Runner
	// Candidate makes a candidate that runs the fixture with these flags.
	// Where truth is not "" the fixture can write to that file by its own path.
	Candidate func(t testing.TB, truth Truth, flags ...string) runner.Candidate
	// Missing makes a candidate whose program, /no-such-program, is not there.
	Missing func(t testing.TB) runner.Candidate
	// Proxied says that candidates are reached through something that accepts
	// before they listen: there is no mark Listening, and no rule tcp.
	Proxied bool
	// Left lists what is still there of the runner's starts.
	Left func(t testing.TB) []string
}

// startTimeout is for starts that are expected to succeed or to fail by
// themselves: long enough for a machine that does other things too.
const startTimeout = 30 * time.Second

// Conformance runs the tests.
func Conformance(t *testing.T, b Bench) {
	t.Run("host", b.host)
	t.Run("http finds the health path", b.http)
	t.Run("http waits out 503", func(t *testing.T) { b.waits(t, "503") })
	t.Run("http waits out a hanging server", func(t *testing.T) { b.waits(t, "hang") })
	t.Run("http waits out closed connections", func(t *testing.T) { b.waits(t, "close") })
	t.Run("tcp", b.tcp)
	t.Run("log", b.log)
	t.Run("log line of a program that ends", b.lastLine)
	t.Run("exit", b.exit)
	t.Run("first response", b.request)
	t.Run("looking at a start", b.looking)
	t.Run("crash in the first request", b.dies)
	t.Run("cost", b.cost)
	t.Run("cost of a program that ends", b.costOfJob)
	t.Run("args and env", b.env)
	t.Run("crash ends the start at once", b.crash)
	t.Run("never listening times out", b.never)
	t.Run("always 500 times out", b.always500)
	t.Run("a program that is not there", b.missing)
	t.Run("cancelled in the middle", b.cancelled)
	t.Run("starts repeat", b.repeat)
}

// start prepares and starts a candidate, and checks that nothing is left.
func (b Bench) start(t *testing.T, timeout time.Duration, truth Truth, edit func(*runner.Candidate), flags ...string) runner.Start {
	t.Helper()
	ctx := t.Context()
	r := b.New(t)
	defer closeRunner(t, r)
	c := b.Candidate(t, truth, flags...)
	if edit != nil {
		edit(&c)
	}
	c, err := r.Prepare(ctx, c)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	s, err := r.Start(ctx, c, timeout)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	b.nothingLeft(t)
	return s
}

func closeRunner(t *testing.T, r runner.Runner) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func (b Bench) nothingLeft(t *testing.T) {
	t.Helper()
	if left := b.Left(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// mustBeReady checks what holds for every start that became ready.
func (b Bench) mustBeReady(t *testing.T, s runner.Start, marks ...runner.MarkName) {
	t.Helper()
	at, ok := s.ReadyAt()
	if !ok {
		t.Fatalf("outcome %s (%s), marks %v, log %q; want ready", s.Outcome, s.Problem, s.Marks, s.Log)
	}
	if s.BeginAt.IsZero() || at <= 0 {
		t.Errorf("ready %v after %v", at, s.BeginAt)
	}
	var last time.Duration
	for _, name := range marks {
		m, ok := s.Marks[name]
		if b.Proxied && name == runner.Listening {
			if ok {
				t.Errorf("a proxy accepted, and that is called listening: %+v", m)
			}
			continue
		}
		if !ok {
			t.Fatalf("no mark %s in %v", name, s.Marks)
		}
		// A program may listen before the call that starts it returns.
		if m.At < last && name != runner.Listening || m.Source == "" || m.Resolution < 0 {
			t.Errorf("mark %s = %+v, after one at %v", name, m, last)
		}
		last = max(m.At, last)
	}
	if s.Problem != "" || s.Exit != nil {
		t.Errorf("a ready start has problem %q, exit %v", s.Problem, s.Exit)
	}
}

// mustBeTrue checks a start against the fixture's own moment of readiness.
// It is never early; how late it may be is bounded only by what a busy
// machine does to a test, exactness being the benchmark's business.
func mustBeTrue(t *testing.T, s runner.Start, truth Truth) {
	t.Helper()
	at, _ := s.ReadyAt()
	late := s.BeginAt.Add(at).Sub(truth.Last(t))
	// The kernel accepts before the call returns to the program that listens.
	early := s.Marks[runner.Ready].Source == "listen-event"
	if late < 0 && !early || late > 5*time.Second {
		t.Errorf("ready was seen %v after the truth", late)
	}
}

func (b Bench) host(t *testing.T) {
	r := b.New(t)
	defer closeRunner(t, r)
	h, err := r.Host(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h.Engine == "" || h.OS == "" || h.Arch == "" || h.CPUs < 1 || h.Reach == "" {
		t.Errorf("host %+v has gaps", h)
	}
}

func (b Bench) http(t *testing.T) {
	truth := NewTruth(t)
	s := b.start(t, startTimeout, truth, nil, "-listen-after", "200ms", "-health", "/ready")
	b.mustBeReady(t, s, runner.Started, runner.Listening, runner.Ready)
	mustBeTrue(t, s, truth)
	if s.Health != "/ready" {
		t.Errorf("health path %q, want /ready", s.Health)
	}
	if r := s.Marks[runner.Ready].Resolution; r <= 0 || r > startTimeout {
		t.Errorf("resolution %v", r)
	}
}

func (b Bench) waits(t *testing.T, unready string) {
	truth := NewTruth(t)
	s := b.start(t, startTimeout, truth, nil, "-ready-after", "400ms", "-unready", unready)
	b.mustBeReady(t, s, runner.Started, runner.Listening, runner.Ready)
	mustBeTrue(t, s, truth)
	if warmup := s.Marks[runner.Ready].At - s.Marks[runner.Listening].At; !b.Proxied && warmup < 200*time.Millisecond {
		t.Errorf("listening to ready took %v, of about 400 ms", warmup)
	}
}

func rule(t *testing.T, text string) func(*runner.Candidate) {
	t.Helper()
	r, err := runner.ParseRule(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *runner.Candidate) { c.Ready = r }
}

func (b Bench) tcp(t *testing.T) {
	if b.Proxied {
		r := b.New(t)
		defer closeRunner(t, r)
		c := b.Candidate(t, "")
		rule(t, "tcp")(&c)
		if _, err := r.Prepare(t.Context(), c); !errors.Is(err, runner.ErrUsage) {
			t.Errorf("Prepare: %v, want a usage error", err)
		}
		return
	}
	truth := NewTruth(t)
	s := b.start(t, startTimeout, truth, rule(t, "tcp"), "-listen-after", "200ms")
	b.mustBeReady(t, s, runner.Started, runner.Listening, runner.Ready)
	mustBeTrue(t, s, truth)
}

func (b Bench) log(t *testing.T) {
	truth := NewTruth(t)
	s := b.start(t, startTimeout, truth, rule(t, "log=ready to .erve"),
		"-listen-after", "200ms", "-say", "now ready to serve", "-chatter", "500")
	b.mustBeReady(t, s, runner.Started, runner.Ready)
	mustBeTrue(t, s, truth)
}

// Said is said, also when the program ends in the same moment.
func (b Bench) lastLine(t *testing.T) {
	for range 2 {
		s := b.start(t, startTimeout, "", rule(t, "log=^ending with"), "-chatter", "100", "-exit-after", "20ms", "-exit-code", "1")
		b.mustBeReady(t, s, runner.Started, runner.Ready)
	}
	s := b.start(t, startTimeout, "", rule(t, "log=never said"), "-exit-after", "20ms")
	if s.Outcome != runner.OutcomeExited || s.Exit == nil || s.Exit.Code != 0 {
		t.Errorf("a program that ends without the line: %+v", s)
	}
}

func (b Bench) exit(t *testing.T) {
	s := b.start(t, startTimeout, "", rule(t, "exit"), "-exit-after", "200ms")
	b.mustBeReady(t, s, runner.Started, runner.Ready)
	if at, _ := s.ReadyAt(); at < 200*time.Millisecond {
		t.Errorf("a job of 200 ms took %v", at)
	}
	s = b.start(t, startTimeout, "", rule(t, "exit"), "-exit-after", "1ms", "-exit-code", "3")
	if s.Outcome != runner.OutcomeExited || s.Exit == nil || s.Exit.Code != 3 {
		t.Errorf("a job that fails: %+v", s)
	}
}

func (b Bench) request(t *testing.T) {
	s := b.start(t, startTimeout, "", func(c *runner.Candidate) {
		c.Request = &runner.Request{Method: "POST", Path: "/predict", Body: []byte(`{"x": 1}`)}
	})
	b.mustBeReady(t, s, runner.Started, runner.Listening, runner.Ready, runner.FirstResponse)
}

// looking asks what a start has printed when it is ready, and after its first
// request; and an error of who looks ends the start and leaves nothing.
func (b Bench) looking(t *testing.T) {
	r := b.New(t)
	defer closeRunner(t, r)
	looker, ok := r.(runner.Looker)
	if !ok {
		t.Skip("this runner lets nobody look at a start")
	}
	c := b.Candidate(t, "", "-imports")
	c.Env = append(c.Env, "PYTHONPROFILEIMPORTTIME=1")
	c.Request = &runner.Request{Method: "POST", Path: "/predict", Body: []byte(`{"x": 1}`)}
	c, err := r.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	logs := make(map[runner.MarkName]string)
	s, err := looker.StartLooking(t.Context(), c, startTimeout, func(_ context.Context, l runner.Look) error {
		log, err := l.Log()
		logs[l.Mark] = string(log)
		if len(l.Addrs) == 0 {
			t.Errorf("it is nowhere at %s", l.Mark)
		} else if conn, err := net.Dial("tcp", l.Addrs[0]); err != nil {
			t.Errorf("at %s: %v", l.Mark, err)
		} else {
			_ = conn.Close()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.mustBeReady(t, s, runner.Started, runner.Listening, runner.Ready, runner.FirstResponse)
	ready, after := logs[runner.Ready], logs[runner.FirstResponse]
	if !strings.HasSuffix(ready, "| app\n") || after != ready+"import time:      7000 |       7000 | lazy\n" {
		t.Errorf("when ready it had printed %q, and in the end %q", ready, after)
	}
	broken := errors.New("broken")
	looks := 0
	_, err = looker.StartLooking(t.Context(), c, startTimeout, func(context.Context, runner.Look) error {
		looks++
		return broken
	})
	if !errors.Is(err, broken) || looks != 1 {
		t.Errorf("%v after %d looks", err, looks)
	}
	b.nothingLeft(t)
}

func (b Bench) dies(t *testing.T) {
	s := b.start(t, startTimeout, "", func(c *runner.Candidate) {
		c.Request = &runner.Request{Method: "POST", Path: "/predict", Body: []byte(`{"x": 1}`)}
	}, "-die", "9")
	if s.Outcome != runner.OutcomeExited || s.Exit == nil || s.Exit.Code != 9 || !strings.Contains(s.Problem, "first request") {
		t.Errorf("outcome %s, exit %+v, problem %q", s.Outcome, s.Exit, s.Problem)
	}
	if _, ok := s.ReadyAt(); ok {
		t.Error("it counts as ready")
	}
}

// burnt is the CPU time that a candidate uses in tests of CPU time: far more
// than it takes to set one up. A machine that is busy does not change it.
const burnt = time.Second

// eaten is the memory that such a candidate takes, in MiB: more than its program
// has otherwise.
const eaten = 64

// Two candidates take as long, and only one of them uses the CPU and memory.
func (b Bench) cost(t *testing.T) {
	for _, text := range []string{"http", "log=ready to serve"} {
		burns := b.start(t, startTimeout, "", rule(t, text), "-say", "ready to serve", "-burn", burnt.String(), "-eat", strconv.Itoa(eaten))
		b.mustBeReady(t, burns, runner.Ready)
		sleeps := b.start(t, startTimeout, "", rule(t, text), "-say", "ready to serve", "-listen-after", burnt.String())
		b.mustBeReady(t, sleeps, runner.Ready)
		if burns.CPU == nil || sleeps.CPU == nil {
			if burns.CPU != sleeps.CPU {
				t.Errorf("rule %s: CPU time %v and %v, one of them unknown", text, burns.CPU, sleeps.CPU)
			}
			t.Skip("this runner cannot tell the CPU time here")
		}
		// A tick of the scheduler may be missing on every CPU.
		if *burns.CPU < burnt-100*time.Millisecond || *burns.CPU > 10*burnt {
			t.Errorf("rule %s: %v used, of about %v", text, *burns.CPU, burnt)
		}
		if *sleeps.CPU <= 0 || *sleeps.CPU > burnt/2 {
			t.Errorf("rule %s: %v used by one that sleeps for %v", text, *sleeps.CPU, burnt)
		}
		if most, least := burns.PeakMemory, sleeps.PeakMemory; most != nil && least != nil && (*most < eaten<<20 || *least >= eaten<<20 || *least <= 0) {
			t.Errorf("rule %s: %d bytes of memory in use with %d MiB, %d without", text, *most, eaten, *least)
		}
		for _, c := range []runner.Cost{burns.Cost, sleeps.Cost} {
			if c.ReadBytes != nil && *c.ReadBytes < 0 || c.MajorFaults != nil && *c.MajorFaults < 0 {
				t.Errorf("rule %s: %d bytes read, %d major faults", text, *c.ReadBytes, *c.MajorFaults)
			}
		}
	}
}

// What it cost may be lost with it, but is never wrong.
func (b Bench) costOfJob(t *testing.T) {
	s := b.start(t, startTimeout, "", rule(t, "exit"), "-burn", burnt.String(), "-eat", strconv.Itoa(eaten), "-exit-after", "0s")
	b.mustBeReady(t, s, runner.Ready)
	if s.CPU != nil && (*s.CPU < burnt-100*time.Millisecond || *s.CPU > 10*burnt) {
		t.Errorf("%v used, of about %v", *s.CPU, burnt)
	}
	if s.PeakMemory != nil && (*s.PeakMemory < eaten<<20 || *s.PeakMemory > 4*eaten<<20) {
		t.Errorf("%d bytes of memory in use, of about %d MiB", *s.PeakMemory, eaten)
	}
}

func (b Bench) env(t *testing.T) {
	s := b.start(t, startTimeout, "", func(c *runner.Candidate) {
		rule(t, "log=two words")(c)
		c.Args = append(c.Args, "-say", "two words")
		c.Env = append(c.Env, "UNUSED=a b'c")
	})
	b.mustBeReady(t, s, runner.Ready)
}

func (b Bench) crash(t *testing.T) {
	begin := time.Now()
	s := b.start(t, startTimeout, "", nil, "-chatter", "30", "-exit-after", "100ms", "-exit-code", "42")
	if took := time.Since(begin); took > startTimeout/2 {
		t.Errorf("a crash after 100 ms ended the start after %v", took)
	}
	if s.Outcome != runner.OutcomeExited || s.Exit == nil || s.Exit.Code != 42 || s.Problem == "" {
		t.Errorf("outcome %s, exit %+v, problem %q", s.Outcome, s.Exit, s.Problem)
	}
	if n := len(s.Log); n != 20 || s.Log[n-1] != "ending with status 42" || s.Log[0] != "line 12" {
		t.Errorf("last log lines: %q", s.Log)
	}
	if s.Cost != (runner.Cost{}) {
		t.Errorf("what it cost until it was ready, which it never was: %+v", s.Cost)
	}
}

func (b Bench) never(t *testing.T) {
	s := b.start(t, 3*time.Second, "", nil, "-chatter", "1", "-listen-after", "1h")
	if s.Outcome != runner.OutcomeTimeout || s.Problem == "" || len(s.Tried) == 0 {
		t.Errorf("outcome %s, problem %q, tried %q", s.Outcome, s.Problem, s.Tried)
	}
	if !slices.Equal(s.Log, []string{"line 1"}) {
		t.Errorf("log %q", s.Log)
	}
	if _, ok := s.ReadyAt(); ok {
		t.Error("it has a time to ready")
	}
}

func (b Bench) always500(t *testing.T) {
	s := b.start(t, 3*time.Second, "", nil, "-ready-after", "1h", "-unready", "500")
	if s.Outcome != runner.OutcomeTimeout {
		t.Errorf("outcome %s", s.Outcome)
	}
	if !slices.Contains(s.Tried, "/healthz: 500") || !slices.Contains(s.Tried, "/ready: 404") {
		t.Errorf("tried %q", s.Tried)
	}
}

func (b Bench) missing(t *testing.T) {
	r := b.New(t)
	defer closeRunner(t, r)
	c, err := r.Prepare(t.Context(), b.Missing(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, startTimeout)
	if err != nil {
		t.Fatal(err)
	}
	if s.Outcome != runner.OutcomeExited && s.Outcome != runner.OutcomeError {
		t.Errorf("outcome %s", s.Outcome)
	}
	if told := s.Problem + strings.Join(s.Log, "\n"); !strings.Contains(told, "no-such-program") && (s.Exit == nil || s.Exit.Code != 127) {
		t.Errorf("it does not say what is missing: %q, exit %v", told, s.Exit)
	}
	b.nothingLeft(t)
}

var errInterrupted = errors.New("interrupted by the test")

func (b Bench) cancelled(t *testing.T) {
	r := b.New(t)
	defer closeRunner(t, r)
	c, err := r.Prepare(t.Context(), b.Candidate(t, "", "-listen-after", "1h"))
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, time.Second} {
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(after, func() { cancel(errInterrupted) })
		if after == 0 {
			cancel(errInterrupted)
		}
		_, err := r.Start(ctx, c, startTimeout)
		timer.Stop()
		if !errors.Is(err, errInterrupted) {
			t.Errorf("cancelled after %v: error %v", after, err)
		}
		b.nothingLeft(t)
		cancel(nil)
	}
}

func (b Bench) repeat(t *testing.T) {
	r := b.New(t)
	defer closeRunner(t, r)
	c, err := r.Prepare(t.Context(), b.Candidate(t, "", "-listen-after", "20ms"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s, err := r.Start(t.Context(), c, startTimeout)
		if err != nil {
			t.Fatal(err)
		}
		b.mustBeReady(t, s, runner.Started, runner.Listening, runner.Ready)
		c.Health = s.Health
	}
	b.nothingLeft(t)
}
