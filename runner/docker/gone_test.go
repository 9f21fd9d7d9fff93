package docker

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// A proxy stands between the client and the engine's socket, so that the
// engine can go away without harm to others.
type proxy struct {
	path string
	l    net.Listener

	mu    sync.Mutex
	conns []net.Conn
	hangs bool
}

func newProxy(t *testing.T, socket string) *proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "mlbench") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &proxy{path: filepath.Join(dir, "s")}
	if p.l, err = net.Listen("unix", p.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close(); _ = os.RemoveAll(dir) })
	go func() {
		for {
			from, err := p.l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", socket)
			if err != nil {
				_ = from.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, from, to)
			p.mu.Unlock()
			go p.copy(from, to)
			go p.copy(to, from)
		}
	}()
	return p
}

func (p *proxy) copy(to, from net.Conn) {
	for b := make([]byte, 32<<10); ; {
		n, err := from.Read(b)
		p.mu.Lock()
		hangs := p.hangs
		p.mu.Unlock()
		if err != nil {
			_ = to.Close()
			return
		}
		if hangs {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			_ = from.Close()
			return
		}
	}
}

// close ends the engine, as far as its client sees.
func (p *proxy) close() {
	_ = p.l.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// hang leaves everything from now on without an answer.
func (p *proxy) hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs = true
}

// socket is the path of the engine's socket.
func socket(t *testing.T, r *Runner) string {
	t.Helper()
	path, ok := strings.CutPrefix(r.cli.DaemonHost(), "unix://")
	if !ok || !r.local {
		t.Skip("needs an engine behind a socket on this host")
	}
	return path
}

// readAll reads a child's output, and passes its Runner's session on.
func readAll(out io.Reader, session chan<- string) string {
	var text strings.Builder
	lines := &lineWriter{each: func(line string) {
		if s, ok := strings.CutPrefix(line, "session: "); ok {
			session <- s
		}
	}}
	_, _ = io.Copy(io.MultiWriter(&text, lines), out) // what came is what there is
	return text.String()
}

type lineWriter struct {
	part []byte
	each func(string)
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		line, rest, ok := strings.Cut(string(w.part), "\n")
		if !ok {
			return len(p), nil
		}
		w.each(line)
		w.part = []byte(rest)
	}
}

// TestChildStarts is what TestEngineGoesAway and TestNoPermission run as a
// process of its own.
func TestChildStarts(t *testing.T) {
	ref := os.Getenv("MLBENCH_TEST_START")
	if ref == "" {
		return
	}
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.back = time.Second
	fmt.Printf("session: %s\n", r.session)
	_, err = r.Host(t.Context())
	if err == nil {
		c := runner.Candidate{Name: "fixture", Ref: ref, Args: []string{"-listen-after", "1h"}, Ready: rule(t, os.Getenv("MLBENCH_TEST_READY"))}
		if c, err = r.Prepare(t.Context(), c); err == nil {
			_, err = r.Start(t.Context(), c, time.Hour)
		}
	}
	fmt.Printf("environment: %v: %v\n", errors.Is(err, runner.ErrEnvironment), err)
}

// An engine that hangs does not hold us for ever.
func TestEngineHangs(t *testing.T) {
	outside := closing(t, Options{})
	p := newProxy(t, socket(t, outside))
	ref := fixtureImage(t, "EXPOSE 8080")
	t.Setenv("DOCKER_HOST", "unix://"+p.path)
	r := engine(t, Options{})
	r.patience = patience{launch: 10 * time.Second, remove: time.Second, ask: time.Second}
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: ref, Args: []string{"-listen-after", "1h"}})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := r.Start(t.Context(), c, 3*time.Second)
		failed <- err
	}()
	info := running(t, outside, r.session)
	p.hang()
	begin := time.Now()
	err = <-failed
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "does not answer in time") || !strings.Contains(err.Error(), "its processes were killed") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("it took %v to tell", took)
	}
	if err := outside.removeContainer(t.Context(), info.ID); err != nil {
		t.Error(err)
	}
	if _, err := r.Host(t.Context()); !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "does not answer in time") {
		t.Errorf("Host: %v", err)
	}
	_ = r.cli.Close()
}

func TestNoEngine(t *testing.T) {
	for _, host := range []string{"unix:///nowhere.sock", "tcp://127.0.0.1:1", "tcp://no-such-host.invalid:2375"} {
		t.Run(host, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", host)
			r, err := New(Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			_, err = r.Host(t.Context())
			if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "no engine answers at "+host+": start it") {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Setenv("DOCKER_HOST", "ssh://me@host")
	if _, err := New(Options{}); !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "run mlbench on that host") {
		t.Errorf("ssh: %v", err)
	}
	t.Setenv("DOCKER_HOST", "what is this")
	if _, err := New(Options{}); !errors.Is(err, runner.ErrEnvironment) {
		t.Errorf("nonsense: %v", err)
	}
}

// kill ends no processes but the container's.
func TestKill(t *testing.T) {
	r := closing(t, Options{})
	if !r.local || os.Getuid() != 0 {
		t.Skip("needs root on the engine's host")
	}
	child := exec.Command(runnertest.Fixture(t), "-exit-after", "1h") // ours, and in no container
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", strings.Repeat("0", 64)} {
		if (&one{r: r, id: id}).kill() {
			t.Errorf("something was killed for being in container %q", id)
		}
	}
	if err := child.Process.Kill(); err != nil { // it was not yet
		t.Error(err)
	}
	_ = child.Wait() // killed
}
