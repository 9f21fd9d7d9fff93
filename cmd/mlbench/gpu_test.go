package main

import (
	"archive/tar"
	"bytes"
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

func TestGPU(t *testing.T) {
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
		{"one of two GPUs", []string{service, "--driver", "535.104.05", "--compute-capability", "8.0,6.1"}, exitGate, "capability 6.1 (error 209)", ""},
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
