// Package probe finds the moment at which a started candidate is ready, from
// outside and with little work: it is told by the kernel that the candidate
// listens or tries to connect, asks the health path or reads log lines, and
// states for every moment how exactly it is known.
//
// All of its functions wait until the rule holds or ctx is done. A runner ends
// ctx, with a cause, when the candidate's program ends or its time is up; that
// cause is the error returned.
package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mlbench/runner"
)

// ErrUnreachable means that for UnreachableAfter no try got any answer from
// the candidate's address, not even a refusal, so its network cannot be
// reached from here.
var ErrUnreachable = errors.New("the candidate's address cannot be reached from here")

// UnreachableAfter is how long an address may stay silent before it is called
// unreachable. A container's address refuses within microseconds while
// nothing listens; silence means that packets go nowhere.
const UnreachableAfter = 3 * time.Second

// A Target is where a candidate answers.
type Target struct {
	Addrs []string  // "host:port", tried in turn; at least one
	Begin time.Time // the zero of all marks, with monotonic reading
	Since time.Time // the program cannot have run before

	// Proxied says that the address belongs to a proxy that accepts before
	// the candidate listens, so that a connection proves nothing.
	Proxied bool

	// Events tells when the program begins to listen; nil where only tries
	// to connect can.
	Events Events
}

// Events are the moments at which a program begins to listen where its target
// is reached, told by the kernel and not by trying.
type Events interface {
	// Next waits until then for the next such moment, and says how exactly
	// it is known. Its error wraps os.ErrDeadlineExceeded after that, or is
	// the cause of ctx's end.
	Next(ctx context.Context, until time.Time) (at time.Time, resolution time.Duration, err error)
}

// The sources of the mark Listening.
const (
	SourceEvent   = "listen-event" // the kernel told
	SourceConnect = "connect"      // a try to connect was the first to succeed
)

// backstop is the time between tries to connect where events are awaited: what
// the kernel does not see (a runtime with a network of its own, such as gVisor)
// is found by them.
const backstop = 250 * time.Millisecond

// A Sighting is what a probe saw.
type Sighting struct {
	Marks  runner.Marks
	Health string   // the path that answered 2xx
	Addr   string   // of the target's, the one that answered so; "" where none was asked
	Tried  []string // last answer of every path or address, for error messages
}

// pause is the time from the end of a try, which took so long, to the next. One
// begins every millisecond, which keeps the error well under 1 % of any start
// worth measuring, or every 1/500 of the time since begin, which bounds their
// number (a start of a minute costs about 3,000); and never is the pause
// shorter than the try, so that a server busy with starting spends at most
// half of one thread on answering "not yet". A try that took longer than
// longestWork was waiting, which costs the server nothing, and a pause as
// long would miss its moment.
func pause(elapsed, took time.Duration) time.Duration {
	took = max(took, 0)
	return max(max(time.Millisecond, elapsed/500)-took, min(took, longestWork))
}

const longestWork = 50 * time.Millisecond

// sleep waits for d or until ctx is done, whose cause it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d < preciseBelow {
		precise(d)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// preciseBelow is the length of a pause from which Go's timers will do. They
// wake up to a millisecond late, as the runtime waits in whole milliseconds;
// between tries a millisecond apart that would double every error.
const preciseBelow = 5 * time.Millisecond

// notes keeps the last answer of every path or address, in the order in which
// they were first tried.
type notes struct {
	keys []string
	last map[string]string
}

func (n *notes) set(key, answer string) {
	if n.last == nil {
		n.last = make(map[string]string)
	}
	if !slices.Contains(n.keys, key) {
		n.keys = append(n.keys, key)
	}
	n.last[key] = answer
}

// first sets the answer of a key that has none yet.
func (n *notes) first(key, answer string) {
	if _, ok := n.last[key]; !ok {
		n.set(key, answer)
	}
}

func (n *notes) list() []string {
	var out []string
	for _, k := range n.keys {
		out = append(out, fmt.Sprintf("%s: %s", k, n.last[k]))
	}
	return out
}
