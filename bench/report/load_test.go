package report

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
)

// serving is what candidates answer under load.
type serving struct {
	perSecond map[string]float64 // by Ref; 200 if not named
	rate      int                // that is asked for
	dies      string             // the Ref of one that ends in the middle
	problem   string             // what every tenth request gets of all but the first
	busy      int                // percent of the GPUs; 0 for none
}

// under has an experiment load its candidates.
func (f *serving) under(e *bench.Experiment) {
	e.Spec.LoadMS, e.Spec.Connections, e.Spec.Rate = 10_000, bench.DefaultConnections, f.rate
	for i := range e.Candidates {
		e.Candidates[i].Request = &runner.Request{Method: "POST", Path: "/" + e.Candidates[i].Ref}
	}
	rng := rand.New(rand.NewPCG(5, 1))
	e.Load = func(_ context.Context, _ string, r runner.Request, l runner.Load) (runner.Throughput, error) {
		ref := r.Path[1:]
		n, ok := f.perSecond[ref]
		if !ok {
			n = 200
		}
		n *= math.Exp(0.02 * rng.NormFloat64())
		p50 := time.Duration(float64(l.Connections) / n * float64(time.Second))
		p99 := p50 * 3 / 2
		t := runner.Throughput{Begin: time.Now(), PerSecond: math.Round(n), P50: &p50, P99: &p99, Cut: ref == f.dies}
		for range l.Seconds {
			s := runner.Second{Requests: int(math.Round(n)), Successes: int(math.Round(n)), P50: &p50, P99: &p99}
			if f.problem != "" && ref != "0" {
				s.Successes -= 20
				t.Errors = []runner.Problem{{What: f.problem, Count: 20 * l.Seconds}}
			}
			t.Seconds = append(t.Seconds, s)
		}
		return t, nil
	}
}

// onGPU puts a start on a GPU.
func (f *serving) onGPU(s *runner.Start) {
	s.BeginAt = time.Now()
	s.GPU = &gpu.Use{Source: gpu.ByProcess, Peak: 5e9, Points: []gpu.Point{{At: s.BeginAt, Memory: 5e9, Busy: &f.busy}}, Samples: 9, Every: gpu.SampleEvery}
}
