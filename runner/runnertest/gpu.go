package runnertest

import (
	"time"

	"mlbench/gpu"
	"mlbench/runner"
)

// Shape is what a scripted start has of the GPUs. Moments are since its begin;
// 0 is never.
type Shape struct {
	Source           gpu.Source // ByProcess if not said
	Context, Plateau time.Duration
	Ready            *int64
	Peak             int64
	Others           []gpu.Process
	Problems         []string
	Every            time.Duration // gpu.SampleEvery if not said
	CPU              time.Duration // of the readings; 1 % of the time if not said
}

// OnGPU is the start with what was seen of it on the GPUs.
func OnGPU(s runner.Start, shape Shape) runner.Start {
	if s.BeginAt.IsZero() {
		s.BeginAt = time.Now()
	}
	if s.Marks == nil {
		s.Marks = make(runner.Marks)
	}
	if shape.Source == "" {
		shape.Source = gpu.ByProcess
	}
	if shape.Every == 0 {
		shape.Every = gpu.SampleEvery
	}
	const samples = 100
	if shape.CPU == 0 {
		shape.CPU = samples * shape.Every / 100
	}
	moment := func(at time.Duration) *gpu.Moment {
		if at == 0 {
			return nil
		}
		return &gpu.Moment{At: s.BeginAt.Add(at), Gap: shape.Every}
	}
	u := &gpu.Use{
		Source: shape.Source, Context: moment(shape.Context), Plateau: moment(shape.Plateau), Ready: shape.Ready, Peak: shape.Peak,
		Others: shape.Others, Samples: samples, Every: shape.Every, CPU: shape.CPU, Problems: shape.Problems,
	}
	if shape.Context > 0 {
		u.Points = append(u.Points, gpu.Point{At: s.BeginAt.Add(shape.Context)})
	}
	if shape.Plateau > 0 {
		u.Points = append(u.Points, gpu.Point{At: s.BeginAt.Add(shape.Plateau), Memory: shape.Peak})
	}
	s.RecordGPU(u)
	return s
}
