package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/probe"
	"mlbench/runner/probe/listen"
	"mlbench/runner/speed"
)

// Start starts a container and removes it. See runner.Runner.
//
// Where the container's own address turns out not to be reachable from here,
// this and all later starts go through a published port.
func (r *Runner) Start(ctx context.Context, c runner.Candidate, timeout time.Duration) (runner.Start, error) {
	return r.StartLooking(ctx, c, timeout, nil)
}

// StartLooking starts a container and removes it. See runner.Looker.
func (r *Runner) StartLooking(ctx context.Context, c runner.Candidate, timeout time.Duration, look func(context.Context, runner.Look) error) (runner.Start, error) {
	s, err := r.start(ctx, c, timeout, look)
	if s.Outcome == runner.OutcomeReady && err == nil {
		r.reached = true
	}
	if r.askByCDI(err) {
		r.opts.Notify(fmt.Sprintf("%s: the engine has no driver for GPUs: asking for them by their names in CDI", c.Name))
		s, err = r.start(ctx, c, timeout, look)
	}
	// Not once an address was reached: one comparison uses one method.
	if errors.Is(err, probe.ErrUnreachable) && !r.published && !r.reached && c.Network != "host" {
		if c.Ready.Kind == runner.TCP {
			return s, errPublishedTCP(c)
		}
		r.published = true
		r.opts.Notify(fmt.Sprintf("%s's own address cannot be reached from here: going through a published port", c.Name))
		return r.start(ctx, c, timeout, look)
	}
	return s, err
}

func (r *Runner) start(ctx context.Context, c runner.Candidate, timeout time.Duration, look func(context.Context, runner.Look) error) (s runner.Start, err error) {
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	if c.Network == "host" {
		if addr, taken := probe.Answers(ctx, hostAddresses(c.Port)); taken && c.Port != 0 {
			return s, runner.As(runner.ErrEnvironment, fmt.Errorf(
				"something already listens on %s, before %s was started on the host's network: end it, or choose another --port", addr, c.Name))
		}
	}
	defer r.asked.quiet()()
	r.starts++
	x := &one{r: r, c: c, look: look, fresh: r.fresh[c.Name], timeout: timeout, name: fmt.Sprintf("mlbench-%s-%d", r.session, r.starts), ended: make(chan struct{})}
	defer func() {
		stopping := time.Now()
		err = errors.Join(err, x.remove(ctx))
		if x.fresh != nil {
			err = errors.Join(err, r.removePulled(x.fresh, x.cut))
		}
		s.Stop = time.Since(stopping)
	}()
	defer x.release()
	defer func() {
		x.stopGPUs(&s)
		if x.gpuTrouble != nil && ctx.Err() == nil {
			err = errors.Join(err, x.gpuTrouble)
		}
	}()
	s = runner.Start{Outcome: runner.OutcomeReady, Marks: make(runner.Marks)}
	if x.fresh != nil {
		if err := x.makeAbsent(ctx); err != nil {
			return s, err
		}
	}
	if err := x.launch(ctx, &s); err != nil {
		if ctx.Err() != nil {
			return s, context.Cause(ctx)
		}
		if errors.Is(err, errPullTimeout) {
			if gone := x.engineStays(ctx); gone != nil {
				return s, r.engineError(ctx, "pulling "+x.fresh.from, gone)
			}
			s.Outcome, s.Problem = runner.OutcomeTimeout, err.Error()
			return s, nil
		}
		if errors.Is(err, runner.ErrEnvironment) {
			return s, err
		}
		if refused := x.gpusRefused(err); refused != nil {
			return s, refused
		}
		if engineGone(err) || errors.Is(err, context.DeadlineExceeded) || hostFailed(err) {
			return s, r.engineError(ctx, "starting "+c.Name, err)
		}
		if gone := x.engineStays(ctx); gone != nil {
			return s, r.engineError(ctx, "starting "+c.Name, gone)
		}
		// The engine refused what was asked: no such program, a bad option.
		s.Outcome, s.Problem = runner.OutcomeError, err.Error()
		return s, nil
	}
	r.warn(c, x.warnings)
	watch, cancel := probe.Until(ctx, s.BeginAt.Add(timeout), x.ended)
	defer cancel()
	x.observe(ctx, watch, &s)
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	if x.lost != nil {
		return s, r.engineError(ctx, "watching "+c.Name, x.lost)
	}
	if x.looked != nil {
		return s, x.looked
	}
	if x.unreachable {
		return s, runner.As(runner.ErrEnvironment, fmt.Errorf("%s: %w", c.Name, probe.ErrUnreachable))
	}
	if s.Outcome != runner.OutcomeReady {
		err := r.engineError(ctx, "starting "+c.Name, x.autopsy(ctx, &s))
		if x.early && s.Outcome == runner.OutcomeExited {
			s.Problem += "; that was before it could be seen whether its GPUs had arrived"
		}
		return s, err
	}
	if x.early {
		r.unseen(c, "it had ended before anybody could look")
	}
	return s, x.stranger()
}

// hostFailed tells the host's failures from the candidate's. Engines answer
// both with the same status, so the kernel's and the engine's words decide.
func hostFailed(err error) bool {
	return slices.ContainsFunc([]string{
		diskFull, "too many open files", "cannot allocate memory",
		"resource temporarily unavailable", "no available IP", "available IPv4 addresses",
		"address pools", "read-only file system", "input/output error",
	}, func(words string) bool { return strings.Contains(err.Error(), words) })
}

// one is one start of one container.
type one struct {
	r    *Runner
	c    runner.Candidate
	id   string
	name string

	look   func(context.Context, runner.Look) error // nil for none
	looked error                                    // of look

	fresh   *fresh // nil where nothing is pulled
	timeout time.Duration
	cut     bool // a pull was begun and did not end

	warnings []string // of the engine, about what it leaves out
	target   probe.Target
	program  *listen.Program // what is heard of it; nil where only tries tell
	line     *line           // nil where there is none

	gpus       *gpu.Watch // of what it uses of the GPUs; nil for none
	gpuTrouble error      // of the GPUs, meanwhile
	first      int        // its first process, where its GPUs were seen to arrive in this start
	early      bool       // it ended before it could be seen whether its GPUs arrived

	accounts [quantities]account
	books    [quantities]*os.File // of the accounts, open; nil where it cannot be

	stolen      time.Duration // by the hypervisor before the start
	stolenKnown bool
	load        runner.HostLoad // before the start

	ended       chan struct{} // closed when the container runs no more, or the engine is lost
	endedAt     time.Time     // set before ended is closed
	status      int64         // likewise: the exit status
	lost        error         // the engine does not answer; read it after ended is closed
	unreachable bool
}

// launch creates and starts the container: the marks Created and Started, and
// Pulled where the image is pulled first.
func (x *one) launch(ctx context.Context, s *runner.Start) error {
	config, host := x.r.configs(x.c)
	x.hold(ctx)
	probe.Lag() // measured here, not within the start
	x.r.hear()
	if x.r.local {
		x.stolen, x.stolenKnown = speed.Steal()
		x.load = speed.Load()
	}

	s.BeginAt = time.Now()
	if x.fresh != nil {
		config.Image = x.fresh.ref
		if err := x.pull(ctx, s); err != nil {
			return err
		}
	}
	// Interrupted in the middle, either call may go on in the engine and
	// make something that nobody knows of. They are short, so they are not.
	calls, cancel := detached(ctx, x.r.launch)
	defer cancel()
	created, err := x.r.cli.ContainerCreate(calls, config, host, nil, nil, x.name)
	s.Marks[runner.Created] = runner.Mark{At: time.Since(s.BeginAt), Source: "engine-call"}
	if err != nil {
		return err
	}
	x.id, x.warnings = created.ID, created.Warnings
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	x.watchGPUs()
	err = x.r.cli.ContainerStart(calls, x.id, container.StartOptions{})
	s.Marks[runner.Started] = runner.Mark{At: time.Since(s.BeginAt), Source: "engine-call"}
	x.target.Begin = s.BeginAt
	x.target.Since = s.BeginAt.Add(s.Marks[runner.Created].At)
	if err != nil {
		return err
	}
	return x.arrived(calls)
}

// observe watches the started container until the ready rule holds, and asks
// the first request. watch is ctx until the start's time is up.
func (x *one) observe(ctx, watch context.Context, s *runner.Start) {
	// ContainerWait answers at once if the container has ended already, so
	// it need not stand between create and start, where it would be timed.
	waiting, cancel := context.WithCancel(context.WithoutCancel(watch))
	go x.waitForEnd(waiting)
	x.openAccounts()
	defer x.closeAccounts()

	sighting, err := x.ready(watch, s)
	if err == nil {
		if x.c.Ready.Kind != runner.Exit { // what has ended has nothing there any more
			x.gpus.Ready()
		}
		x.readAccounts(watch, s)
		x.seeGivenBy()
	}
	probe.Record(s, sighting, err)
	x.heard(s)
	if err == nil {
		x.show(ctx, runner.Ready, sighting.Addr)
	}
	if err == nil && x.looked == nil && x.c.Request != nil {
		sighting, err = x.firstResponse(watch)
		probe.Record(s, sighting, err)
		if err == nil {
			x.show(ctx, runner.FirstResponse, sighting.Addr)
		}
	}
	x.stopGPUs(s)
	cancel()
	<-x.ended // from here on, nobody else writes to x
	x.unreachable = errors.Is(err, probe.ErrUnreachable)
	if x.lost == nil && err != nil && engineGone(err) {
		x.lost = err
	}
}

func (x *one) ready(watch context.Context, s *runner.Start) (probe.Sighting, error) {
	switch x.c.Ready.Kind {
	case runner.Log:
		return x.log(watch)
	case runner.Exit:
		return x.exit(watch)
	case runner.Healthcheck:
		return x.healthy(watch, s)
	}
	if err := x.locate(watch); err != nil {
		return probe.Sighting{}, err
	}
	if x.c.Ready.Kind == runner.TCP {
		return probe.TCP(watch, x.target)
	}
	return probe.HTTP(watch, x.target, x.c.Paths())
}

// firstResponse asks the first request, at an address that the ready rule may
// not have needed.
func (x *one) firstResponse(watch context.Context) (probe.Sighting, error) {
	if len(x.target.Addrs) == 0 {
		if err := x.locate(watch); err != nil {
			return probe.Sighting{}, err
		}
	}
	return probe.FirstResponse(watch, x.target, *x.c.Request)
}

// waitForEnd closes ended when the container runs no more.
func (x *one) waitForEnd(ctx context.Context) {
	defer close(x.ended)
	done, failed := x.r.cli.ContainerWait(ctx, x.id, container.WaitConditionNotRunning)
	select {
	case d := <-done:
		x.endedAt, x.status = time.Now(), d.StatusCode
		if d.Error != nil {
			x.lost = errors.New(d.Error.Message)
		}
	case err := <-failed:
		if ctx.Err() == nil {
			x.lost = err
		}
	}
}

// warn passes on what the engine warned of, each warning once: an option that
// the host's kernel cannot do is left out, and the start goes on without it.
func (r *Runner) warn(c runner.Candidate, warnings []string) {
	for _, w := range warnings {
		if !r.warned[w] {
			r.warned[w] = true
			r.opts.Notify(c.Name + ": the engine warns: " + w)
		}
	}
}

func hostAddresses(port int) []string {
	p := strconv.Itoa(port)
	return []string{net.JoinHostPort("127.0.0.1", p), net.JoinHostPort("::1", p)}
}
