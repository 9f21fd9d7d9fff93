package bench

import (
	"mlbench/gpu"
	"mlbench/runner"
)

// GPUs are the host's GPUs that candidates got, and their driver.
type GPUs struct {
	Driver  gpu.Driver  `json:"driver"`
	CUDA    gpu.CUDA    `json:"cuda"` // that the driver offers
	Devices []GPUDevice `json:"devices"`
}

// A GPUDevice is one of them, or a MIG instance.
type GPUDevice struct {
	Name             string         `json:"name"`
	UUID             string         `json:"uuid"`
	MemoryTotalBytes int64          `json:"memory_total_bytes"`
	Capability       gpu.Capability `json:"compute_capability"`
	Persistence      *bool          `json:"persistence_mode,omitempty"` // nil where it is not known
}

// GPUUse is a gpu.Use, with its moments as marks and its times in milliseconds
// since begin_at.
type GPUUse struct {
	Source    gpu.Source    `json:"source"` // how its memory was told from that of others
	PeakBytes int64         `json:"peak_bytes"`
	Memory    []GPUPoint    `json:"memory"`           // over time, only where it changes
	Others    []gpu.Process `json:"others,omitempty"` // not of the candidate, on the same GPUs meanwhile

	Samples   int      `json:"samples"`
	EveryMS   float64  `json:"every_ms"`       // median time between two samples
	SamplerMS float64  `json:"sampler_cpu_ms"` // CPU time of mlbench's own that reading the GPUs took
	Problems  []string `json:"problems,omitempty"`
}

// A GPUPoint is a candidate's memory on the GPUs from a moment on.
type GPUPoint struct {
	MS    float64 `json:"ms"`
	Bytes int64   `json:"bytes"`
	Busy  *int    `json:"busy_percent,omitempty"` // of the busiest GPU, by whomever; nil where it is not told
}

// recordGPU writes down what a start had of the GPUs.
func (r *Start) recordGPU(s runner.Start) {
	u := s.GPU
	if u == nil {
		return
	}
	r.GPUMemoryBytes = u.Ready
	r.GPU = &GPUUse{
		Source: u.Source, PeakBytes: u.Peak, Memory: []GPUPoint{}, Others: u.Others,
		Samples: u.Samples, EveryMS: Millis(u.Every), SamplerMS: Millis(u.CPU), Problems: u.Problems,
	}
	for _, p := range u.Points {
		r.GPU.Memory = append(r.GPU.Memory, GPUPoint{Millis(p.At.Sub(s.BeginAt)), p.Memory, p.Busy})
	}
}
