package docker

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/probe"
)

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
			r := closing(t, test.opts)
			if _, err := r.Host(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r.ear == nil && !test.opts.Polling {
				t.Skip(r.deaf)
			}
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
	r := closing(t, Options{})
	if _, err := r.Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.ear == nil {
		t.Skip(r.deaf)
	}
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

// TestDeaf: a runtime with a network of its own is not heard, which shows in
// the first start, and from then on tries to connect tell.
func TestDeaf(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: fixtureImage(t, "EXPOSE 8080"), Args: []string{"-listen-after", "200ms"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.ear == nil {
		t.Skip(r.deaf)
	}
	x := &one{r: r, c: c, program: r.ear.Program(0, nil, time.Now())} // hears nothing
	x.heard(&runner.Start{Marks: runner.Marks{runner.Listening: {Source: probe.SourceConnect}}})
	if r.ear != nil || r.deaf == nil {
		t.Fatalf("still listening: %v", r.deaf)
	}
	r.hear()
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
