package report

import (
	stdbytes "bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// oneGPU is a host of one GPU, well set up.
var oneGPU = &bench.GPUs{
	Driver: driverOf("550.54.15"), CUDA: gpu.CUDA{Major: 12, Minor: 4},
	Devices: []bench.GPUDevice{{Name: "NVIDIA H100 80GB HBM3", UUID: "GPU-3a23c669", MemoryTotalBytes: 85_520_809_984, Capability: gpu.Capability{Major: 9}, Persistence: new(true)}},
}

// hostileGPUs are a host's whose driver says anything.
var hostileGPUs = &bench.GPUs{Devices: []bench.GPUDevice{
	{Name: hostile[0], MemoryTotalBytes: -1, Persistence: new(false)},
	{Name: hostile[1] + long}, {Name: hostile[1] + long}, {Name: "a|b"}, {Name: "c"}, {Name: "d"}, {},
}}

func driverOf(s string) gpu.Driver {
	d, err := gpu.ParseDriver(s)
	if err != nil {
		panic(err)
	}
	return d
}

// loading is a baseline whose weights are on the GPU when it is ready, and
// others that are ready first, take more, and have a neighbour now and then.
func loading(ref string, n int) *runnertest.Shape {
	s := &runnertest.Shape{Context: 600 * time.Millisecond, Plateau: 900 * time.Millisecond, Ready: new(int64(3.2e9)), Peak: 3.2e9}
	if ref != "0" {
		s = &runnertest.Shape{Context: 1400 * time.Millisecond, Plateau: 6300 * time.Millisecond, Ready: new(int64(0.9e9)), Peak: 12.4e9 + int64(n)*1e6}
		if n%5 == 1 {
			s.Others = []gpu.Process{{PID: 4242, Kind: "compute", Memory: new(int64(2.1e9))}}
		}
	}
	return s
}

// byDevice are starts that cannot be told from their neighbour; those of the
// candidate are never seen on a GPU.
func byDevice(ref string, _ int) *runnertest.Shape {
	if ref != "0" {
		return &runnertest.Shape{Source: gpu.ByDevice, Ready: new(int64(0))}
	}
	s := loading(ref, 0)
	s.Source, s.Others = gpu.ByDevice, []gpu.Process{{PID: 4242, Kind: "compute", Memory: new(int64(2.1e9))}}
	return s
}

// hostileUse is a start of whose GPUs anything is told, or nothing.
func hostileUse(ref string, n int) *runnertest.Shape {
	if n%5 == 2 {
		return nil
	}
	s := &runnertest.Shape{
		Source: gpu.Source(hostile[0]), Context: 1 << 62, Plateau: 1, Ready: new(int64(1 << 62)), Peak: 1 << 62, Every: 1 << 50,
		Others:   []gpu.Process{{PID: -1, Kind: hostile[0], Memory: new(int64(1 << 62))}, {PID: 7}, {PID: 8}, {PID: 9}},
		Problems: []string{hostile[0], hostile[1], long, "x"},
	}
	if ref == "1" {
		s.Source = gpu.ByDevice
	}
	return s
}

// The forms for programs, of one pair.
func TestGPUForPrograms(t *testing.T) {
	f := fixture{times: in(4200), host: oneGPU, gpus: loading, spec: func(s *bench.Spec) { s.Pairs, s.MaxGPUBytes = 1, new(int64(10e9)) }}
	r := f.result(t)
	var file, sheet stdbytes.Buffer
	if err := errors.Join(JSON(&file, r), CSV(&sheet, r)); err != nil {
		t.Fatal(err)
	}
	golden(t, "gpu.json.golden", file.Bytes())
	golden(t, "gpu.csv.golden", sheet.Bytes())
}

// The figures of a result are in its file, and those of GPUs read again are the
// same in every form.
func TestGPUReadAgain(t *testing.T) {
	for _, f := range fixtures {
		if !strings.HasPrefix(f.name, "gpu") {
			continue
		}
		r := f.result(t)
		var file stdbytes.Buffer
		if err := JSON(&file, r); err != nil {
			t.Fatal(err)
		}
		again, err := bench.Read(stdbytes.NewReader(file.Bytes()), "r.json")
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		for _, format := range Results {
			var was, is stdbytes.Buffer
			if err := format.Write(&was, r); err != nil {
				t.Fatal(err)
			}
			if err := format.Write(&is, again); err != nil {
				t.Fatal(err)
			}
			if was.String() != is.String() {
				t.Errorf("%s as %s%s:\n%s\nread again:\n%s", f.name, format.Name, format.Suffix, was.String(), is.String())
			}
		}
	}
}

// A file that was written before anything was known of GPUs is rendered as it
// was.
func TestGPUOfOldFiles(t *testing.T) {
	r := fixtures[0].result(t)
	var file, was stdbytes.Buffer
	if err := JSON(&file, r); err != nil {
		t.Fatal(err)
	}
	if err := Text(&was, r); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(file.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "gpu")
	fields["spec"].(map[string]any)["fail_on"] = []string{"starts", "regression", "target", "size"}
	old, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	again, err := bench.Read(stdbytes.NewReader(old), "r.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range Results {
		var is stdbytes.Buffer
		if err := format.Write(&is, again); err != nil {
			t.Fatal(err)
		}
		switch {
		case format.Name == "text" && is.String() != was.String():
			t.Errorf("%s\nwas\n%s", is.String(), was.String())
		case format.Name != "json" && format.Suffix != ".csv" && strings.Contains(is.String(), "GPU"):
			t.Errorf("%s: %s", format.Name, is.String())
		}
	}
}

// TestGPULine: what is not known is not told.
func TestGPULine(t *testing.T) {
	start := func(source gpu.Source, every float64) bench.Start {
		return bench.Start{Role: bench.RolePair, GPU: &bench.GPUUse{Source: source, EveryMS: every}}
	}
	for _, test := range []struct {
		name string
		of   bench.Result
		want string
	}{
		{"none", bench.Result{}, ""},
		{"of no candidate", bench.Result{GPU: oneGPU}, "GPU: NVIDIA H100 80GB HBM3 (85.52 GB), driver 550.54.15, CUDA 12.4"},
		{"several", bench.Result{GPU: &bench.GPUs{Devices: []bench.GPUDevice{{Name: "a"}, {Name: "b"}, {Name: "a"}}}}, "GPU: 2 × a, b, driver not known"},
		{"asked for by many UUIDs", bench.Result{Candidates: []runner.Candidate{{GPUs: &gpu.Request{IDs: []string{"GPU-00000000-0000-0000-0000-000000000000", "GPU-00000000-0000-0000-0000-000000000001"}}}}},
			"GPU: asked for: device=GPU-00000000-0000-0000-0000-000000000000 and 1 more"},
		{"told only", bench.Result{Starts: []bench.Start{start(gpu.ByProcess, 15), start(gpu.ByDevice, 17), {GPU: &bench.GPUUse{Source: "x"}, Role: bench.RoleWarmup}}},
			"GPU: memory told by device and by process, read every 16.0 ms (median)"},
	} {
		if got := gpuLine(look(&test.of)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
