package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// A container that somebody else ends or removes ends its start at once, says
// so, and is no harm to the next one.
func TestEndedFromOutside(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	ref := fixtureImage(t, "EXPOSE 8080")
	for _, test := range []struct {
		name string
		end  func(ctx context.Context, id string) error
		exit *runner.ExitState
		told string
	}{
		{"killed", func(ctx context.Context, id string) error { return r.cli.ContainerKill(ctx, id, "KILL") },
			&runner.ExitState{Code: 137}, "the program ended with status 137 before it was ready: it was killed (SIGKILL)"},
		{"removed", r.removeContainer, nil, "somebody else removed its container before it was ready"},
	} {
		for _, ready := range []string{"http", "exit"} {
			t.Run(test.name+" "+ready, func(t *testing.T) {
				c, err := r.Prepare(t.Context(), runner.Candidate{
					Name: "fixture", Ref: ref, Ready: rule(t, ready), Args: []string{"-exit-after", "1h"},
				})
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan time.Time)
				go func() {
					defer close(ended)
					info := running(t, r, r.session)
					if err := test.end(t.Context(), info.ID); err != nil {
						t.Error(err)
					}
					ended <- time.Now()
				}()
				type result struct {
					s   runner.Start
					err error
				}
				got := make(chan result, 1)
				go func() { s, err := r.Start(t.Context(), c, time.Hour); got <- result{s, err} }()
				at := <-ended
				res := <-got
				if res.err != nil {
					t.Fatal(res.err)
				}
				if took := time.Since(at); took > startTimeout {
					t.Errorf("told %v later", took)
				}
				s := res.s
				if s.Outcome != runner.OutcomeExited || !strings.HasPrefix(s.Problem, test.told) {
					t.Errorf("outcome %s: %q", s.Outcome, s.Problem)
				}
				if (s.Exit == nil) != (test.exit == nil) || s.Exit != nil && *s.Exit != *test.exit {
					t.Errorf("exit %+v", s.Exit)
				}
				if left := left(t, r.session); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
	ready(t, start(t, r, runner.Candidate{Ref: ref}))
}

// Another container on the host's network has the candidate's port: before the
// start, which is not begun then, or from some moment of it on. Its answers
// are not taken for the candidate's.
func TestPortOfAStranger(t *testing.T) {
	t.Parallel()
	r, others := closing(t, Options{}), closing(t, Options{})
	if !r.local || os.Getuid() != 0 {
		t.Skip("needs root on the engine's host")
	}
	ref := fixtureImage(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	stranger, err := others.cli.ContainerCreate(t.Context(), &container.Config{
		Image: ref, Labels: others.labels(), Env: []string{"PORT=" + strconv.Itoa(port)},
	}, &container.HostConfig{NetworkMode: "host"}, nil, nil, "mlbench-"+others.session+"-stranger")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := others.removeContainer(context.Background(), stranger.ID); err != nil {
			t.Error(err)
		}
	})
	c, err := r.Prepare(t.Context(), runner.Candidate{
		Name: "fixture", Ref: ref, Network: "host", Port: port, Env: []string{"PORT=" + strconv.Itoa(port)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, ready := range []string{"http", "tcp"} {
		slow := c
		slow.Ready, slow.Args = rule(t, ready), []string{"-listen-after", "1h"}
		failed := make(chan error, 1)
		go func() { _, err := r.Start(t.Context(), slow, time.Hour); failed <- err }()
		running(t, r, r.session)
		if err := others.cli.ContainerStart(t.Context(), stranger.ID, container.StartOptions{}); err != nil {
			t.Fatal(err)
		}
		info, err := others.cli.ContainerInspect(t.Context(), stranger.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("process %d listens on port %d of the host's network and answered instead of fixture", info.State.Pid, port)
		if err := <-failed; !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), want) {
			t.Errorf("rule %s, during: %v, want %q", ready, err, want)
		}
		if _, err := r.Start(t.Context(), c, time.Hour); !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "something already listens") {
			t.Errorf("rule %s, before: %v", ready, err)
		}
		if left := left(t, r.session); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if err := others.cli.ContainerKill(t.Context(), stranger.ID, "KILL"); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			if _, taken := probe.Answers(t.Context(), hostAddresses(port)); !taken {
				break
			}
			if time.Since(begin) > startTimeout {
				t.Fatal("the stranger still listens")
			}
		}
	}
	ready(t, start(t, r, c)) // the candidate itself
}

// A wall clock that is set during a start makes no resolution negative, or
// longer than the start.
func TestSetClock(t *testing.T) {
	begin := time.Now().Add(-10 * time.Second)
	now := begin.Add(10 * time.Second)
	x := &one{r: &Runner{local: true, delay: time.Millisecond}, target: probe.Target{Begin: begin, Since: begin.Add(time.Second)}}
	const longest = 9 * time.Second
	for _, test := range []struct {
		stamp string
		want  time.Duration
	}{
		{now.Add(-time.Second).Format(time.RFC3339Nano), time.Second},
		{now.Add(-5 * time.Second).UTC().Format(time.RFC3339Nano), 5 * time.Second},
		{now.Format(time.RFC3339Nano), probe.Lag()},
		{now.Add(time.Nanosecond).Format(time.RFC3339Nano), longest}, // set back
		{now.Add(time.Hour).Format(time.RFC3339Nano), longest},
		{now.Add(-time.Hour).Format(time.RFC3339Nano), longest}, // set ahead
		{"0001-01-01T00:00:00Z", longest},
		{"1970-01-01T00:00:00Z", longest},
		{"9999-12-31T23:59:59.999999999Z", longest},
		{"not-a-time", time.Millisecond},
	} {
		text, lag := x.lineLag(test.stamp+" hello world", now)
		if text != "hello world" && test.stamp != "not-a-time" {
			t.Errorf("%s: text %q", test.stamp, text)
		}
		if lag != test.want {
			t.Errorf("%s: %v, want %v", test.stamp, lag, test.want)
		}
	}
}

// An engine that takes calls and never answers, or begins to answer and never
// ends, holds none of them for ever, and the message says that it hangs.
func TestEngineNeverAnswers(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, hang := range map[string]func(w http.ResponseWriter){
		"silent": func(http.ResponseWriter) {},
		"stalls": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, " ") // before any JSON
			w.(http.Flusher).Flush()
		},
	} {
		for call, do := range map[string]func(ctx context.Context, r *Runner) error{
			"Host": func(ctx context.Context, r *Runner) error { _, err := r.Host(ctx); return err },
			"Reap": func(ctx context.Context, r *Runner) error { _, err := r.Reap(ctx); return err },
			"Prepare": func(ctx context.Context, r *Runner) error {
				_, err := r.Prepare(ctx, runner.Candidate{Ref: "image"})
				return err
			},
			"Prepare from a registry": func(ctx context.Context, r *Runner) error {
				r.opts.Registry = "localhost:1"
				_, err := r.Prepare(ctx, runner.Candidate{Ref: "image"})
				return err
			},
			"copyImages": func(ctx context.Context, r *Runner) error {
				r.blobs = t.TempDir()
				_, err := r.copyImages(ctx, []string{"image"}, 1)
				return err
			},
			"pull": func(ctx context.Context, r *Runner) error { _, err := r.pull(ctx, "image"); return err },
			"Start": func(ctx context.Context, r *Runner) error {
				_, err := r.Start(ctx, runner.Candidate{Name: "image"}, time.Hour)
				return err
			},
			"Resident": func(ctx context.Context, r *Runner) error {
				_, err := r.Resident(ctx, runner.Candidate{Ref: "image", Digest: "image"})
				return err
			},
			"Evict": func(ctx context.Context, r *Runner) error { r.byHelper = true; _, err := r.Evict(ctx, nil); return err },
			"Build": func(ctx context.Context, r *Runner) error {
				_, err := r.Build(ctx, runner.Build{Tag: "image", Context: fstest.MapFS{"Dockerfile": {Data: []byte("FROM scratch")}}})
				return err
			},
			"ImportProgram": func(ctx context.Context, r *Runner) error {
				_, err := r.ImportProgram(ctx, Program{Name: "p", Path: program})
				return err
			},
			"Close": func(_ context.Context, r *Runner) error { r.helper = "image"; return r.Close() },
		} {
			t.Run(name+" "+call, func(t *testing.T) {
				t.Parallel()
				over := make(chan struct{})
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/_ping" && call != "pull" && call != "copyImages" && call != "Build" && call != "ImportProgram" && call != "Evict" {
						w.Header().Set("Api-Version", "1.41") // else the version is never agreed on
						return
					}
					hang(w)
					<-over
				}))
				defer server.Close()
				defer close(over)
				cli, err := client.NewClientWithOpts(client.WithHost("tcp://"+server.Listener.Addr().String()), client.WithVersion("1.41"))
				if err != nil {
					t.Fatal(err)
				}
				const short = 100 * time.Millisecond
				r := &Runner{
					cli: cli, session: "test", local: true, graph: "overlay2", arch: runtime.GOARCH,
					opts: Options{Notify: func(string) {}}, patience: patience{short, short, short, short},
				}
				failed := make(chan error, 1)
				go func() { failed <- do(t.Context(), r) }()
				select {
				case err := <-failed:
					if !errors.Is(err, runner.ErrEnvironment) && !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "does not answer in time") {
						t.Errorf("%v", err)
					}
				case <-time.After(startTimeout):
					t.Error("it holds us")
				}
			})
		}
	}
}
