//go:build cgo

package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"mlbench/gpu"
	"mlbench/gpu/nvml"
	"mlbench/gpu/nvml/nvmltest"
	"mlbench/runner"
)

// TestRealGPU starts a server that takes memory of this host's first GPU, and
// holds what was seen against what PyTorch, or CUDA's driver, says that it took.
// It runs by itself wherever NVIDIA's driver answers.
func TestRealGPU(t *testing.T) {
	host, err := nvml.Host(t.Context())
	if err != nil {
		t.Skip("needs a GPU: ", err)
	}
	m, err := nvml.Open(t.Context(), nil)
	if err != nil {
		t.Skip("needs a GPU: ", err)
	}
	device := m.Devices()[0]
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s (%s), driver %s", device.Name, device.UUID, host.Driver)
	framework := gpuServer(t, device.UUID)
	t.Log("taken by ", framework)
}

// TestGPUServer is TestRealGPU with the stand-in, so that what that test does is
// tested where there is no GPU.
func TestGPUServer(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	if framework := gpuServer(t, d.UUID(0)); framework != "the stand-in" {
		t.Error(framework)
	}
}

// gpuServer starts testdata/gpu_server.py on a GPU, and says what took memory.
func gpuServer(t *testing.T, uuid string) (framework string) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3 for a program that uses a GPU: ", err)
	}
	var said struct {
		Framework string
		Before    int64 `json:"before_bytes"` // that it had before its two steps
		BeforeAt  int64 `json:"before_at_ns"` // wall clock
		Taken     int64 `json:"taken_bytes"`
		InUse     int64 `json:"in_use_bytes"` // of the GPU, by whomever
	}
	r := watcher(t, uuid)
	c, err := r.Prepare(t.Context(), runner.Candidate{
		Name: "gpu-server", Ref: "exec python3 testdata/gpu_server.py", Health: "/health", GPUs: &gpu.Request{IDs: []string{uuid}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartLooking(t.Context(), c, 2*time.Minute, func(context.Context, runner.Look) error {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/memory", c.Port))
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		return json.NewDecoder(answer.Body).Decode(&said)
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Outcome != runner.OutcomeReady || s.GPU == nil || s.GPU.Ready == nil {
		t.Fatalf("%+v, %q", s, s.Log)
	}
	u := s.GPU
	started, context, plateau, ready := s.Marks[runner.Started].At, s.Marks[runner.GPUContext].At, s.Marks[runner.GPUPlateau].At, s.Marks[runner.Ready].At
	if !(started <= context && context < plateau && plateau <= ready) {
		t.Errorf("started at %v, context at %v, plateau at %v, ready at %v", started, context, plateau, ready)
	}
	// NVML counts the context (code, stacks, what libraries keep) and frameworks
	// do not count it, so that what both know is compared: the growth since then.
	var had int64
	for _, p := range u.Points {
		if p.At.UnixNano() <= said.BeforeAt {
			had = p.Memory
		}
	}
	grown, took := *u.Ready-had, said.Taken-said.Before
	if difference := float64(grown-took) / float64(took); difference < -0.05 || difference > 0.05 || had == 0 {
		t.Errorf("by %s it grew from %d by %d bytes, and %s took %d (%+.1f %%)", u.Source, had, grown, said.Framework, took, 100*difference)
	}
	t.Logf("by %s: context at %v with %d bytes, plateau at %v with %d (by growth %d, took %d; of the GPU in use %d), ready at %v; %d samples every %v took %v of CPU; others %+v, problems %q",
		u.Source, context, had, plateau, *u.Ready, grown, took, said.InUse, ready, u.Samples, u.Every, u.CPU, u.Others, u.Problems)
	return said.Framework
}
