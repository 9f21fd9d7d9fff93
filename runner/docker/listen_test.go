package docker

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// hears is a Runner by which candidates are heard, where that can be.
func hears(t *testing.T, opts Options) *Runner {
	t.Helper()
	r := closing(t, opts)
	if _, err := r.Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.hear()
	if err := r.hearing.Err(); err != nil {
		t.Skip(err)
	}
	return r
}

// TestListening: the kernel tells when a container listens, on its own network
// and on the host's; where that is not wanted, tries to connect do.
func TestListening(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, network, want string
		opts                Options
	}{
		{"own network", "", probe.SourceEvent, Options{}},
		{"the host's network", "host", probe.SourceEvent, Options{}},
		{"polling", "", probe.SourceConnect, Options{Polling: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := hears(t, test.opts)
			c := runner.Candidate{Ref: fixtureImage(t, "EXPOSE 8080"), Network: test.network, Args: []string{"-listen-after", "200ms"}}
			if test.network == "host" {
				c.Port = freePort(t)
				c.Env = runner.Env{"PORT=" + strconv.Itoa(c.Port)}
			}
			s := start(t, r, c)
			ready(t, s)
			m := s.Marks[runner.Listening]
			if m.Source != test.want {
				t.Errorf("%+v, want it from %s", m, test.want)
			}
			if boot := m.At - s.Marks[runner.Created].At; boot < 200*time.Millisecond {
				t.Errorf("listening %v after it was created, and it sleeps for 200 ms: %v", boot, s.Marks)
			}
			if test.want == probe.SourceEvent && m.Resolution > time.Millisecond {
				t.Errorf("resolution %v", m.Resolution)
			}
		})
	}
}

// TestListensElsewhere: who asks at a port where nobody listens is told where
// the program does.
func TestListensElsewhere(t *testing.T) {
	t.Parallel()
	r := hears(t, Options{})
	c, err := r.Prepare(t.Context(), runner.Candidate{
		Name: "fixture", Ref: fixtureImage(t, "EXPOSE 8080"), Env: runner.Env{"PORT=9000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if s.Outcome != runner.OutcomeTimeout || !strings.Contains(s.Problem, "it listens on port 9000: use --port 9000") {
		t.Errorf("%s: %s", s.Outcome, s.Problem)
	}
}

// TestListensOnLoopback: a program that nothing outside its container reaches
// is told of, its other talks within are not.
func TestListensOnLoopback(t *testing.T) {
	t.Parallel()
	r := hears(t, Options{})
	port := freePort(t)
	x := &one{r: r, c: runner.Candidate{Port: port}}
	// This process has the container's part.
	x.target = probe.Target{Addrs: []string{net.JoinHostPort("192.0.2.1", strconv.Itoa(port))}, Begin: time.Now()}
	x.listenFor(os.Getpid())
	for _, at := range []string{"127.0.0.1:0", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
	}
	_, _, _ = x.program.Next(t.Context(), time.Now().Add(50*time.Millisecond)) // nothing it can be asked at
	if want := fmt.Sprintf("on 127.0.0.1:%d, which nothing outside the container reaches", port); !strings.Contains(x.elsewhere(), want) {
		t.Errorf("%q", x.elsewhere())
	}
	if n := strings.Count(x.elsewhere(), "127.0.0.1"); n != 1 {
		t.Errorf("%q", x.elsewhere())
	}
}

// TestDeaf: a runtime with a network of its own is not heard, which shows in
// the first start, and from then on tries to connect tell.
func TestDeaf(t *testing.T) {
	t.Parallel()
	var notes []string
	r := hears(t, Options{Notify: func(line string) { notes = append(notes, line) }})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: fixtureImage(t, "EXPOSE 8080"), Args: []string{"-listen-after", "200ms"}})
	if err != nil {
		t.Fatal(err)
	}
	x := &one{r: r, c: c, program: r.hearing.Program(os.Getpid(), nil, time.Now())} // hears nothing
	x.heard(&runner.Start{Marks: runner.Marks{runner.Listening: {Source: probe.SourceConnect}}})
	if r.hearing.Err() == nil || len(notes) == 0 || !strings.Contains(notes[len(notes)-1], "gVisor") {
		t.Fatalf("%v, told %q", r.hearing.Err(), notes)
	}
	s, err := r.Start(t.Context(), c, startTimeout)
	if err != nil {
		t.Fatal(err)
	}
	ready(t, s)
	if m := s.Marks[runner.Listening]; m.Source != probe.SourceConnect {
		t.Errorf("%+v", m)
	}
}

// freePort is a port of this host at which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
