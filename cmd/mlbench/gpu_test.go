package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlbench/gpu"
)

// archived writes an image of one layer as docker save does.
func archived(t *testing.T, env []string, files map[string]string) string {
	t.Helper()
	packed := func(files map[string]string) string {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for name, content := range files {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	layer := packed(files)
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Env": env},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(layer)))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest := `[{"Config":"` + name + `","RepoTags":["service:gpu"],"Layers":["l/layer.tar"]}]`
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, []byte(packed(map[string]string{"manifest.json": manifest, name: string(config), "l/layer.tar": layer})), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// asked puts a host, or why its driver cannot be asked, in the place of this one.
func asked(t *testing.T, h gpu.Host, err error) {
	t.Helper()
	real := askDriver
	askDriver = func(context.Context) (gpu.Host, error) { return h, err }
	t.Cleanup(func() { askDriver = real })
}

func TestGPU(t *testing.T) {
	asked(t, gpu.Host{}, &gpu.TroubleError{Kind: gpu.ErrNoDriver})
	library, err := os.ReadFile("../../gpu/testdata/libkernels.so")
	if err != nil {
		t.Fatal(err)
	}
	service := archived(t, []string{"NVIDIA_VISIBLE_DEVICES=all", "CUDA_VERSION=12.1.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.1 brand=tesla,driver>=470,driver<471"}, map[string]string{
		"usr/lib/python3/dist-packages/torch/version.py":           "__version__ = '2.4.0+cu121'\ncuda: Optional[str] = '12.1'\n",
		"usr/lib/python3/dist-packages/torch/lib/libtorch_cuda.so": string(library), // sm_70, sm_80, sm_90a, PTX for 8.0 and 9.0a
	})
	plain := archived(t, nil, map[string]string{"bin/sh": "#"})
	tests := []struct {
		name  string
		args  []string
		code  int
		says  string
		hints string
	}{
		{"will run", []string{service, "--driver", "535.104.05", "--compute-capability", "8.0"}, exitOK, "will run on this host's GPUs", ""},
		{"by the CUDA alone", []string{service, "--cuda", "12.4", "--compute-capability", "8.6"}, exitOK, "will run", ""},
		{"PTX alone", []string{service, "--driver", "535.104.05", "--compute-capability", "9.0"}, exitOK, "", ""},
		{"driver too old", []string{service, "--driver", "470.82.01", "--compute-capability", "8.0", "--gpu-name", "Tesla T4"}, exitGate, "error 35", ""},
		{"no kernels", []string{service, "--driver", "535.104.05", "--compute-capability", "6.1"}, exitGate, "no kernel image for compute capability 6.1", ""},
		{"one of two GPUs", []string{service, "--driver", "535.104.05", "--compute-capability", "8.0,6.1"}, exitOK, "what uses them fails with error 209", ""},
		{"nothing is told", []string{service}, exitInconclusive, "it takes driver ≥ 525.60.13 (≥ 530.30.02 for all features)", "--driver"},
		{"the GPU is not told", []string{service, "--driver", "535.104.05"}, exitInconclusive, "the GPU's compute capability is not known", "--compute-capability"},
		{"no GPU needed", []string{plain, "--driver", "535.104.05"}, exitOK, "needs no NVIDIA GPU", ""},
		{"a driver of another CUDA", []string{service, "--driver", "535.104.05", "--cuda", "13.0", "--compute-capability", "8.0"}, exitOK, "offer CUDA 12.2, not 13.0", ""},
		{"a name for each", []string{service, "--compute-capability", "8.0,9.0", "--gpu-name", "Tesla T4"}, exitUsage, "", "1 of 2 GPUs"},
		{"not an archive", []string{"gpu_test.go"}, exitUsage, "", "--input gpu_test.go: "},
		{"no such archive", []string{"nowhere.tar"}, exitUsage, "", "nowhere.tar"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, format := range []string{"text", "markdown", "json"} {
				var out, hints bytes.Buffer
				args := append([]string{"gpu", "--format", format, "--input"}, test.args...)
				if code := run(t.Context(), streams{in: strings.NewReader(""), out: &out, err: &hints}, args); code != test.code {
					t.Errorf("%s: exit code %d, want %d: %s%s", format, code, test.code, &out, &hints)
				}
				if format == "text" && !strings.Contains(strings.Join(strings.Fields(out.String()), " "), test.says) || !strings.Contains(hints.String(), test.hints) {
					t.Errorf("want %q and %q:\n%s%s", test.says, test.hints, &out, &hints)
				}
				if format != "json" || test.code == exitUsage || test.code == exitEnvironment {
					continue
				}
				var r gpu.Report
				if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Schema != gpu.Schema || len(r.Rules) == 0 || r.Verdict == "" {
					t.Errorf("%v: %s", err, &out)
				}
			}
		})
	}
}

// Without flags it is this host that is shown, and that an image is judged on.
func TestGPUOfThisHost(t *testing.T) {
	service := archived(t, []string{"CUDA_VERSION=12.4.1", "NVIDIA_VISIBLE_DEVICES=all"}, map[string]string{
		"usr/lib/python3/dist-packages/torch/version.py": "__version__ = '2.4.0+cu124'\ncuda: Optional[str] = '12.4'\n",
	})
	driver, err := gpu.ParseDriver("550.54.15")
	if err != nil {
		t.Fatal(err)
	}
	a100 := gpu.Device{Name: "NVIDIA A100-SXM4-40GB", UUID: "GPU-1", Capability: gpu.Capability{Major: 8}, Brand: "nvidia", Processes: []gpu.Process{{PID: 4711, Kind: "compute"}}}
	lost := gpu.Device{Index: 1, Lost: true, Problems: []string{"GPU 1: it cannot be read: the GPU is lost"}}
	host := func(devices ...gpu.Device) gpu.Host {
		return gpu.Host{Driver: driver, CUDA: gpu.CUDA{Major: 12, Minor: 4}, From: gpu.FromDriver, Devices: devices}
	}
	broken := &gpu.TroubleError{Kind: gpu.ErrMismatch, Tried: "nvmlInit", Remedy: "reboot"}
	absent := &gpu.TroubleError{Kind: gpu.ErrNoDriver, Tried: "looked for libnvidia-ml.so.1", Remedy: "install it"}
	image := []string{"--input", service}
	tests := []struct {
		name  string
		host  gpu.Host
		err   error
		args  []string
		code  int
		says  string
		hints string
	}{
		{"its GPUs", host(a100), nil, nil, exitOK, "0 NVIDIA A100-SXM4-40GB 8.0", ""},
		{"one of them lost", host(a100, lost), nil, nil, exitOK, "warning: GPU 1: it cannot be read", ""},
		{"all of them lost", host(lost), nil, nil, exitEnvironment, "LOST", "has no GPU that can be used"},
		{"none", host(), nil, nil, exitEnvironment, "0 GPUs", "has no GPU that can be used: see lspci"},
		{"none that may be asked", host(gpu.Device{Problems: []string{"GPU 0: it cannot be read: no permission"}}), nil, nil, exitEnvironment, "1 GPU", "has no GPU that can be used: GPU 0: it cannot be read: no permission"},
		{"no driver", gpu.Host{}, absent, nil, exitEnvironment, "", "no NVIDIA driver here (looked for libnvidia-ml.so.1): install it"},
		{"a broken driver", gpu.Host{}, broken, nil, exitEnvironment, "", "reboot"},
		{"flags without an image", host(a100), nil, []string{"--driver", "535.104.05"}, exitUsage, "", "name the image"},
		{"CDI without an image", host(a100), nil, []string{"--cdi"}, exitUsage, "", "name the image"},
		{"an image", host(a100), nil, image, exitOK, "this host: driver 550.54.15; CUDA 12.4; NVIDIA A100-SXM4-40GB", ""},
		{"an image, under CDI", host(a100), nil, append([]string{"--cdi"}, image...), exitOK, "this host: driver 550.54.15", ""},
		{"an image on many", host(a100, a100), nil, image, exitOK, "2 × NVIDIA A100-SXM4-40GB", ""},
		{"an image, no driver", gpu.Host{}, absent, image, exitInconclusive, "driver not known", "say of the host: --driver"},
		{"an image, a broken driver", gpu.Host{}, broken, image, exitInconclusive, "warning: NVIDIA's driver and its library are of different versions", "--driver"},
		{"flags tell of another host", host(a100), nil, append([]string{"--driver", "470.256.02", "--compute-capability", "7.5", "--gpu-name", "Tesla T4"}, image...), exitGate, " host: driver 470.256.02", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked(t, test.host, test.err)
			for _, format := range []string{"text", "markdown", "json"} {
				var out, hints bytes.Buffer
				code := run(t.Context(), streams{in: strings.NewReader(""), out: &out, err: &hints}, append([]string{"gpu", "--format", format}, test.args...))
				if code != test.code || !strings.Contains(hints.String(), test.hints) {
					t.Errorf("%s: exit code %d, want %d with %q: %s%s", format, code, test.code, test.hints, &out, &hints)
				}
				if text := " " + strings.Join(strings.Fields(out.String()), " "); format == "text" && !strings.Contains(text, test.says) {
					t.Errorf("want %q:\n%s", test.says, &out)
				}
				var r gpu.Report
				if format != "json" || out.Len() == 0 {
					continue
				}
				if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Schema != gpu.Schema || (r.Needs == nil) != (len(test.args) == 0) {
					t.Errorf("%v: %s", err, &out)
				}
			}
		})
	}
}
