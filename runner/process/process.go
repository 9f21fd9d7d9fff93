//go:build unix

// Package process starts commands instead of containers: the same experiment
// where no engine runs, or for code that is not in an image yet.
//
// A candidate's Ref is a shell command line. It gets its port in the variable
// PORT, runs in a process group of its own, and is killed with everything that
// it started once it was measured.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/cache"
	"mlbench/runner/probe"
	"mlbench/runner/probe/listen"
	"mlbench/runner/speed"
)

// Runner starts commands on this machine. The zero value works.
type Runner struct {
	// Polling tries to connect even where the kernel tells when a command
	// listens.
	Polling bool
	// GPUs watches what commands use of the GPUs; nil for nothing.
	GPUs *gpu.Sampler

	starts int
	gauge  *speed.Gauge // made when needed

	hearing listen.Hearing // of when commands listen
}

var (
	_ runner.Runner  = (*Runner)(nil)
	_ runner.Evictor = (*Runner)(nil)
	_ runner.Reaper  = (*Runner)(nil)
	_ runner.Gauge   = (*Runner)(nil)

	_ runner.Examiner = (*Runner)(nil)
	_ runner.Looker   = (*Runner)(nil)
)

// logLines is how much of a failed start's output is kept.
const logLines = 20

// Host describes this machine.
func (r *Runner) Host(context.Context) (runner.Host, error) {
	h := runner.Host{
		Engine: "process",
		OS:     runtime.GOOS,
		Arch:   runtime.GOARCH,
		CPU:    runner.CPUModel(),
		CPUs:   runtime.NumCPU(),
		Reach:  "address",
	}
	h.Kernel, h.MemoryBytes = kernelFacts()
	return h, nil
}

// Prepare finds a free port where none is named, and refuses what only a
// container can have.
func (r *Runner) Prepare(_ context.Context, c runner.Candidate) (runner.Candidate, error) {
	if strings.TrimSpace(c.Ref) == "" {
		return c, runner.As(runner.ErrUsage, errors.New("empty command: name one to start, e.g. 'python3 app.py'"))
	}
	if err := refuse(c); err != nil {
		return c, err
	}
	if c.Port == 0 && (c.Ready.Kind != runner.Exit || c.Request != nil) {
		port, err := freePort()
		if err != nil {
			return c, runner.As(runner.ErrEnvironment, fmt.Errorf("no free port for %s: %w", c.Name, err))
		}
		c.Port = port
	}
	return c, nil
}

func refuse(c runner.Candidate) error {
	for _, f := range []struct {
		flag string
		set  bool
	}{
		{"--volume", len(c.Volumes) > 0}, {"--memory", c.Memory != 0}, {"--cpus", c.CPUs != 0},
		{"--shm-size", c.ShmSize != 0}, {"--network", c.Network != ""}, {"--user", c.User != ""},
		{"--entrypoint", c.Entrypoint != ""}, {"--ready healthcheck", c.Ready.Kind == runner.Healthcheck},
	} {
		if f.set {
			return runner.As(runner.ErrUsage, fmt.Errorf(
				"%s is for containers, and --runner process starts plain commands: leave it out, or measure an image", f.flag))
		}
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Start runs the command once. See runner.Runner.
func (r *Runner) Start(ctx context.Context, c runner.Candidate, timeout time.Duration) (runner.Start, error) {
	return r.StartLooking(ctx, c, timeout, nil)
}

// StartLooking runs the command once. See runner.Looker.
func (r *Runner) StartLooking(ctx context.Context, c runner.Candidate, timeout time.Duration, look func(context.Context, runner.Look) error) (runner.Start, error) {
	if err := ctx.Err(); err != nil {
		return runner.Start{}, context.Cause(ctx)
	}
	addrs := addresses(c.Port)
	if addr, taken := probe.Answers(ctx, addrs); taken {
		return runner.Start{}, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"something already listens on %s, before %s was started: end it, or choose another --port", addr, c.Name))
	}
	r.hear()
	r.starts++
	mark := marker{owner: runner.Self(), start: r.starts}
	load := speed.Load()
	var log *kept
	if look != nil {
		log = new(kept)
	}
	gpus := r.watch(c, mark)
	p, err := launch(c, mark, log)
	if err != nil {
		_, _ = gpus.Stop() // there is nothing of the command to tell
		return runner.Start{}, runner.As(runner.ErrEnvironment, fmt.Errorf("starting %q: %w", c.Ref, err))
	}
	gpus.group.Store(int64(p.cmd.Process.Pid))
	s := runner.Start{BeginAt: p.begin, Outcome: runner.OutcomeReady, Marks: runner.Marks{
		runner.Started: {At: p.started.Sub(p.begin), Source: "fork"},
	}}
	watchCtx, cancel := probe.Until(ctx, p.begin.Add(timeout), p.ended)
	defer cancel()

	target := probe.Target{Addrs: addrs, Begin: p.begin, Since: p.begin}
	// A command is in the network that we are in.
	if program := r.hearing.Program(os.Getpid(), addrs, p.begin); program != nil {
		target.Events = program
	}
	sighting, err := p.wait(watchCtx, c, target)
	if err == nil {
		gpus.reached(c.Ready.Kind)
		s.Cost = p.cost()
		s.HostLoad = speed.LoadSince(load)
	}
	probe.Record(&s, sighting, err)
	if m, ok := s.Marks[runner.Listening]; ok && target.Events != nil && m.Source != probe.SourceEvent {
		_ = r.hearing.Missed() // the marks of later starts tell
	}
	var looked error
	if err == nil && look != nil {
		looked = p.show(ctx, look, log.seen(runner.Ready, c, sighting))
	}
	if err == nil && looked == nil && c.Request != nil {
		sighting, err = probe.FirstResponse(watchCtx, target, *c.Request)
		probe.Record(&s, sighting, err)
		if err == nil && look != nil {
			looked = p.show(ctx, look, log.seen(runner.FirstResponse, c, sighting))
		}
	}
	// A listener that bears no mark may serve on the command's behalf, as an
	// engine's does for `docker run --publish`.
	pid, foreign := 0, false
	if s.Outcome == runner.OutcomeReady && (c.Ready.NeedsPort() || c.Request != nil) {
		pid, foreign = probe.Holder(c.Port, func(pid int) bool { v := marked(pid); return v != "" && v != mark.env() })
	}
	watchErr := s.StopGPU(gpus.Watch, c.Name) // while the command has what it took
	stopping := time.Now()
	state, stopErr := p.stop(mark)
	s.Stop = time.Since(stopping)
	if stopErr != nil {
		stopErr = runner.As(runner.ErrEnvironment, fmt.Errorf("stopping %q: %w", c.Ref, stopErr))
	}
	if s.Outcome == runner.OutcomeExited {
		s.Exit = &runner.ExitState{Code: exitCode(state)}
		s.Problem = fmt.Sprintf("the program ended with status %d before %s", s.Exit.Code, missing(&s))
	}
	if s.Outcome != runner.OutcomeReady {
		s.Log = p.out.Last()
	}
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	if watchErr != nil { // what waits for a lost GPU may well not be stopped either
		return s, errors.Join(watchErr, stopErr)
	}
	if looked != nil {
		return s, looked
	}
	if foreign {
		return s, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"process %d (%s), of another mlbench, listens on port %d and answered instead of %s: choose another --port", pid, commandLine(pid), c.Port, c.Name))
	}
	return s, stopErr
}

// hear lets the kernel tell when commands listen, where it can.
func (r *Runner) hear() {
	if !r.Polling {
		r.hearing.Begin()
	}
}

// Close frees what hears the commands.
func (r *Runner) Close() error { return r.hearing.Close() }

// Examine says what this host allows. See runner.Examiner.
func (r *Runner) Examine(ctx context.Context) ([]runner.Finding, error) {
	r.hear()
	cold := runner.Finding{
		Subject: "cold cache", Grade: runner.Poor, Found: "the host's whole page cache can be dropped before a start; nothing proves what stays",
		Remedy: "measure images, whose files are known",
	}
	if err := cache.CanDropAll(); err != nil {
		cold.Grade, cold.Found, cold.Remedy = runner.Missing, err.Error(), "run as root"
	}
	waiting := runner.Finding{
		Subject: "waiting", Grade: runner.Poor, Found: "how long a command waits for processors that others have is not known: a busy host costs more pairs",
		Remedy: "measure images, of which the kernel keeps account",
	}
	found := append([]runner.Finding{listen.Finding(r.hearing.Err()), cold, waiting}, speed.Examine()...)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return found, nil
}

// CanEvict says whether the kernel's whole page cache can be dropped. What
// files a command will read is not known beforehand, so nothing proves it.
func (r *Runner) CanEvict(context.Context, []runner.Candidate) (runner.Eviction, error) {
	if err := cache.CanDropAll(); err != nil {
		return runner.Eviction{}, runner.As(runner.ErrNotPermitted, err)
	}
	return runner.Eviction{How: "the host's whole page cache dropped (drop_caches)"}, nil
}

// Evict drops the kernel's whole page cache.
func (r *Runner) Evict(context.Context, []runner.Candidate) ([]runner.Residency, error) {
	return nil, cache.DropAll()
}

// running is a command that was launched.
type running struct {
	cmd     *exec.Cmd
	begin   time.Time
	started time.Time
	out     *probe.Lines
	watch   *probe.Watch  // rule log only
	read    chan struct{} // closed when the output was read to its end
	pipe    *os.File
	ended   chan struct{} // closed when the program has ended and was reaped
	endedAt time.Time     // set before ended is closed
	ours    int64         // our own peak of memory before it, in bytes
}

// launch starts the command; its output is also written to log, if there is one.
func launch(c runner.Candidate, mark marker, log *kept) (*running, error) {
	p := &running{out: &probe.Lines{Keep: logLines}, read: make(chan struct{}), ended: make(chan struct{})}
	if c.Ready.Kind == runner.Log {
		p.watch = &probe.Watch{Pattern: c.Ready.Pattern, Lag: func(line string, _ time.Time) (string, time.Duration) {
			return line, probe.Lag()
		}}
		p.out.Watch(p.watch)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.pipe = out
	// "$@" passes what followed -- on as it is, without a second reading by
	// the shell.
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", c.Ref + ` "$@"`, "sh"}, c.Args...)...)
	if len(c.Args) == 0 {
		p.cmd.Args = []string{"/bin/sh", "-c", c.Ref}
	}
	p.cmd.Env = environment(c.GPUs)
	if c.Port != 0 {
		p.cmd.Env = append(p.cmd.Env, "PORT="+strconv.Itoa(c.Port))
	}
	p.cmd.Env = append(p.cmd.Env, c.Env...)
	p.cmd.Env = append(p.cmd.Env, mark.env())
	p.cmd.Stdout, p.cmd.Stderr = in, in
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	probe.Lag() // measured here, not within the start
	p.ours = ownPeak()
	p.begin = time.Now()
	err = p.cmd.Start()
	p.started = time.Now()
	_ = in.Close()
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	go func() {
		defer close(p.read)
		if log == nil {
			drain(out, p.out)
		} else {
			drain(out, io.MultiWriter(p.out, log))
		}
	}()
	go func() {
		_ = p.cmd.Wait() // how it ended stands in ProcessState
		p.endedAt = time.Now()
		close(p.ended)
	}()
	return p, nil
}

func drain(from *os.File, to io.Writer) {
	for b := make([]byte, 32<<10); ; {
		n, err := from.Read(b)
		_, _ = to.Write(b[:n]) // none that we have fails
		if err != nil {
			return
		}
	}
}

// wait waits until the candidate's ready rule holds.
func (p *running) wait(ctx context.Context, c runner.Candidate, t probe.Target) (probe.Sighting, error) {
	switch c.Ready.Kind {
	case runner.TCP:
		return probe.TCP(ctx, t)
	case runner.Log:
		s, err := probe.Log(ctx, t.Begin, p.watch)
		if errors.Is(err, probe.ErrEnded) {
			// The news of the end may overtake the program's last words.
			p.finishReading()
			s, err = probe.Log(ctx, t.Begin, p.watch)
		}
		return s, err
	case runner.Exit:
		<-ctx.Done()
		err := context.Cause(ctx)
		if errors.Is(err, probe.ErrEnded) && p.cmd.ProcessState.Success() {
			return probe.Sighting{Marks: runner.Marks{runner.Ready: {
				At: p.endedAt.Sub(t.Begin), Resolution: probe.Lag(), Source: "exit",
			}}}, nil
		}
		return probe.Sighting{}, err
	default:
		return probe.HTTP(ctx, t, c.Paths())
	}
}

// missing is what a failed start did not come to.
func missing(s *runner.Start) string {
	if _, ok := s.Marks[runner.Ready]; ok {
		return "it answered the first request"
	}
	return "it was ready"
}

// lastWords is how long the output of programs that have ended may take to be
// read. Another that holds their pipe may never close it.
const lastWords = 100 * time.Millisecond

func (p *running) finishReading() {
	select {
	case <-p.read:
	case <-time.After(lastWords):
	}
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()) // as a shell and an engine report it
	}
	return state.ExitCode()
}

// addresses are where a command on this machine may listen.
func addresses(port int) []string {
	p := strconv.Itoa(port)
	return []string{net.JoinHostPort("127.0.0.1", p), net.JoinHostPort("::1", p)}
}
