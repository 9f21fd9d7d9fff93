package docker

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"mlbench/runner"
)

// answering is a transport that answers everything.
type answering struct{ err error }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// loggedClient is a client without an engine whose calls are logged to the buffer.
func loggedClient(tb testing.TB, to io.Writer, err error) (*client.Client, *calls) {
	tb.Helper()
	cli, newErr := client.NewClientWithOpts(client.WithHTTPClient(&http.Client{Transport: answering{err}}), client.WithVersion("1.41"))
	if newErr != nil {
		tb.Fatal(newErr)
	}
	c := &calls{log: slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if err := c.listenTo(cli); err != nil {
		tb.Fatal(err)
	}
	return cli, c
}

// TestCallsKeepSecrets: what is asked is logged, and not what it is asked with.
func TestCallsKeepSecrets(t *testing.T) {
	var b bytes.Buffer
	cli, _ := loggedClient(t, &b, nil)
	const secret = "s3cret"
	_, _ = cli.ContainerCreate(t.Context(), &container.Config{Image: "svc", Env: []string{"TOKEN=" + secret}}, nil, nil, nil, "name")
	value := secret
	_, _ = cli.ImageBuild(t.Context(), strings.NewReader(""), build.ImageBuildOptions{BuildArgs: map[string]*string{"TOKEN": &value}})
	_, _ = cli.ImagePull(t.Context(), "registry.example/svc:tag", dockerimage.PullOptions{RegistryAuth: secret})
	_, _ = cli.ContainerInspect(t.Context(), "forged\nlevel=ERROR msg=\x1b[31mred")
	for _, want := range []string{
		"msg=engine method=POST path=/v1.41/containers/create status=200 took=", "path=/v1.41/build status=200", "path=/v1.41/images/create status=200",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), secret) {
		t.Errorf("a secret is in\n%s", &b)
	}
	if strings.Count(b.String(), "\n") != 4 || strings.Contains(b.String(), "\x1b") {
		t.Errorf("not a line for each call:\n%q", &b)
	}
}

// TestCallsAreHeldBack: nothing is written while a start is measured, and all of
// it afterwards, in order.
func TestCallsAreHeldBack(t *testing.T) {
	var b bytes.Buffer
	cli, c := loggedClient(t, &b, nil)
	_, _ = cli.ContainerInspect(t.Context(), "before")
	before := b.Len()
	outer, inner := c.quiet(), c.quiet()
	_, _ = cli.ContainerInspect(t.Context(), "first")
	inner()
	_, _ = cli.ContainerInspect(t.Context(), "second")
	if before == 0 || b.Len() != before {
		t.Errorf("written meanwhile: %s", b.String()[before:])
	}
	outer()
	after := b.String()[before:]
	first, second := strings.Index(after, "/first/"), strings.Index(after, "/second/")
	if first < 0 || second < first || strings.Count(after, "\n") != 2 {
		t.Errorf("%q", after)
	}
	_, _ = cli.ContainerInspect(t.Context(), "third")
	if strings.Count(b.String(), "\n") != 4 {
		t.Errorf("%q", b.String())
	}
}

func TestFailedCall(t *testing.T) {
	var b bytes.Buffer
	cli, _ := loggedClient(t, &b, errors.New("no\nroute"))
	if _, err := cli.ContainerInspect(t.Context(), "x"); err == nil {
		t.Error("no error")
	}
	if !strings.Contains(b.String(), `error="no\nroute"`) || strings.Contains(b.String(), "status") {
		t.Errorf("%q", &b)
	}
}

// BenchmarkCalls is what --verbose costs a call within a start, which is what
// the transport alone takes subtracted from it.
func BenchmarkCalls(b *testing.B) {
	request, err := http.NewRequest(http.MethodPost, "http://engine/v1.41/containers/x/start?t=1", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("without", func(b *testing.B) {
		for b.Loop() {
			_, _ = answering{}.RoundTrip(request)
		}
	})
	b.Run("held", func(b *testing.B) {
		c := &calls{log: slog.New(slog.DiscardHandler), next: answering{}}
		release := c.quiet()
		n := 0
		for b.Loop() {
			_, _ = c.RoundTrip(request)
			if n++; n%8 == 0 { // about as many as a start makes
				release()
				release = c.quiet()
			}
		}
	})
}

// moments are when something was written.
type moments []time.Time

func (m *moments) Write(p []byte) (int, error) {
	*m = append(*m, time.Now())
	return len(p), nil
}

// TestNothingIsLoggedWithinStart holds the moments of a log's lines against those
// of a start.
func TestNothingIsLoggedWithinStart(t *testing.T) {
	var written moments
	r := closing(t, Options{Log: slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "x", Ref: fixtureImage(t, "EXPOSE 8080")})
	if err != nil {
		t.Fatal(err)
	}
	before := len(written)
	s, err := r.Start(t.Context(), c, time.Minute)
	if err != nil || s.Outcome != runner.OutcomeReady {
		t.Fatal(s, err)
	}
	ready := s.BeginAt.Add(s.Marks[runner.Ready].At)
	for _, at := range written {
		if at.After(s.BeginAt) && at.Before(ready) {
			t.Errorf("something was written %v after begin, before it was ready", at.Sub(s.BeginAt))
		}
	}
	if calls := len(written) - before; before == 0 || calls < 3 { // create, start, remove
		t.Errorf("%d lines before, %d of the start", before, calls)
	}
}
