package report

import (
	stdbytes "bytes"
	"fmt"
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
		{"fails", gpu.NewReport("service:gpu", "", needs, gpu.Host{Driver: known("470.256.02"), Devices: []gpu.Device{t4, {Index: 1, Capability: gpu.Capability{Major: 10}}}})},
		{"unknown", gpu.NewReport("service:gpu", "", needs, gpu.Host{})},
		{"needless", gpu.NewReport("service:cpu", "", gpu.Needs{Frameworks: []gpu.Framework{{Name: "torch", Version: "1.13.0", CPU: true, From: "/usr/lib/python3/dist-packages/torch/version.py"}}}, gpu.Host{})},
		{"host", gpu.HostReport(gpuHostOf(known("550.54.15")))},
		{"host-bare", gpu.HostReport(gpu.Host{Driver: known("390.157"), From: gpu.FromDriver, Devices: []gpu.Device{{Name: "GeForce GT 710", UUID: "GPU-1"}}})},
		{"this-host", gpu.NewReport("service:gpu", "", needs, gpuHostOf(known("550.54.15")))},
		{"hostile", func() *gpu.Report {
			n := needs
			n.From = "<script>\x1b[31m|" + strings.Repeat("long ", 500)
			n.Conflicts = []string{"[link](https://example.com) @someone", "two"}
			n.Requirements = []gpu.Requirement{{Variable: "NVIDIA_REQUIRE_\x1b[2J", Text: manyAlternatives()}}
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
				if test.name != "hostile" { // it would be long
					golden(t, "gpu-"+test.name+"."+f.Name, b.Bytes())
				}
				if f.Name == "json" {
					continue
				}
				if f.Name == "markdown" && b.Len() > maxMarkdown {
					t.Errorf("%d bytes are too long for a comment", b.Len())
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

// gpuHostOf is a host with everything that a driver can tell: a GPU in use, a divided
// one, a lost one.
func gpuHostOf(d gpu.Driver) gpu.Host {
	a100 := gpu.Device{
		Name: "NVIDIA A100-SXM4-40GB", UUID: "GPU-a45e41f7-6a1f-4e2b-9d4c-000000000000", Capability: gpu.Capability{Major: 8}, Brand: "nvidia",
		Memory: &gpu.Memory{Total: 42_949_672_960, Reserved: new(int64(620_000_000)), Used: 1_500_000_000, Free: 40_829_672_960}, Persistence: new(true),
		MIG:      &gpu.MIG{},
		Readings: gpu.Readings{SMClock: new(1410), MemoryClock: new(1215), Power: new(71.5), PowerLimit: new(400.0), Busy: new(0)},
		Processes: []gpu.Process{
			{PID: 4711, Kind: "compute", Memory: new(int64(1_490_000_000))},
			{PID: 4712, Kind: "compute+graphics"},
		},
	}
	divided := a100
	divided.Index, divided.UUID, divided.Processes, divided.Persistence = 1, "GPU-b\x1b[31m|<script>", []gpu.Process{}, new(false)
	divided.MIG = &gpu.MIG{Enabled: true, Pending: true, Instances: []gpu.Instance{
		{Name: "NVIDIA A100-SXM4-40GB MIG 1g.5gb", UUID: "MIG-1", GPU: new(7), Compute: new(0), Memory: &gpu.Memory{Total: 5_000_000_000, Used: 13_000_000, Free: 4_987_000_000}},
		{Index: 1},
	}}
	divided.Readings = gpu.Readings{}
	lost := gpu.Device{Index: 2, Lost: true, Problems: []string{"GPU 2: its name cannot be read: the GPU is lost (nvmlDeviceGetName: GPU is lost): reboot"}}
	return gpu.Host{Driver: d, CUDA: gpu.CUDA{Major: 12, Minor: 4}, From: gpu.FromDriver, Devices: []gpu.Device{a100, divided, lost}}
}

// manyAlternatives make a report that is too long for a comment.
func manyAlternatives() string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "cuda>=%d,brand=%s ", 100+i, strings.Repeat("&", 60))
	}
	return b.String()
}
