package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"mlbench/runner"
)

// told is Events that a test tells.
type told chan time.Time

const exact = 3 * time.Microsecond

func (c told) Next(ctx context.Context, until time.Time) (time.Time, time.Duration, error) {
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case at, ok := <-c:
		if !ok {
			return time.Time{}, 0, errors.New("the kernel tells no more")
		}
		return at, exact, nil
	case <-late.C:
		return time.Time{}, 0, os.ErrDeadlineExceeded
	case <-ctx.Done():
		return time.Time{}, 0, context.Cause(ctx)
	}
}

// TestEvents: what the kernel tells is the mark, and no try to connect is.
func TestEvents(t *testing.T) {
	for _, rule := range []string{"tcp", "http"} {
		t.Run(rule, func(t *testing.T) {
			addr := free(t)
			target := at(addr)
			events := make(told, 1)
			target.Events = events
			listened := time.Now().Add(20 * time.Millisecond)
			time.AfterFunc(20*time.Millisecond, func() {
				serve(t, addr, func(_ int, c net.Conn) { request(c); say(c, yes) })
				events <- listened
			})
			var seen Sighting
			var err error
			if rule == "tcp" {
				seen, err = TCP(within(t, slow), target)
			} else {
				seen, err = HTTP(within(t, slow), target, []string{"/"})
			}
			if err != nil {
				t.Fatal(err)
			}
			checkMarks(t, seen)
			want := runner.Mark{At: listened.Sub(target.Begin), Resolution: exact, Source: SourceEvent}
			if l := seen.Marks[runner.Listening]; l != want {
				t.Errorf("listening %+v, want %+v", l, want)
			}
			ready := seen.Marks[runner.Ready]
			switch {
			case rule == "tcp" && ready != want:
				t.Errorf("ready %+v: it accepted from %+v on", ready, want)
			case rule == "http" && ready.Resolution > ready.At-want.At:
				t.Errorf("ready %+v: it was not before %+v", ready, want)
			}
		})
	}
}

// TestUnheard: what the kernel does not tell of is found by trying.
func TestUnheard(t *testing.T) {
	s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, yes) })
	for name, events := range map[string]told{"silent": make(told), "broken": make(told)} {
		t.Run(name, func(t *testing.T) {
			if name == "broken" {
				close(events)
			}
			target := at(s.addr)
			target.Events = events
			seen, err := HTTP(within(t, slow), target, []string{"/"})
			if err != nil {
				t.Fatal(err)
			}
			checkMarks(t, seen)
			if l := seen.Marks[runner.Listening]; l.Source != SourceConnect {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestBrokenEvents: when the kernel tells no more, tries go on as if it never had.
func TestBrokenEvents(t *testing.T) {
	addr := free(t)
	target := at(addr)
	events := make(told)
	close(events)
	target.Events = events
	time.AfterFunc(50*time.Millisecond, func() { serve(t, addr, func(_ int, c net.Conn) { request(c); say(c, yes) }) })
	seen, err := HTTP(within(t, slow), target, []string{"/"})
	if err != nil || seen.Marks[runner.Listening].Source != SourceConnect {
		t.Errorf("%v, %+v", err, seen.Marks)
	}
}

// TestListensTwice: a program that closes its port and opens it again is
// ready when it answers, and listened the first time.
func TestListensTwice(t *testing.T) {
	addr := free(t)
	target := at(addr)
	events := make(told, 2)
	target.Events = events
	second := make(chan time.Time, 1)
	first := time.Now()
	go func() {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		events <- first
		if c, err := l.Accept(); err == nil {
			_ = c.Close()
		}
		_ = l.Close()
		time.Sleep(250 * time.Millisecond)
		now := time.Now()
		second <- now
		serve(t, addr, func(_ int, c net.Conn) { request(c); say(c, yes) })
		events <- now
	}()
	seen, err := HTTP(within(t, slow), target, []string{"/"})
	if err != nil {
		t.Fatal(err)
	}
	checkMarks(t, seen)
	l, r := seen.Marks[runner.Listening], seen.Marks[runner.Ready]
	if again := (<-second).Sub(target.Begin); l.At != first.Sub(target.Begin) || r.At < again {
		t.Errorf("listening %+v, ready %+v; it did at %v and %v", l, r, first.Sub(target.Begin), again)
	}
}

// TestTriesThePortFirst: a program that listens for a moment, to see whether
// its port is free, accepts from the second time on.
func TestTriesThePortFirst(t *testing.T) {
	addr := free(t)
	target := at(addr)
	events := make(told, 2)
	target.Events = events
	first := time.Now()
	events <- first // nothing listens any more when it is told
	second := make(chan time.Time, 1)
	time.AfterFunc(400*time.Millisecond, func() { // after a try that was refused
		now := time.Now()
		second <- now
		serve(t, addr, func(int, net.Conn) {})
		events <- now
	})
	seen, err := TCP(within(t, slow), target)
	if err != nil {
		t.Fatal(err)
	}
	checkMarks(t, seen)
	l, r := seen.Marks[runner.Listening], seen.Marks[runner.Ready]
	if l.At != first.Sub(target.Begin) || r.At < (<-second).Sub(target.Begin) {
		t.Errorf("listening %+v, ready %+v", l, r)
	}
}
