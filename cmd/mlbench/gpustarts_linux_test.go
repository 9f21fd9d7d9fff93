package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mlbench/bench"
	"mlbench/gpu/nvml/nvmltest"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/runnertest"
)

// TestGPUStarts compares images on GPUs from end to end, as a user does: an
// engine that gives them by a prestart hook, a driver that tells of them, and
// containers that take memory there. Hook and driver stand in for NVIDIA's;
// request, arrival, watching, marks, gate and report are the real ones.
func TestGPUStarts(t *testing.T) {
	d := nvmltest.New(t, 2)
	d.Script(t, "persistence 1")
	runnertest.GPUHook(t, "nvidia0 nvidiactl")
	e, _ := ownEngine(t, 100<<20)
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := r.Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	service := func(steps string) string {
		return runnertest.FixtureImage(t, r, `CMD ["-gpu", "`+steps+`"]`)
	}
	// 500 MB in two steps, of which 100 are given back; and 700.
	old, now := service("0:300@150ms,0:200@150ms,0:-100@500ms"), service("0:700@150ms")
	tenant := d.Tenant(t, "0", 80e6)

	port := strconv.Itoa(port(t))
	file := filepath.Join(t.TempDir(), "r.json")
	for _, v := range d.Env() { // of what is started from here on
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	start := []string{
		"--cold", "warm", "--network", "host", "--port", port, "--env", "PORT=" + port,
		"--volume", d.Folder + ":" + d.Folder, "--env", nvmltest.FolderVariable + "=" + d.Folder,
	}
	call := func(args ...string) (code int, said string) {
		cmd := exec.Command("mlbench", args...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	code, out := call(append([]string{"compare", old, now, "--gpus", "device=" + strings.ToLower(d.UUID(0)) + ",0", "--max-gpu-memory", "650MB", "--pairs", "2", "--out", file}, start...)...)
	if code != exitGate {
		t.Fatalf("exit code %d, want %d:\n%s", code, exitGate, out)
	}
	for _, want := range []string{
		"process " + strconv.Itoa(tenant), "GPU memory when ready", "asked for: device=" + d.UUID(0),
		"device request, by the runtime's hook", "700 MB at the most in 2 starts, at most 650 MB wanted",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result bench.Result
	if err := json.Unmarshal(b, &result); err != nil {
		t.Fatal(err)
	}
	if g := result.GPU; g == nil || len(g.Devices) != 1 || g.Devices[0].UUID != d.UUID(0) {
		t.Errorf("%+v", g)
	}
	for _, s := range result.Starts {
		want := []int64{400e6, 500e6}
		if s.Candidate == 1 {
			want = []int64{700e6, 700e6}
		}
		if s.GPU == nil || s.GPUMemoryBytes == nil || !reflect.DeepEqual([]int64{*s.GPUMemoryBytes, s.GPU.PeakBytes}, want) {
			t.Errorf("start %d of %d has %+v, want %d", s.Block, s.Candidate, s.GPU, want)
			continue
		}
		context, plateau := s.Marks[runner.GPUContext], s.Marks[runner.GPUPlateau]
		if !(s.Marks[runner.Started].MS < context.MS && context.MS <= plateau.MS && plateau.MS-plateau.ResolutionMS <= s.Time()) {
			t.Errorf("marks %+v", s.Marks)
		}
		if len(s.GPU.Others) != 1 || s.GPU.Others[0].PID != tenant {
			t.Errorf("others: %+v", s.GPU.Others)
		}
	}
	if c := result.On(bench.MetricGPUMemory); len(c) != 1 || c[0].Shift == nil || c[0].Shift.Estimate != 300e6 {
		t.Errorf("%+v", c)
	}

	run := append([]string{"run", now, "--pairs", "500"}, start...)
	told := func(want string, args ...string) {
		t.Helper()
		code, said := call(append(run, args...)...)
		if code != exitEnvironment || !strings.Contains(said, want) {
			t.Errorf("exit code %d, want %d and %q:\n%s", code, exitEnvironment, want, said)
		}
	}
	told("the devices of 1 of 2 GPUs (/dev/nvidia0)", "--gpus", "2")
	told("3 GPUs are asked for", "--gpus", "3")
	// Lost in the middle of a run, and before one.
	x := launch(t, "warm-up", append(run, "--gpus", "1")...)
	d.Script(t, "gpu0 15") // NVML_ERROR_GPU_IS_LOST
	x.ends(t, exitEnvironment)
	if said := x.stderr.String(); !strings.Contains(said, "watching the GPUs while ") || !strings.Contains(said, "the GPU is lost") {
		t.Errorf("lost in the middle:\n%s", said)
	}
	if r := x.result(t); len(r.Starts) == 0 || r.Ended != bench.EndedFailed {
		t.Errorf("lost in the middle: ended %s with %d starts", r.Ended, len(r.Starts))
	}
	told("the GPU is lost", "--gpus", "1")
	if left := e.Containers(t); len(left) > 0 {
		t.Errorf("left behind: %+v", left)
	}
}
