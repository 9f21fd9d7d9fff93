package docker

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"

	"mlbench/gpu"
	"mlbench/runner"
)

func gpus(t testing.TB, text string) *gpu.Request {
	t.Helper()
	g, err := gpu.ParseRequest(text)
	if err != nil {
		t.Fatal(err)
	}
	return &g
}

func TestDeviceRequests(t *testing.T) {
	legacy := func(count int, ids ...string) []container.DeviceRequest {
		return []container.DeviceRequest{{Count: count, DeviceIDs: ids, Capabilities: [][]string{{"gpu"}}}}
	}
	cdi := func(ids ...string) []container.DeviceRequest {
		return []container.DeviceRequest{{Driver: "cdi", DeviceIDs: ids}}
	}
	for _, test := range []struct {
		asks    string
		refused bool // the engine has refused the first form
		want    []container.DeviceRequest
	}{
		{"all", false, legacy(-1)},
		{"2", false, legacy(2)},
		{"device=1,GPU-a,MIG-b,0:1", false, legacy(0, "1", "GPU-a", "MIG-b", "0:1")},
		{"device=nvidia.com/gpu=0", false, cdi("nvidia.com/gpu=0")},
		{"device=nvidia.com/gpu=all", false, cdi("nvidia.com/gpu=all")},
		{"device=nvidia.com/gpu=0,GPU-a", false, cdi("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-a")},
		{"all", true, cdi("nvidia.com/gpu=all")},
		{"2", true, cdi("nvidia.com/gpu=0", "nvidia.com/gpu=1")},
		{"device=GPU-a,0:1", true, cdi("nvidia.com/gpu=GPU-a", "nvidia.com/gpu=0:1")},
	} {
		r := &Runner{askCDI: test.refused}
		if got := r.deviceRequests(gpus(t, test.asks)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.asks, got, test.want)
		}
	}
	if got := new(Runner).deviceRequests(nil); got != nil {
		t.Errorf("without --gpus: %+v", got)
	}
}

func TestWays(t *testing.T) {
	named := func(name string) types.Version {
		return types.Version{Components: []types.ComponentVersion{{Name: name}}}
	}
	docker := named("Engine")
	for _, test := range []struct {
		name    string
		info    system.Info
		version types.Version
		want    gpuWays
	}{
		{"20.10", system.Info{ServerVersion: "20.10.24+dfsg1", DefaultRuntime: "runc"}, docker, gpuWays{hooked: true}},
		{"28", system.Info{ServerVersion: "28.5.2", DefaultRuntime: "runc", CDISpecDirs: []string{"/etc/cdi"}}, docker, gpuWays{cdi: true, hooked: true}},
		{"29.1", system.Info{ServerVersion: "29.1.5", CDISpecDirs: []string{"/etc/cdi"}}, docker, gpuWays{cdi: true, hooked: true}},
		{"29.2", system.Info{ServerVersion: "29.2.0", CDISpecDirs: []string{"/etc/cdi"}}, docker, gpuWays{cdi: true}},
		{"30", system.Info{ServerVersion: "30.0.0"}, docker, gpuWays{}},
		{"under NVIDIA's runtime", system.Info{ServerVersion: "28.5.2", DefaultRuntime: "nvidia"}, docker, gpuWays{}},
		{"Podman", system.Info{ServerVersion: "4.9.3"}, named("Podman Engine"), gpuWays{}},
		{"a build from source", system.Info{ServerVersion: "dev"}, docker, gpuWays{}},
	} {
		if got := waysOf(test.info, test.version); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
	r := &Runner{ways: gpuWays{hooked: true}}
	if !r.HooksGPUs(gpu.Request{All: true}) || r.HooksGPUs(*gpus(t, "device=nvidia.com/gpu=all")) {
		t.Error("names of CDI do not go through the hook, all else does")
	}
}

func TestGPUsRefused(t *testing.T) {
	with := &one{c: runner.Candidate{Name: "c", GPUs: &gpu.Request{All: true}}, r: new(Runner)}
	for _, test := range []struct{ engine, says string }{
		{`could not select device driver "" with capabilities: [[gpu]]`, "install the NVIDIA Container Toolkit"},
		{`CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all`, "sudo nvidia-ctk cdi generate"},
		{"OCI runtime create failed: nvidia-container-cli: device error: GPU-x: unknown device: unknown", "see whether nvidia-smi answers"},
		{"OCI runtime create failed: nvidia-container-cli: initialization error: nvml error: driver not loaded", "see whether nvidia-smi answers"},
		{"nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.4", ""}, // the image's
		{"nvidia-container-cli: mount error: file creation failed: file exists", ""},
		{`exec: "/serve": no such file or directory`, ""},
	} {
		err := with.gpusRefused(errors.New(test.engine))
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s: %v", test.engine, err)
		case test.says != "" && (!errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), test.engine)):
			t.Errorf("%s: %v, want %q", test.engine, err, test.says)
		}
	}
	by := &one{c: runner.Candidate{Name: "c", GPUs: gpus(t, "device=nvidia.com/gpu=0")}, r: new(Runner)}
	if err := by.gpusRefused(errors.New(`could not select device driver "cdi" with capabilities: []`)); err == nil || !strings.Contains(err.Error(), "name them by UUID or number instead") {
		t.Errorf("by CDI: %v", err)
	}
	without := &one{c: runner.Candidate{Name: "c"}, r: new(Runner)}
	if err := without.gpusRefused(errors.New("could not select device driver")); err != nil {
		t.Errorf("without --gpus: %v", err)
	}
}

func TestMissingGPUs(t *testing.T) {
	for _, test := range []struct{ asks, dev, caps, says string }{
		{"all", "null nvidia0 nvidiactl nvidia-uvm", "", ""},
		{"all", "null nvidia3 nvidiactl", "", ""},
		{"all", "null zero nvidiactl nvidia-uvm", "", "no GPU's device (/dev/nvidia0)"},
		{"all", "null dxg", "", ""},
		{"all", "nvhost-gpu", "", ""},
		{"all", "null nvmap nvhost-ctrl", "", ""},
		{"1", "nvidia0", "", "no /dev/nvidiactl"},
		{"2", "nvidia1 nvidia0 nvidiactl", "", ""},
		{"2", "nvidia0 nvidiactl", "", "the devices of 1 of 2 GPUs (/dev/nvidia0)"},
		{"device=GPU-a,GPU-b", "nvidia0 nvidiactl", "", "of 1 of 2 GPUs"},
		{"device=nvidia.com/gpu=0,nvidia.com/gpu=1", "nvidia0 nvidiactl", "", "of 1 of 2 GPUs"},
		{"device=nvidia.com/gpu=all", "nvidia0 nvidiactl", "", ""},
		{"device=MIG-a,0:1", "nvidia0 nvidiactl", "nvidia-cap12 nvidia-cap13", ""},
		{"device=MIG-a", "nvidia0 nvidiactl", "", "nothing in /dev/nvidia-caps"},
		{"device=nvidia.com/gpu=0:1", "nvidia0 nvidiactl", "", "nothing in /dev/nvidia-caps"},
		{"device=0,1:0", "nvidia0 nvidiactl", "nvidia-cap12", ""},
	} {
		err := missingGPUs(*gpus(t, test.asks), strings.Fields(test.dev), strings.Fields(test.caps))
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s with %s and %q: %v, want %q", test.asks, test.dev, test.caps, err, test.says)
		}
	}
}

func TestGivenBy(t *testing.T) {
	for environ, want := range map[string]string{
		"": "",
		"PATH=/bin\x00NVIDIA_VISIBLE_DEVICES=all\x00":                               ", by the runtime's hook",
		"NVIDIA_VISIBLE_DEVICES=all\x00A=1\x00NVIDIA_VISIBLE_DEVICES=void":          ", by CDI",
		"NVIDIA_VISIBLE_DEVICES=void\x00NVIDIA_VISIBLE_DEVICES=GPU-a,GPU-b\x00A=1":  ", by the runtime's hook",
		"XNVIDIA_VISIBLE_DEVICES=void\x00NVIDIA_VISIBLE_DEVICES_=void\x00PATH=/bin": "",
	} {
		if got := by([]byte(environ)); got != want {
			t.Errorf("%q: %q, want %q", environ, got, want)
		}
	}
}

// An engine without any support of GPUs says so, which is the environment's
// fault and not the candidate's.
func TestNoGPUSupport(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: fixtureImage(t, "EXPOSE 8080"), GPUs: &gpu.Request{All: true}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, startTimeout)
	if err == nil && s.Outcome == runner.OutcomeReady {
		t.Skip("the engine here gives GPUs")
	}
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "the engine cannot give containers NVIDIA's GPUs") || !strings.Contains(err.Error(), "sudo nvidia-ctk runtime configure") {
		t.Errorf("outcome %s, %v", s.Outcome, err)
	}
	if left := left(t, r.session); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
