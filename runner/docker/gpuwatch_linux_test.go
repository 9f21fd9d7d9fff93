package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"mlbench/gpu"
	"mlbench/runner"
)

// meterOf tells of a GPU with two processes on it: this one, which is another
// tenant, and the one that has an argument of its own on its command line.
type meterOf struct {
	argument string
	fails    error

	mu    sync.Mutex
	reads int
}

const (
	tenantHas    = 7 << 20
	candidateHas = 300 << 20
)

func (m *meterOf) Devices() []gpu.Device { return []gpu.Device{{UUID: "GPU-a"}} }
func (m *meterOf) Close() error          { return nil }

func (m *meterOf) Read() ([]gpu.Load, error) {
	m.mu.Lock()
	m.reads++
	m.mu.Unlock()
	if m.fails != nil {
		return []gpu.Load{{Err: m.fails}}, nil //nolint:nilerr // it is one GPU's, and not the driver's
	}
	on := []gpu.Process{{PID: os.Getpid(), Kind: "compute", Memory: new(int64(tenantHas))}}
	used := int64(tenantHas)
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, path := range lines {
		line, err := os.ReadFile(path)
		pid, notPID := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && notPID == nil && strings.HasPrefix(string(line), "/fixture\x00") && slices.Contains(strings.Split(string(line), "\x00"), m.argument) {
			on = append(on, gpu.Process{PID: pid, Kind: "compute", Memory: new(int64(candidateHas))})
			used += candidateHas
		}
	}
	return []gpu.Load{{Used: used, Processes: on}}, nil
}

// What a container's processes use of the GPUs is told from what others use.
func TestGPUsWatched(t *testing.T) {
	behind := closing(t, Options{})
	if os.Getuid() != 0 {
		t.Skip("to see devices arrive takes root")
	}
	ref := fixtureImage(t, "EXPOSE 8080")
	e := newCDIEngine(t, behind.cli.DaemonHost())
	t.Setenv("DOCKER_HOST", e.host)
	argument := fmt.Sprintf("watched-%d", os.Getpid())
	candidate := func(r *Runner, g *gpu.Request) runner.Candidate {
		c, err := r.Prepare(t.Context(), runner.Candidate{
			Name: "fixture", Ref: ref, GPUs: g, Args: []string{"-say", argument}, Request: &runner.Request{Method: "GET", Path: "/healthz"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	meter := &meterOf{argument: argument}
	r := closing(t, Options{GPUs: &gpu.Sampler{Meter: meter}})
	s, err := r.Start(t.Context(), candidate(r, nil), startTimeout)
	if err != nil {
		t.Fatal(err)
	}
	ready(t, s)
	if s.GPU != nil || meter.reads > 0 {
		t.Errorf("without --gpus the GPUs are watched: %+v, read %d times", s.GPU, meter.reads)
	}
	for range 2 {
		s, err := r.Start(t.Context(), candidate(r, gpus(t, "device=nvidia.com/gpu=0")), startTimeout)
		if err != nil {
			t.Fatal(err)
		}
		ready(t, s)
		u := s.GPU
		if u == nil {
			t.Fatal("nothing was seen of the GPUs")
		}
		if u.Source != gpu.ByProcess || u.Peak != candidateHas || u.Ready == nil || *u.Ready != candidateHas || len(u.Problems) > 0 {
			t.Errorf("%+v", u)
		}
		if len(u.Others) != 1 || u.Others[0].PID != os.Getpid() || *u.Others[0].Memory != tenantHas {
			t.Errorf("others: %+v", u.Others)
		}
		context, ok := s.Marks[runner.GPUContext]
		if !ok || context.At <= s.Marks[runner.Created].At || context.At-context.Resolution > s.Marks[runner.FirstResponse].At || context.Source != "nvml-process" {
			t.Errorf("marks %+v", s.Marks)
		}
	}

	// A GPU that is lost in the middle is the host's fault, not the candidate's.
	r = closing(t, Options{GPUs: &gpu.Sampler{Meter: &meterOf{argument: argument, fails: gpu.ErrLost}}})
	_, err = r.Start(t.Context(), candidate(r, gpus(t, "device=nvidia.com/gpu=0")), startTimeout)
	if !errors.Is(err, gpu.ErrLost) || !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "watching the GPUs while fixture started: ") {
		t.Errorf("lost: %v", err)
	}
	if left := left(t, r.session); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
