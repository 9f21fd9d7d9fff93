package report

import (
	"testing"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
)

// TestMarker: the same comment from push to push, another for what else is measured.
func TestMarker(t *testing.T) {
	of := func(runnerName string, names ...string) *bench.Result {
		r := &bench.Result{Spec: bench.DefaultSpec()}
		r.Spec.Runner = runnerName
		for _, name := range names {
			r.Candidates = append(r.Candidates, runner.Candidate{Name: name})
		}
		return r
	}
	first := Marker(of("docker", "localhost:5000/team/service:1", "localhost:5000/team/service:2"))
	for _, same := range []*bench.Result{
		of("docker", "localhost:5000/team/service:1", "localhost:5000/team/service:3"),
		of("docker", "localhost:5000/team/service@sha256:12", "localhost:5000/team/service:1 (again)"),
		of("docker", "localhost:5000/team/service:1@sha256:12", "localhost:5000/team/service"),
	} {
		if got := Marker(same); got != first {
			t.Errorf("%v is %s, want %s", same.Candidates, got, first)
		}
	}
	onGPU, warm := of("docker", "localhost:5000/team/service:1", "localhost:5000/team/service:2"), of("docker", "localhost:5000/team/service:1", "localhost:5000/team/service:2")
	onGPU.Candidates[0].GPUs = &gpu.Request{All: true}
	warm.Spec.Cold = bench.Warm
	seen := map[string]bool{first: true}
	for _, other := range []*bench.Result{
		of("docker", "localhost:5000/team/other:1", "localhost:5000/team/service:2"),
		of("docker", "localhost:5000/team/service:1"),
		of("docker", "localhost:5000/team/service:1", "localhost:5000/team/service:1", "localhost:5000/team/service:1"),
		of("process", "python3 a.py :1", "python3 a.py :2"), of("process", "python3 a.py :1", "python3 a.py :3"),
		of("docker", "ab", "c"), of("docker", "a", "bc"),
		onGPU, warm,
	} {
		if got := Marker(other); seen[got] {
			t.Errorf("%v has the marker of another: %s", other.Candidates, got)
		} else {
			seen[got] = true
		}
	}
}
