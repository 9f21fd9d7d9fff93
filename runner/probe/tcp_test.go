package probe

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
)

func TestTCPSeesALateListen(t *testing.T) {
	addr := free(t)
	ctx := within(t, slow)
	type result struct {
		s   Sighting
		err error
	}
	got := make(chan result)
	target := at(addr)
	go func() {
		s, err := TCP(ctx, target)
		got <- result{s, err}
	}()
	time.Sleep(20 * time.Millisecond) // some tries are refused; nothing depends on it
	before := time.Now()
	l := listen(t, addr)
	after := time.Now()
	defer func() { _ = l.Close() }()
	r := <-got
	if r.err != nil {
		t.Fatal(r.err)
	}
	listening, ready := r.s.Marks[runner.Listening], r.s.Marks[runner.Ready]
	low, high := target.Begin.Add(listening.At-listening.Resolution), target.Begin.Add(listening.At+listening.Resolution)
	if after.Before(low) || before.After(high) {
		t.Errorf("listening from within [%v, %v], seen within [%v, %v]", before, after, low, high)
	}
	checkMarks(t, r.s)
	if low := target.Begin.Add(ready.At - ready.Resolution); after.Before(low) || target.Begin.Add(ready.At).Before(before) {
		t.Errorf("ready %+v, listening from within [%v, %v]", ready, before, after)
	}
}

// checkMarks checks what holds for the marks of every sighting.
func checkMarks(t *testing.T, s Sighting) {
	t.Helper()
	for name, m := range s.Marks {
		if m.At < 0 || m.Resolution < 0 || m.Source == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if l, ok := s.Marks[runner.Listening]; ok && s.Marks[runner.Ready].At < l.At {
		t.Errorf("ready %+v before listening %+v", s.Marks[runner.Ready], l)
	}
}

func TestTCPAtTheFirstTry(t *testing.T) {
	s := serve(t, "127.0.0.1:0", func(int, net.Conn) {})
	target := at(s.addr)
	target.Since = target.Since.Add(-time.Second)
	target.Begin = target.Begin.Add(-2 * time.Second)
	seen, err := TCP(within(t, slow), target)
	if err != nil {
		t.Fatal(err)
	}
	checkMarks(t, seen)
	// It may have listened since Since, so no midpoint is taken.
	l := seen.Marks[runner.Listening]
	if l.At < 2*time.Second || l.Resolution != l.At-time.Second || l != seen.Marks[runner.Ready] {
		t.Errorf("%+v", seen.Marks)
	}
}

// TestTCPSeveralAddresses: an address that refuses says nothing about when
// another one, that accepts the first try, began to.
func TestTCPSeveralAddresses(t *testing.T) {
	s := serve(t, "127.0.0.1:0", func(int, net.Conn) {})
	target := at(free(t), s.addr)
	target.Since = target.Since.Add(-time.Second)
	target.Begin = target.Since
	seen, err := TCP(within(t, slow), target)
	if err != nil {
		t.Fatal(err)
	}
	checkMarks(t, seen)
	if l := seen.Marks[runner.Listening]; l.At < time.Second || l.Resolution != l.At {
		t.Errorf("listening %+v", l)
	}
}

func TestTCPProxied(t *testing.T) {
	s := serve(t, "127.0.0.1:0", func(int, net.Conn) {})
	target := at(s.addr)
	target.Proxied = true
	seen, err := TCP(within(t, slow), target)
	if _, ok := seen.Marks[runner.Listening]; err != nil || ok {
		t.Errorf("%v, %+v", err, seen.Marks)
	}
}

// TestCauses ends probes in every way.
func TestCauses(t *testing.T) {
	stop := errors.New("enough")
	for _, test := range []struct {
		name    string
		ctx     func(t *testing.T) context.Context
		want    error
		outcome runner.Outcome
	}{
		{"time is up", func(t *testing.T) context.Context {
			return within(t, 20*time.Millisecond)
		}, ErrTimeout, runner.OutcomeTimeout},
		{"time was up", func(t *testing.T) context.Context {
			return within(t, -time.Second)
		}, ErrTimeout, runner.OutcomeTimeout},
		{"program ended", func(t *testing.T) context.Context {
			ended := make(chan struct{})
			ctx, cancel := Until(t.Context(), time.Now().Add(slow), ended)
			t.Cleanup(cancel)
			close(ended)
			return ctx
		}, ErrEnded, runner.OutcomeExited},
		{"cancelled", func(t *testing.T) context.Context {
			parent, cancel := context.WithCancelCause(t.Context())
			ctx, cancelUntil := Until(parent, time.Now().Add(slow), nil)
			t.Cleanup(cancelUntil)
			cancel(stop)
			return ctx
		}, stop, runner.OutcomeError},
	} {
		t.Run(test.name, func(t *testing.T) {
			hangs := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { _, _ = c.Read(make([]byte, 1)); request(c) })
			refuses := free(t)
			for name, probe := range map[string]func(context.Context) (Sighting, error){
				"TCP":  func(ctx context.Context) (Sighting, error) { return TCP(ctx, at(refuses)) },
				"HTTP": func(ctx context.Context) (Sighting, error) { return HTTP(ctx, at(refuses), []string{"/"}) },
				"HTTP that hangs": func(ctx context.Context) (Sighting, error) {
					return HTTP(ctx, at(hangs.addr), []string{"/"})
				},
				"FirstResponse": func(ctx context.Context) (Sighting, error) {
					return FirstResponse(ctx, at(refuses), runner.Request{Method: "GET", Path: "/"})
				},
				"FirstResponse that hangs": func(ctx context.Context) (Sighting, error) {
					return FirstResponse(ctx, at(hangs.addr), runner.Request{Method: "GET", Path: "/"})
				},
				"Log": func(ctx context.Context) (Sighting, error) {
					return Log(ctx, time.Now(), watched(new(Lines), "x"))
				},
			} {
				seen, err := probe(test.ctx(t))
				if !errors.Is(err, test.want) {
					t.Errorf("%s: %v", name, err)
				}
				if _, ready := seen.Marks[runner.Ready]; ready {
					t.Errorf("%s: ready: %+v", name, seen)
				}
				s := runner.Start{Marks: make(runner.Marks)}
				Record(&s, seen, err)
				if s.Outcome != test.outcome || !strings.HasPrefix(s.Problem, test.want.Error()) {
					t.Errorf("%s: recorded %s: %s", name, s.Outcome, s.Problem)
				}
				for _, tried := range seen.Tried {
					if strings.Contains(tried, "cancel") || len(tried) > 2*maxProblem {
						t.Errorf("%s: tried %q", name, tried)
					}
				}
			}
		})
	}
}

func TestRecordReady(t *testing.T) {
	s := runner.Start{Marks: runner.Marks{runner.Started: {At: 1}}}
	Record(&s, Sighting{Marks: runner.Marks{runner.Ready: {At: 2}}, Health: "/x", Tried: []string{"/x: 200"}}, nil)
	if len(s.Marks) != 2 || s.Health != "/x" || s.Outcome != runner.OutcomeReady || s.Problem != "" || s.Tried != nil {
		t.Errorf("%+v", s)
	}
}

func TestTriedOfRefused(t *testing.T) {
	addr := free(t)
	s := serve(t, "127.0.0.1:0", func(int, net.Conn) {})
	ended := make(chan struct{})
	ctx, cancel := Until(t.Context(), time.Now().Add(slow), ended)
	defer cancel()
	done := make(chan Sighting)
	go func() {
		seen, _ := FirstResponse(ctx, at(addr, s.addr), runner.Request{Method: "GET", Path: "/x"})
		done <- seen
	}()
	<-s.accepted // the first address was refused by then
	<-s.accepted
	close(ended)
	if seen := <-done; len(seen.Tried) != 1 || !strings.HasPrefix(seen.Tried[0], "GET /x: con") {
		t.Errorf("tried %q", seen.Tried)
	}
}

func TestAnswers(t *testing.T) {
	s := serve(t, "127.0.0.1:0", func(int, net.Conn) {})
	if addr, yes := Answers(t.Context(), []string{free(t), s.addr}); !yes || addr != s.addr {
		t.Errorf("%q, %v", addr, yes)
	}
	if addr, yes := Answers(t.Context(), []string{free(t)}); yes {
		t.Errorf("%q answers", addr)
	}
	if _, yes := Answers(t.Context(), nil); yes {
		t.Error("no address answers")
	}
}
