package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"mlbench/runner"
)

// Why a probe stopped before the candidate was ready.
var (
	ErrTimeout = errors.New("not ready in time")
	ErrEnded   = errors.New("the program ended before it was ready")
)

// Until returns a context for probing: it is done at the deadline, with cause
// ErrTimeout, and when ended is closed, with cause ErrEnded. Call cancel when
// the probing is over.
//
// It tells no Deadline: a dialer would take it for its own and give up a
// moment before the context is done, for a reason that is then unknown.
func Until(ctx context.Context, deadline time.Time, ended <-chan struct{}) (_ context.Context, cancel func()) {
	ctx, cancelCause := context.WithCancelCause(ctx)
	timer := time.AfterFunc(time.Until(deadline), func() { cancelCause(ErrTimeout) })
	go func() {
		select {
		case <-ended:
			cancelCause(ErrEnded)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { timer.Stop(); cancelCause(nil) }
}

// ErrGone is the cause of the end of a context of While.
var ErrGone = errors.New("the program ended")

// While returns a context that is done when ended is closed, with cause
// ErrGone. Call cancel when it is needed no more.
func While(ctx context.Context, ended <-chan struct{}) (_ context.Context, cancel func()) {
	ctx, cancelCause := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-ended:
			cancelCause(ErrGone)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancelCause(nil) }
}

// First are addrs with the one that answered before all others.
func First(answered string, addrs []string) []string {
	ordered := slices.Clone(addrs)
	if i := slices.Index(ordered, answered); i > 0 {
		ordered = slices.Insert(slices.Delete(ordered, i, i+1), 0, answered)
	}
	return ordered
}

// Record writes into s what a probe saw and how it ended.
func Record(s *runner.Start, seen Sighting, err error) {
	for name, mark := range seen.Marks {
		s.Marks[name] = mark
	}
	if seen.Health != "" {
		s.Health = seen.Health
	}
	switch {
	case err == nil:
		s.Outcome = runner.OutcomeReady
		return
	case errors.Is(err, ErrTimeout):
		s.Outcome = runner.OutcomeTimeout
	case errors.Is(err, ErrEnded):
		s.Outcome = runner.OutcomeExited
	default:
		s.Outcome = runner.OutcomeError
	}
	s.Tried = seen.Tried
	s.Problem = err.Error()
	if len(seen.Tried) > 0 {
		s.Problem = fmt.Sprintf("%v; tried %s", err, strings.Join(seen.Tried, ", "))
	}
}

// Answers reports whether something accepts connections at one of addrs, and
// which: before a candidate is started on a shared network, nothing may.
func Answers(ctx context.Context, addrs []string) (addr string, yes bool) {
	for _, addr := range addrs {
		if conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", addr); err == nil {
			_ = conn.Close()
			return addr, true
		}
	}
	return "", false
}
