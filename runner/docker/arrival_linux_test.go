package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// GPUs that the engine gives through the runtime's hook are seen to arrive, and
// those that it only seems to give are not.
func TestGPUsArrive(t *testing.T) {
	runnertest.GPUHook(t, "nvidia0 nvidiactl")
	e := runnertest.NewEngine(t, 100<<20)
	t.Setenv("DOCKER_HOST", e.Host)
	candidate := func(r *Runner, asks string, args ...string) runner.Candidate {
		c, err := r.Prepare(t.Context(), runner.Candidate{
			Name: "fixture", Ref: runnertest.FixtureImage(t, r), Network: "none", Ready: rule(t, "log=Serving"),
			GPUs: gpus(t, asks), Args: args,
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := closing(t, Options{})
	c := candidate(r, "all", "-say", "Serving")
	for range 2 {
		s, err := r.Start(t.Context(), c, startTimeout)
		if err != nil {
			t.Fatal(err)
		}
		ready(t, s)
	}
	host, err := r.Host(t.Context())
	if err != nil || host.GPURequest != "device request, by the runtime's hook" {
		t.Errorf("GPUs were asked for by %q, %v", host.GPURequest, err)
	}

	r = closing(t, Options{})
	if _, err := r.Start(t.Context(), candidate(r, "2"), startTimeout); !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "the devices of 1 of 2 GPUs (/dev/nvidia0)") {
		t.Errorf("one of two: %v", err)
	}

	// As Podman does: what is asked for is taken, and nothing comes of it.
	e.Stop(t, syscall.SIGTERM)
	runnertest.GPUHook(t, "")
	e.Start(t)
	r = closing(t, Options{})
	if _, err := r.Start(t.Context(), candidate(r, "all"), startTimeout); !errors.Is(err, runner.ErrEnvironment) ||
		!strings.Contains(err.Error(), "fixture: it was to get GPUs (--gpus all), the engine accepted that, and its container has no GPU's device") {
		t.Errorf("none: %v", err)
	}
	// One that ends at once may do so before anybody can look.
	s, err := r.Start(t.Context(), candidate(r, "all", "-exit-after", "1ns", "-exit-code", "3"), startTimeout)
	if !(err != nil && strings.Contains(err.Error(), "no GPU's device")) && !strings.Contains(s.Problem, "ended with status 3 before it was ready; that was before it could be seen whether its GPUs had arrived") {
		t.Errorf("none, and it ends at once: %s: %q, %v", s.Outcome, s.Problem, err)
	}
	if left := e.Containers(t); len(left) > 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// cdiEngine is the engine here with support of CDI, of which it has none: what is
// asked for by CDI's names gets the devices that a description of them would name.
type cdiEngine struct {
	host string
	pid  string // what it says of a container's first process; "" for the truth

	mu    sync.Mutex
	asked [][]string // names, at each create call
}

func newCDIEngine(t *testing.T, behind string) *cdiEngine {
	t.Helper()
	to, err := url.Parse(behind)
	if err != nil || to.Scheme != "unix" {
		t.Skip("needs an engine behind a socket here, and it is at ", behind)
	}
	e := &cdiEngine{host: "unix://" + filepath.Join(t.TempDir(), "s")}
	l, err := net.Listen("unix", strings.TrimPrefix(e.host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "engine"
			if strings.HasSuffix(p.In.URL.Path, "/containers/create") {
				e.inject(t, p.Out)
			}
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", to.Path)
		}},
		ModifyResponse: func(answer *http.Response) error {
			info := strings.HasSuffix(answer.Request.URL.Path, "/info")
			inspected := e.pid != "" && strings.Contains(answer.Request.URL.Path, "/containers/") && strings.HasSuffix(answer.Request.URL.Path, "/json")
			if !info && !inspected {
				return nil
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			if info {
				body = bytes.Replace(body, []byte("{"), []byte(`{"CDISpecDirs":["/etc/cdi"],`), 1)
			} else {
				body = firstPID.ReplaceAll(body, []byte(`"Pid":`+e.pid))
			}
			replace(answer.Header, &answer.Body, &answer.ContentLength, body)
			return nil
		},
	}
	server := &http.Server{Handler: proxy} //nolint:gosec // for a test, on a socket of its own
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return e
}

var firstPID = regexp.MustCompile(`"Pid":[0-9]+`)

// inject does what the engine would do with names of CDI.
func (e *cdiEngine) inject(t *testing.T, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	var create struct {
		*container.Config
		HostConfig       *container.HostConfig
		NetworkingConfig json.RawMessage
	}
	if err := errors.Join(err, json.Unmarshal(body, &create)); err != nil {
		t.Error(err)
		return
	}
	var names []string
	for _, ask := range create.HostConfig.DeviceRequests {
		if ask.Driver == "cdi" {
			names = ask.DeviceIDs
			create.HostConfig.DeviceRequests = nil
			create.Env = append(create.Env, "NVIDIA_VISIBLE_DEVICES=void")
			for _, device := range []string{"nvidia0", "nvidia1", "nvidiactl"} {
				create.HostConfig.Devices = append(create.HostConfig.Devices,
					container.DeviceMapping{PathOnHost: "/dev/null", PathInContainer: "/dev/" + device, CgroupPermissions: "r"})
			}
		}
	}
	e.mu.Lock()
	e.asked = append(e.asked, names)
	e.mu.Unlock()
	if body, err = json.Marshal(create); err != nil {
		t.Error(err)
	}
	replace(q.Header, &q.Body, &q.ContentLength, body)
}

func replace(h http.Header, body *io.ReadCloser, length *int64, with []byte) {
	*body, *length = io.NopCloser(bytes.NewReader(with)), int64(len(with))
	h.Set("Content-Length", strconv.Itoa(len(with)))
}

// Where the engine has no driver for GPUs and CDI, they are asked for by their
// names, once that is known from the first call on.
func TestGPUsByCDI(t *testing.T) {
	behind := closing(t, Options{})
	if os.Getuid() != 0 {
		t.Skip("to see devices arrive takes root")
	}
	ref := fixtureImage(t, "EXPOSE 8080")
	for asks, want := range map[string]struct {
		asked [][]string
		how   string
	}{
		"2":                       {[][]string{nil, {"nvidia.com/gpu=0", "nvidia.com/gpu=1"}, {"nvidia.com/gpu=0", "nvidia.com/gpu=1"}}, "CDI device names"},
		"device=nvidia.com/gpu=1": {[][]string{{"nvidia.com/gpu=1"}, {"nvidia.com/gpu=1"}}, "CDI device names"},
	} {
		e := newCDIEngine(t, behind.cli.DaemonHost())
		t.Setenv("DOCKER_HOST", e.host)
		r := closing(t, Options{})
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: ref, GPUs: gpus(t, asks)})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, err := r.Start(t.Context(), c, startTimeout)
			if err != nil {
				t.Fatal(err)
			}
			ready(t, s)
		}
		host, err := r.Host(t.Context())
		if err != nil || host.GPURequest != want.how {
			t.Errorf("%s: GPUs were asked for by %q, %v", asks, host.GPURequest, err)
		}
		if !reflect.DeepEqual(e.asked, want.asked) {
			t.Errorf("%s: asked for %q, want %q", asks, e.asked, want.asked)
		}
	}
}

// Where nobody can see whether GPUs arrived, it is said once, and the start goes on.
func TestGPUsUnseen(t *testing.T) {
	behind := closing(t, Options{})
	ref := fixtureImage(t, "EXPOSE 8080")
	for pid, want := range map[string]string{
		"4194305": "its processes are not known here", // more than any there can be
		"0":       "it had ended before anybody could look",
	} {
		e := newCDIEngine(t, behind.cli.DaemonHost())
		e.pid = pid
		t.Setenv("DOCKER_HOST", e.host)
		var notes []string
		r := closing(t, Options{Notify: func(line string) { notes = append(notes, line) }})
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: ref, GPUs: gpus(t, "device=nvidia.com/gpu=0")})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, err := r.Start(t.Context(), c, startTimeout)
			if err != nil {
				t.Fatal(err)
			}
			ready(t, s)
		}
		if want := []string{"fixture: that its GPUs arrive in its container is not checked: " + want}; !reflect.DeepEqual(notes, want) {
			t.Errorf("pid %s: %q, want %q", pid, notes, want)
		}
	}
}
