package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
)

// TestSeries holds that whatever times depend on makes a series of its own,
// which says what differs.
func TestSeries(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*bench.Result)
		want   string // "" for the same series
	}{
		{"nothing", func(*bench.Result) {}, ""},
		{"another digest", func(r *bench.Result) { r.Candidates[0].Digest = "sha256:9" }, ""},
		{"another seed", func(r *bench.Result) { r.Spec.Seed = 99 }, ""},
		{"some megabytes of memory", func(r *bench.Result) { r.Host.MemoryBytes -= 9 << 20 }, ""},
		{"memory", func(r *bench.Result) { r.Host.MemoryBytes = 8 << 30 }, "memory 16.00 GiB → 8.00 GiB"},
		{"kernel", func(r *bench.Result) { r.Host.Kernel = "6.9.0" }, "kernel 6.8.0 → 6.9.0"},
		{"processor", func(r *bench.Result) { r.Host.CPU = "" }, "cpu Xeon → "},
		{"processors", func(r *bench.Result) { r.Host.CPUs = 2 }, "cpus 4 → 2"},
		{"engine", func(r *bench.Result) { r.Host.Engine = "Docker Engine 29" }, "engine Docker Engine 28.5.2 → Docker Engine 29"},
		{"storage", func(r *bench.Result) { r.Host.Storage = "btrfs" }, "storage overlay2 → btrfs"},
		{"runner", func(r *bench.Result) { r.Spec.Runner = "process" }, "runner docker → process"},
		{"cold level", func(r *bench.Result) { r.Cold.Level = bench.Cache }, "cold warm → cache"},
		{"GPU", func(r *bench.Result) {
			r.GPU = &bench.GPUs{Devices: []bench.GPUDevice{{Name: "NVIDIA H200"}}}
		}, "gpus  → NVIDIA H200"},
		{"processors given", func(r *bench.Result) { r.Candidates[0].CPUs = 0.5 }, "--cpus  → 0.5"},
		{"GPUs given", func(r *bench.Result) { r.Candidates[0].GPUs = &gpu.Request{All: true} }, "--gpus  → all"},
		{"ready rule", func(r *bench.Result) { r.Candidates[0].Ready = runner.Rule{Kind: runner.TCP} }, "--ready  → tcp"},
		{"variables", func(r *bench.Result) { r.Candidates[0].Env = runner.Env{"B=secret", "A=1"} }, "--env  → A,B"},
	} {
		t.Run(test.name, func(t *testing.T) {
			other := result(2)
			test.change(other)
			dir := t.TempDir()
			appendAll(t, dir, New(result(1), ""), New(other, ""))
			r := Look(dir, read(t, dir), Filter{Candidate: "old"}, bench.Tool{})
			if test.want == "" {
				if len(r.Series) != 1 || len(r.Series[0].Points) != 2 {
					t.Fatalf("found %d series", len(r.Series))
				}
				return
			}
			if len(r.Series) != 2 {
				t.Fatalf("found %d series, want 2", len(r.Series))
			}
			var told []string
			for _, d := range r.Series[1].Differs {
				told = append(told, d.What+" "+d.From+" → "+d.To)
			}
			if !strings.Contains(strings.Join(told, "\n"), test.want) {
				t.Errorf("found %q, want %q", told, test.want)
			}
			if r.Series[0].Differs != nil {
				t.Errorf("the first series differs from nothing: %v", r.Series[0].Differs)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	dir := t.TempDir()
	elsewhere := result(3)
	elsewhere.Host.Kernel = "7.0"
	appendAll(t, dir, New(result(1), ""), New(result(2), ""), New(elsewhere, ""))
	log := read(t, dir)
	for _, test := range []struct {
		name         string
		filter       Filter
		runs, series int
	}{
		{"all", Filter{}, 3, 4},
		{"candidate", Filter{Candidate: "new"}, 3, 2},
		{"no such candidate", Filter{Candidate: "x"}, 0, 0},
		{"since", Filter{Since: result(2).StartedAt}, 2, 4},
		{"fingerprint", Filter{Fingerprint: fingerprint(elsewhere).ID()[:6]}, 1, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Look(dir, log, test.filter, bench.Tool{})
			if len(r.Entries) != test.runs || len(r.Series) != test.series {
				t.Errorf("found %d runs in %d series, want %d and %d", len(r.Entries), len(r.Series), test.runs, test.series)
			}
		})
	}
}

// TestEnds holds what becomes of candidates that were not measured.
func TestEnds(t *testing.T) {
	failed := result(1)
	failed.Ended, failed.Starts = bench.EndedFailed, []bench.Start{{Candidate: 0, Role: bench.RoleWarmup, Outcome: runner.OutcomeTimeout}}
	if err := failed.Judge(); err != nil {
		t.Fatal(err)
	}
	e := New(failed, "")
	if !e.Candidates[0].NeverReady || e.Candidates[1].NeverReady || e.Ended != bench.EndedFailed || len(e.Comparisons) != 0 {
		t.Errorf("entry %+v", e)
	}
	never := result(2)
	for i := range never.Starts {
		if never.Starts[i].Candidate == 1 {
			never.Starts[i].ReadyMS, never.Starts[i].Outcome = nil, runner.OutcomeExited
		}
	}
	if err := never.Judge(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	appendAll(t, dir, e, New(never, ""))
	r := Look(dir, read(t, dir), Filter{}, bench.Tool{})
	if len(r.Series) != 2 || len(r.Series[0].Points) != 1 || len(r.Series[1].Points) != 2 {
		t.Fatalf("series %+v", r.Series)
	}
	if last := r.Series[0].Points[0]; last.Failed != 8 || last.Ready == nil || last.Ready.Estimate != nil {
		t.Errorf("eight failed starts are %+v", last)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "was not started in its run") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestClocks(t *testing.T) {
	line := func(n int, appended time.Duration) string {
		e := New(result(n), "")
		e.AppendedAt = began.Add(appended)
		b, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	log, err := ReadFrom(strings.NewReader(line(1, 2*time.Hour) + line(2, 3*time.Hour) + line(0, time.Hour) + line(4, 90*time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Clock{{Line: 3, BackMS: 7200e3}, {Line: 4, BackMS: 9000e3, Ahead: true}}
	if fmt.Sprint(log.Clocks) != fmt.Sprint(want) {
		t.Errorf("found %+v, want %+v", log.Clocks, want)
	}
	r := Look("h", log, Filter{}, bench.Tool{})
	if len(r.Warnings) != 2 || !strings.Contains(r.Warnings[0], "line 3: a clock went back by 2h0m0s") {
		t.Errorf("warnings %q", r.Warnings)
	}
}
