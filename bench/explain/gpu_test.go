package explain

import (
	"testing"

	"mlbench/bench"
)

// What starts had on the GPUs stands beside the phases and adds nothing to them.
func TestPhasesOnGPU(t *testing.T) {
	ready := 1000.0
	start := func(role bench.Role, boot float64, memory int64) bench.Start {
		return bench.Start{
			Role: role, Outcome: "ready", ReadyMS: &ready, GPUMemoryBytes: &memory,
			PhasesMS: map[string]float64{"boot": 900, "gpu_boot": boot, "gpu_load": 100},
		}
	}
	l := look{result: &bench.Result{Starts: []bench.Start{
		start(bench.RoleWarmup, 5000, 1), start(bench.RoleTarget, 300, 2e9), start(bench.RoleTarget, 500, 4e9), start(bench.RoleTarget, 400, 3e9),
	}}}
	l.phases()
	f := l.found
	if len(f.Phases) != 1 || len(f.OnGPU) != 2 || f.OnGPU[0] != (Phase{"gpu_boot", 400}) || f.GPUMemoryBytes == nil || *f.GPUMemoryBytes != 3e9 {
		t.Errorf("%+v, on the GPU %+v with %v", f.Phases, f.OnGPU, f.GPUMemoryBytes)
	}
}
