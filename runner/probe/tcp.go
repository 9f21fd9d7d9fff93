package probe

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"mlbench/runner"
)

// dialTimeout bounds one connection attempt. A lost SYN is sent again by the
// kernel only after a second; trying afresh is better.
const dialTimeout = 500 * time.Millisecond

// TCP waits until the target accepts a connection: the marks Listening and,
// for the rule that asks for no more, Ready.
func TCP(ctx context.Context, t Target) (Sighting, error) {
	c, s, err := connect(ctx, t)
	if err != nil {
		return s, err
	}
	_ = c.conn.Close() // nothing was sent, so nothing can be lost
	s.Marks[runner.Ready] = runner.Mark{
		At:         c.at.Sub(t.Begin),
		Resolution: c.at.Sub(c.lastNo),
		Source:     "connect",
	}
	return s, nil
}

// connection is the first one that a target accepted.
type connection struct {
	conn   net.Conn
	addr   string
	at     time.Time // when it was accepted
	lastNo time.Time // when the last refused try was sent; Target.Since if none was
}

// connect polls until the target accepts. Listening is the midpoint of the
// last refused and the first accepted try, with half of the gap as
// resolution: that halves the error of taking either end. A target that
// accepts the very first try may have listened for long.
func connect(ctx context.Context, t Target) (connection, Sighting, error) {
	s := Sighting{Marks: make(runner.Marks)}
	var seen notes
	refused := false // by some address, in an earlier round
	lastNo := t.Since
	first := time.Now()
	for {
		sent := time.Now()
		answered := refused
		for _, addr := range t.Addrs {
			conn, err := dial(ctx, addr)
			if err == nil {
				now := time.Now()
				if !t.Proxied {
					listening := runner.Mark{At: now.Sub(t.Begin), Resolution: now.Sub(lastNo), Source: "connect"}
					if refused {
						listening.Resolution /= 2
						listening.At -= listening.Resolution
					}
					s.Marks[runner.Listening] = listening
				}
				return connection{conn, addr, now, lastNo}, s, nil
			}
			if errors.Is(err, syscall.ECONNREFUSED) {
				answered = true
			}
			if ctx.Err() == nil { // else the try was cut short, and says nothing
				seen.set(addr, dialProblem(err))
			}
		}
		s.Tried = seen.list()
		if ctx.Err() != nil {
			return connection{}, s, context.Cause(ctx)
		}
		if refused = answered; refused {
			lastNo = sent
		} else if time.Since(first) > UnreachableAfter {
			return connection{}, s, ErrUnreachable
		}
		now := time.Now()
		if err := sleep(ctx, pause(now.Sub(t.Begin), now.Sub(sent))); err != nil {
			return connection{}, s, err
		}
	}
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr)
}

// dialProblem is the short form of a dial error, for "what was tried" lists.
func dialProblem(err error) string {
	var timeout net.Error
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer to connect"
	}
	return err.Error()
}
