package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// lastWords is how long nothing may come of the rest of an ended container's
// log before it is given up. An engine sends much output seconds late.
const lastWords = 10 * time.Second

// counted counts what is written to an io.Writer.
type counted struct {
	io.Writer
	n atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.Writer.Write(p)
}

// log waits for a line of the container's output.
func (x *one) log(watch context.Context) (probe.Sighting, error) {
	w := &probe.Watch{Pattern: x.c.Ready.Pattern, Lag: x.lineLag}
	lines := new(probe.Lines)
	lines.Watch(w)
	reading, stop := context.WithCancel(context.WithoutCancel(watch))
	defer stop()
	open := make(chan struct{})
	opened := sync.OnceFunc(func() { close(open) })
	defer opened()
	defer context.AfterFunc(watch, func() {
		if errors.Is(context.Cause(watch), probe.ErrEnded) {
			select {
			case <-open: // what it said last is still to be read
				return
			case <-time.After(x.r.ask):
			}
		}
		stop()
	})()
	stream, err := x.r.cli.ContainerLogs(reading, x.id, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true,
	})
	if err != nil {
		if watch.Err() != nil {
			return probe.Sighting{}, context.Cause(watch)
		}
		return probe.Sighting{}, fmt.Errorf("reading the container's log: %w", err)
	}
	opened()
	defer func() { _ = stream.Close() }()
	read, got := make(chan struct{}), &counted{Writer: lines}
	go func() {
		defer close(read)
		_, _ = stdcopy.StdCopy(got, got, stream) // ends with the stream
	}()
	s, err := probe.Log(watch, x.target.Begin, w)
	ended := errors.Is(err, probe.ErrEnded)
	if ended {
		// The news of the end may overtake the program's last words.
		for last := int64(-1); last != got.n.Load(); {
			last = got.n.Load()
			select {
			case <-read:
			case <-time.After(lastWords):
			}
		}
		s, err = probe.Log(watch, x.target.Begin, w)
	}
	if errors.Is(err, probe.ErrEnded) {
		// Following a log that is long when its container ends, Engine 20.10
		// at times leaves out the rest; read from its beginning it is whole,
		// once the engine has written it all down.
		stop()
		<-read
		for before := int64(-1); errors.Is(err, probe.ErrEnded) && time.Since(x.endedAt) < x.readable(); {
			size := x.readLog(watch, w)
			s, err = probe.Log(watch, x.target.Begin, w)
			if size == before && time.Since(x.endedAt) > writesDown {
				break
			}
			before = size
			time.Sleep(writesDown / 6)
		}
	}
	if ended && err == nil {
		s.Marks[runner.Ready] = notAfter(x.endedAt.Sub(x.target.Begin), s.Marks[runner.Ready])
	}
	return s, err
}

// notAfter is a mark of something that a program did, which was before its end
// however late it was read.
func notAfter(end time.Duration, m runner.Mark) runner.Mark {
	if late := m.At - end; late > 0 {
		m.At, m.Resolution = end, max(m.Resolution-late, 0)
	}
	return m
}

// writesDown is how long after a container's end its engine may still be writing
// its log, and may pause. Under load, Engine 20.10 pauses for over half a second.
const writesDown = 3 * time.Second

// readable is how long a log may take to read: a start that may take long may
// write much.
func (x *one) readable() time.Duration { return x.r.ask + x.timeout }

// readLog shows w the whole log of a container that has ended, as far as it is
// written down by now, and says how long that is.
func (x *one) readLog(ctx context.Context, w *probe.Watch) (size int64) {
	ctx, cancel := detached(ctx, x.readable())
	defer cancel()
	stream, err := x.r.cli.ContainerLogs(ctx, x.id, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Timestamps: true,
	})
	if err != nil {
		return 0 // then what was followed is all there is
	}
	defer func() { _ = stream.Close() }()
	lines := new(probe.Lines)
	lines.Watch(w)
	size, _ = stdcopy.StdCopy(lines, lines, stream)
	return size
}

// lineLag takes the engine's time stamp off a log line. The line was written
// before the engine read it, and we got it this much later; on another host
// the clocks differ, and a round trip has to do.
func (x *one) lineLag(line string, received time.Time) (string, time.Duration) {
	stamp, text, ok := strings.Cut(line, " ")
	if !ok {
		return line, x.r.delay
	}
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || !x.r.local {
		return text, x.r.delay
	}
	return text, x.ago(at, received)
}

// ago is how long before now something happened at most that the engine put a
// time on. The engine's is the wall clock, which may have been set meanwhile: a
// time after now, or from before the container could run, tells only that it
// was since then.
func (x *one) ago(at, now time.Time) time.Duration {
	longest := now.Sub(x.target.Since) // by the monotonic clock
	ago := now.Sub(at)
	if ago < 0 || ago > longest {
		ago = longest
	}
	return max(ago, probe.Lag())
}

// exit waits for the container to end with status 0.
func (x *one) exit(watch context.Context) (probe.Sighting, error) {
	<-watch.Done()
	err := context.Cause(watch)
	if !errors.Is(err, probe.ErrEnded) || x.lost != nil || x.status != 0 {
		return probe.Sighting{}, err
	}
	mark := runner.Mark{At: x.endedAt.Sub(x.target.Begin), Resolution: x.r.delay, Source: "exit"}
	if err := x.engineStays(watch); err != nil { // it stopped the container
		return probe.Sighting{}, err
	}
	asking, cancel := detached(watch, x.r.ask)
	defer cancel()
	if info, err := x.r.cli.ContainerInspect(asking, x.id); err == nil && info.State != nil && x.r.local {
		if at, err := time.Parse(time.RFC3339Nano, info.State.FinishedAt); err == nil {
			mark.Resolution = x.ago(at, x.endedAt)
		}
	}
	return probe.Sighting{Marks: runner.Marks{runner.Ready: mark}}, nil
}

// healthy waits for the engine to call the container healthy.
func (x *one) healthy(watch context.Context, s *runner.Start) (probe.Sighting, error) {
	listening, stop := context.WithCancel(watch)
	defer stop()
	seen, failed := x.r.cli.Events(listening, events.ListOptions{
		Since: fmt.Sprintf("%d.%09d", s.BeginAt.Unix(), s.BeginAt.Nanosecond()),
		Filters: filters.NewArgs(
			filters.Arg("container", x.id), filters.Arg("event", "health_status")),
	})
	last := "no health status yet"
	for {
		select {
		case m := <-seen:
			now := time.Now()
			last = string(m.Action)
			if m.Action != events.ActionHealthStatusHealthy {
				continue
			}
			mark := runner.Mark{At: now.Sub(s.BeginAt), Resolution: now.Sub(s.BeginAt) - s.Marks[runner.Started].At, Source: "healthcheck"}
			if before, ok := x.lastUnhealthy(watch); ok && x.r.local {
				mark.Resolution = min(mark.Resolution, x.ago(before, now))
			}
			return probe.Sighting{Marks: runner.Marks{runner.Ready: mark}}, nil
		case err := <-failed:
			if watch.Err() != nil {
				return probe.Sighting{Tried: []string{"healthcheck: " + last}}, context.Cause(watch)
			}
			return probe.Sighting{}, fmt.Errorf("waiting for the engine's events: %w", err)
		case <-watch.Done():
			return probe.Sighting{Tried: []string{"healthcheck: " + last}}, context.Cause(watch)
		}
	}
}

// lastUnhealthy is when the last health check before the first good one was
// started: until then at least, the container was not ready.
func (x *one) lastUnhealthy(ctx context.Context) (time.Time, bool) {
	info, err := x.r.cli.ContainerInspect(ctx, x.id)
	if err != nil || info.State == nil || info.State.Health == nil {
		return time.Time{}, false
	}
	var at time.Time
	for _, check := range info.State.Health.Log {
		if check.ExitCode == 0 {
			break
		}
		at = check.Start
	}
	return at, !at.IsZero()
}

// autopsy finds out why a start failed: how the program ended, and its last
// words. It is an error where that was not the candidate's doing.
func (x *one) autopsy(ctx context.Context, s *runner.Start) error {
	ctx, cancel := detached(ctx, x.r.ask)
	defer cancel()
	if s.Outcome == runner.OutcomeExited {
		if err := x.engineStays(ctx); err != nil {
			return err
		}
	}
	info, err := x.r.cli.ContainerInspect(ctx, x.id)
	switch {
	case cerrdefs.IsNotFound(err), err == nil && info.State != nil && info.State.Status == container.StateRemoving:
		s.Problem = "somebody else removed its container before " + missing(s)
		return nil
	case err != nil:
		return err
	}
	if info.State != nil {
		killed := info.State.OOMKilled
		if !info.State.Running {
			s.Exit = &runner.ExitState{Code: info.State.ExitCode, OOMKilled: killed}
		}
		switch {
		case s.Outcome == runner.OutcomeExited && s.Exit != nil:
			s.Problem = fmt.Sprintf("the program ended with status %d before %s", s.Exit.Code, missing(s))
			switch {
			case killed:
				s.Problem += ": it was killed for want of memory (out of memory)"
			case s.Exit.Code == killedStatus && x.c.Memory > 0:
				// The kernel's notice reaches engines apart from the exit
				// (20.10 at times loses it), and nobody else kills here.
				s.Problem += fmt.Sprintf(": it was killed under a memory limit of %d MB, so most likely it ran out of memory", x.c.Memory/1e6)
			case s.Exit.Code == killedStatus:
				s.Problem += ": it was killed (SIGKILL), by itself, by somebody else or by a host without memory"
			}
		case killed: // a child of it, perhaps the one that was to serve
			s.Problem += "; a process of it was killed for want of memory (out of memory)"
		}
	}
	if where := x.elsewhere(); where != "" && s.Outcome == runner.OutcomeTimeout {
		s.Problem += "; it listens " + where
	}
	s.Log = x.lastLines(ctx)
	if x.r.local && full(x.r.rootDir) {
		return fmt.Errorf("%s: %s", s.Problem, diskFull)
	}
	return nil
}

// killedStatus is the status of a program that SIGKILL ended.
const killedStatus = 128 + 9

// missing is what a failed start did not come to.
func missing(s *runner.Start) string {
	if _, ok := s.Marks[runner.Ready]; ok {
		return "it answered the first request"
	}
	return "it was ready"
}

func (x *one) lastLines(ctx context.Context) []string {
	stream, err := x.r.cli.ContainerLogs(ctx, x.id, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Tail: fmt.Sprint(logLines),
	})
	if err != nil {
		return []string{"(the log cannot be read: " + err.Error() + ")"}
	}
	defer func() { _ = stream.Close() }()
	lines := &probe.Lines{Keep: logLines}
	_, _ = stdcopy.StdCopy(lines, lines, stream) // what came is what there is
	return lines.Last()
}
