package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
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
	c, s, err := connect(ctx, t, nil)
	if err != nil {
		return s, err
	}
	_ = c.Close() // nothing was sent, so nothing can be lost
	ready := runner.Mark{At: c.at.Sub(t.Begin), Resolution: c.at.Sub(c.lastNo), Source: SourceConnect}
	if c.listening.Source != "" {
		ready = c.listening // it would have accepted from then on
	}
	s.Marks[runner.Ready], s.Addr = ready, c.addr
	return s, nil
}

// newsTakes is how much later than the connection the news of its listening may
// come: the kernel accepts a moment before it tells.
const newsTakes = 2 * time.Millisecond

// opened is a connection over which so many of the first bytes were sent.
type opened struct {
	net.Conn
	sent int
}

// connection is the first one that a target accepted.
type connection struct {
	opened
	addr      string
	at        time.Time   // when it was accepted
	listening runner.Mark // the last event before, with no refused try since; zero without one
	lastNo    time.Time   // until when the target did not listen, as far as is known; Target.Since if it is not
}

// connect waits until the target accepts, and sends the first bytes.
//
// Told by tries, Listening is the midpoint of the last refused and the first
// accepted one, with half of the gap as resolution: that halves the error of
// taking either end. A target that accepts the very first try may have
// listened for long.
func connect(ctx context.Context, t Target, first []byte) (connection, Sighting, error) {
	s := Sighting{Marks: make(runner.Marks)}
	var seen notes
	refused := false // by some address, in an earlier round
	lastNo := t.Since
	begun := time.Now()
	var last runner.Mark // see connection.listening
	hear := func(until time.Time) error {
		at, resolution, err := t.Events.Next(ctx, until)
		if err != nil {
			return err
		}
		if at.After(lastNo) {
			lastNo = at
		}
		last = runner.Mark{At: at.Sub(t.Begin), Resolution: resolution, Source: SourceEvent}
		if _, again := s.Marks[runner.Listening]; !again {
			s.Marks[runner.Listening] = last
		}
		return nil
	}
	for tries := 0; ; tries++ {
		// The first try comes at once: it finds out the way to the address
		// (ARP), which else would stand between the event and the answer.
		if t.Events != nil && tries > 0 {
			if err := hear(time.Now().Add(backstop)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				t.Events = nil // it hears no more
			}
		}
		sent := time.Now()
		answered := refused
		for _, addr := range t.Addrs {
			conn, err := dial(ctx, addr, first)
			if err == nil {
				now := time.Now()
				if t.Events != nil && last.Source == "" {
					_ = hear(now.Add(newsTakes)) // it may come while a try succeeds
				}
				if _, told := s.Marks[runner.Listening]; !told && !t.Proxied {
					listening := runner.Mark{At: now.Sub(t.Begin), Resolution: now.Sub(lastNo), Source: SourceConnect}
					if refused {
						listening.Resolution /= 2
						listening.At -= listening.Resolution
					}
					s.Marks[runner.Listening] = listening
				}
				return connection{conn, addr, now, last, lastNo}, s, nil
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
			lastNo, last = sent, runner.Mark{} // it was another address, or listens no more
		} else if time.Since(begun) > UnreachableAfter {
			return connection{}, s, ErrUnreachable
		}
		if t.Events != nil {
			continue
		}
		now := time.Now()
		if err := sleep(ctx, pause(now.Sub(t.Begin), now.Sub(sent))); err != nil {
			return connection{}, s, err
		}
	}
}

// dial connects to an "ip:port" and sends the first bytes, as many of them as
// are taken at once.
func dial(ctx context.Context, addr string, first []byte) (opened, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil { // a name, of an engine on another host
		return dialName(ctx, addr)
	}
	conn, err := connectTo(ctx, to, first)
	if err != nil {
		return opened{}, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return conn, nil
}

func dialName(ctx context.Context, addr string) (opened, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	conn, err := d.DialContext(ctx, "tcp", addr)
	return opened{Conn: conn}, err
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
