package bench

import (
	"errors"
	"fmt"
	"maps"
	"slices"

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
	Others    []gpu.Process `json:"others,omitempty"` // not of the candidate, on the same GPUs meanwhile; see gpu.Use

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

// recordGPU writes down what a start had of the GPUs. Told by device it may be
// less than nothing, where others gave memory back: that is nothing of its own.
func (s *Start) recordGPU(from runner.Start) {
	u := from.GPU
	if u == nil {
		return
	}
	if u.Ready != nil {
		s.GPUMemoryBytes = new(max(*u.Ready, 0))
	}
	s.GPU = &GPUUse{
		Source: u.Source, PeakBytes: max(u.Peak, 0), Memory: []GPUPoint{}, Others: u.Others,
		Samples: u.Samples, EveryMS: Millis(u.Every), SamplerMS: Millis(u.CPU), Problems: u.Problems,
	}
	for _, p := range u.Points {
		s.GPU.Memory = append(s.GPU.Memory, GPUPoint{Millis(p.At.Sub(from.BeginAt)), max(p.Memory, 0), p.Busy})
	}
}

// seenOnGPU reports whether the candidate was seen on a GPU in this start.
func (s Start) seenOnGPU() bool {
	_, seen := s.Marks[runner.GPUContext]
	return seen && s.GPU != nil
}

// gpuSources are the ways in which the memory of these candidates was told, in
// the measured starts that were seen on a GPU.
func (r *Result) gpuSources(candidates ...int) []gpu.Source {
	sources := make(map[gpu.Source]bool)
	for _, i := range candidates {
		for _, s := range r.measured(i) {
			if s.seenOnGPU() {
				sources[s.GPU.Source] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(sources))
}

// check finds what no run would have written.
func (u GPUUse) check() error {
	if u.PeakBytes < 0 || u.Samples < 0 || u.EveryMS < 0 || u.SamplerMS < 0 {
		return fmt.Errorf("gpu: peak_bytes, samples, every_ms and sampler_cpu_ms are %d, %d, %v and %v, and cannot be negative",
			u.PeakBytes, u.Samples, u.EveryMS, u.SamplerMS)
	}
	if u.Source == "" {
		return errors.New("gpu.source: says how memory was told, and is missing")
	}
	for i, p := range u.Memory {
		if p.Bytes < 0 {
			return fmt.Errorf("gpu.memory[%d].bytes: %d is negative", i, p.Bytes)
		}
		if p.Busy != nil && *p.Busy < 0 {
			return fmt.Errorf("gpu.memory[%d].busy_percent: %d is negative", i, *p.Busy)
		}
	}
	for i, p := range u.Others {
		if p.Memory != nil && *p.Memory < 0 {
			return fmt.Errorf("gpu.others[%d].memory_bytes: %d is negative", i, *p.Memory)
		}
	}
	return nil
}
