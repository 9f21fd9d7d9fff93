package report

import (
	stdbytes "bytes"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/gpu"
)

func TestGPU(t *testing.T) {
	known := func(s string) gpu.Driver {
		d, err := gpu.ParseDriver(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	archs := func(names ...string) (all []gpu.Arch) {
		for _, name := range names {
			a, err := gpu.ParseArch(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		return all
	}
	visible, capabilities := "all", "compute,utility"
	needs := gpu.Needs{
		GPU: true, CUDA: gpu.CUDA{Major: 12, Minor: 6}, From: "torch 2.6.0+cu126",
		Seen:       []gpu.Seen{{CUDA: gpu.CUDA{Major: 12, Minor: 6}, From: "torch in /opt/conda/lib/python3.11/site-packages/torch/version.py"}},
		Frameworks: []gpu.Framework{{Name: "torch", Version: "2.6.0+cu126", CUDA: gpu.CUDA{Major: 12, Minor: 6}}}, CUDNN: "9.5.1.17",
		JIT: []string{"torch 2.6.0+cu126", "triton 3.2.0"}, Looked: true,
		Kernels:        []gpu.Kernel{{Path: "/opt/conda/lib/python3.11/site-packages/torch/lib/libtorch_cuda.so", Archs: archs("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")}},
		Requirements:   []gpu.Requirement{{Variable: "NVIDIA_REQUIRE_CUDA", Text: "cuda>=12.6 brand=tesla,driver>=535,driver<536 brand=nvidia,driver>=535,driver<536"}},
		VisibleDevices: &visible, Capabilities: &capabilities,
	}
	t4 := gpu.Device{Name: "Tesla T4", Capability: gpu.Capability{Major: 7, Minor: 5}}
	tests := []struct {
		name string
		r    *gpu.Report
	}{
		{"fits", gpu.NewReport("service:gpu", "", needs, gpu.Host{Driver: known("560.35.05"), Devices: []gpu.Device{t4}})},
		{"fails", gpu.NewReport("service:gpu", "", needs, gpu.Host{Driver: known("470.256.02"), Devices: []gpu.Device{t4, {Capability: gpu.Capability{Major: 10}}}})},
		{"unknown", gpu.NewReport("service:gpu", "", needs, gpu.Host{})},
		{"needless", gpu.NewReport("service:cpu", "", gpu.Needs{Frameworks: []gpu.Framework{{Name: "torch", Version: "1.13.0", CPU: true, From: "/usr/lib/python3/dist-packages/torch/version.py"}}}, gpu.Host{})},
		{"hostile", func() *gpu.Report {
			n := needs
			n.From = "<script>\x1b[31m|" + strings.Repeat("long ", 500)
			n.Conflicts = []string{"[link](https://example.com) @someone", "two"}
			n.Requirements = []gpu.Requirement{{Variable: "NVIDIA_REQUIRE_\x1b[2J", Text: strings.Repeat("cuda>=99 ", 150)}}
			return gpu.NewReport("service:\x1b[31mred", "", n, gpu.Host{Driver: known("535.104.05"), CUDA: gpu.CUDA{Major: 13}})
		}()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, f := range GPUs {
				var b stdbytes.Buffer
				if err := f.Write(&b, test.r); err != nil {
					t.Fatal(err)
				}
				golden(t, "gpu-"+test.name+"."+f.Name, b.Bytes())
				if f.Name == "json" {
					continue
				}
				if strings.ContainsRune(b.String(), '\x1b') {
					t.Errorf("%s lets an escape through: %q", f.Name, &b)
				}
				lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
				for _, line := range lines[:len(lines)-1] {
					if f.Name == "text" && twwidth.Width(line) > maxWidth {
						t.Errorf("wider than %d: %q", maxWidth, line)
					}
				}
			}
		})
	}
}
