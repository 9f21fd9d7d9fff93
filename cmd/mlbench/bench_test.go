package main

import (
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// BenchmarkOverhead measures what the harness adds to what it measures: the
// wall time of a whole comparison at level warm, against the sum of start and
// stop of its containers.
func BenchmarkOverhead(b *testing.B) {
	needEngine(b)
	image := fixtureImage(b, "one", "EXPOSE 8080")
	var wall, containers time.Duration
	for b.Loop() {
		begin := time.Now()
		r := compareImages(b, image, 300*time.Millisecond, 300*time.Millisecond, func(s *bench.Spec) { s.Pairs = 8 })
		wall += time.Since(begin)
		for _, s := range r.Starts {
			containers += time.Duration((s.Time() + s.StopMS) * float64(time.Millisecond))
		}
	}
	b.ReportMetric(float64(wall)/float64(containers), "wall/containers")
	b.ReportMetric(0, "ns/op") // how long the server sleeps is not the question
}

// BenchmarkInjected compares containers whose server sleeps, after adding a
// share of the whole time to ready to one of them, and reports how often which
// verdict came, and after how many pairs.
func BenchmarkInjected(b *testing.B) {
	needEngine(b)
	image := fixtureImage(b, "one", "EXPOSE 8080")
	const sleeps = time.Second
	alone := compareImages(b, image, sleeps, sleeps, func(s *bench.Spec) { s.Pairs = 4 })
	whole := time.Duration(alone.Summary(0).Ready.Estimate * float64(time.Millisecond))
	for _, injected := range []struct {
		name  string
		share float64
	}{
		{"plus-15-percent", 0.15}, {"minus-15-percent", -0.15}, {"plus-2-percent", 0.02}, {"nothing", 0},
	} {
		b.Run(injected.name, func(b *testing.B) {
			verdicts := make(map[bench.Verdict]int)
			pairs, n := 0, 0
			for b.Loop() {
				r := compareImages(b, image, sleeps, sleeps+time.Duration(injected.share*float64(whole)), nil)
				verdicts[r.Comparisons[0].Verdict]++
				pairs += r.Comparisons[0].Pairs
				n++
			}
			for _, v := range []bench.Verdict{bench.Regression, bench.Slower, bench.NoRegression, bench.Faster, bench.Undecided} {
				b.ReportMetric(float64(verdicts[v])/float64(n), string(v))
			}
			b.ReportMetric(float64(pairs)/float64(n), "pairs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// compareImages compares one image with itself, its server listening after
// different times.
func compareImages(b *testing.B, image string, before, after time.Duration, edit func(*bench.Spec)) *bench.Result {
	b.Helper()
	r, err := newRunner("docker", docker.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	candidate := func(name string, listen time.Duration) runner.Candidate {
		return runner.Candidate{Name: name, Ref: image, Health: "/healthz", Args: []string{"-listen-after", listen.String()}}
	}
	spec := bench.DefaultSpec()
	spec.Cold = bench.Warm
	spec.Seed = uint64(time.Now().UnixNano()) & bench.MaxSeed
	if edit != nil {
		edit(&spec)
	}
	result, err := bench.Experiment{
		Spec: spec, Runner: r, Candidates: []runner.Candidate{candidate("old", before), candidate("new", after)},
	}.Run(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return result
}
