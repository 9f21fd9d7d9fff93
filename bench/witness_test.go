package bench

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// costly scripts starts that take a second and some noise: boot of new is
// 100 ms shorter, warmup takes no time at all, and it reads nothing in every
// second start, 10 MB less in the others.
func costly() *runnertest.Scripted {
	rng := rand.New(rand.NewPCG(2, 6))
	return &runnertest.Scripted{Script: func(ref string, n int) (runner.Start, error) {
		if ref == "new" && n == 5 {
			return runnertest.Failed(1), nil
		}
		noise := func() time.Duration { return time.Duration(1e6 * rng.NormFloat64()) }
		boot, read := 800*time.Millisecond+noise(), int64(30e6)
		if ref == "new" {
			boot -= 100 * time.Millisecond
			read = int64(n%2) * 20e6
		}
		s := runner.Start{Outcome: runner.OutcomeReady, Health: "/health", Marks: make(runner.Marks)}
		at := 50*time.Millisecond + noise()
		s.Marks[runner.Created] = runner.Mark{At: at}
		at += 150*time.Millisecond + noise()
		s.Marks[runner.Started] = runner.Mark{At: at}
		at += boot
		s.Marks[runner.Listening], s.Marks[runner.Ready] = runner.Mark{At: at}, runner.Mark{At: at}
		s.ReadBytes, s.PeakMemory = &read, new(int64(5e6))
		return s, nil
	}}
}

// Every phase and cost that is known is compared, in the pairs of which both
// starts were ready; none has a verdict.
func TestWitnesses(t *testing.T) {
	r, err := experiment(costly(), func(s *Spec) { s.Pairs = 24 }, "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var metrics []string
	for _, c := range r.Comparisons {
		metrics = append(metrics, c.Metric)
		if c.Metric == MetricReady {
			continue
		}
		if c.Pairs != 23 || c.Verdict != "" || c.Level != r.Comparisons[0].Level {
			t.Errorf("%+v", c)
		}
		if (c.Shift == nil) != IsTime(c.Metric) || IsTime(c.Metric) == math.IsInf(c.ShiftMS.Estimate, 0) {
			t.Errorf("%s: shift %+v, in milliseconds %+v", c.Metric, c.Shift, c.ShiftMS)
		}
	}
	if want := []string{"ready", "engine_floor", "create", "start", "boot", "warmup", "read_bytes", "peak_memory_bytes"}; !reflect.DeepEqual(metrics, want) {
		t.Fatalf("compared by %q, want %q", metrics, want)
	}
	within := func(c Change, low, high float64) bool {
		return c.Low <= c.Estimate && c.Estimate <= c.High && c.Low > low && c.High < high
	}
	of := func(metric string) Comparison { return r.On(metric)[0] }
	if c := of("boot"); !within(c.ShiftMS, -102, -98) || !within(c.Change, -0.13, -0.12) {
		t.Errorf("boot: %+v", c)
	}
	for _, metric := range []string{"create", "start", MetricFloor} {
		if c := of(metric); !within(c.ShiftMS, -2, 2) || c.ShiftMS.Low > 0 || c.ShiftMS.High < 0 {
			t.Errorf("%s: %+v", metric, c)
		}
	}
	if c := of("warmup"); c.ShiftMS != (Change{}) || c.Change != unknownChange {
		t.Errorf("warmup: %+v", c)
	}
	if c := of(MetricReadBytes); !within(*c.Shift, -31e6, -9e6) || c.Change != unknownChange {
		t.Errorf("read: %+v", c)
	}
	if c := of(MetricPeakMemory); *c.Shift != (Change{}) || c.Change != (Change{}) {
		t.Errorf("peak memory: %+v", c)
	}

	var file bytes.Buffer
	if err := r.Write(&file); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(file.String(), `"shift_ms": {
    "estimate": null,`) {
		t.Error("a shift that is no time is written as one")
	}
	again, err := Read(&file, "r.json")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Comparisons, r.Comparisons) {
		t.Errorf("read again:\n%+v\nwas:\n%+v", again.Comparisons, r.Comparisons)
	}
}

// Before the first look there are estimates and no intervals.
func TestWitnessesBeforeALook(t *testing.T) {
	r, err := experiment(costly(), func(s *Spec) { s.Pairs = 1 }, "old", "new").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := r.On("boot")[0]; c.Pairs != 1 || math.Abs(c.ShiftMS.Estimate+100) > 5 || !math.IsInf(c.ShiftMS.Low, -1) || !math.IsInf(c.ShiftMS.High, 1) {
		t.Errorf("%+v", c)
	}
}

// A level that is contradicted by what starts read from disk is warned of.
func TestColdWarnings(t *testing.T) {
	for _, test := range []struct {
		name  string
		level ColdLevel
		stays int64 // -1 where it cannot be counted
		read  int64 // -1 where it is not known
		want  string
	}{
		{"warm", Warm, 0, 1e6, ""},
		{"warm, not known", Warm, 0, -1, ""},
		{"warm, and much is read", Warm, 0, 12e6, "new was not quite warm: its starts read 12 MB from disk (median)"},
		{"cold", Cache, 0, 105e6, ""},
		{"cold, not known", Cache, 0, -1, ""},
		{"cold, and little is read", Cache, 0, 3e6, "new read 3 % of the 100 MB that a start touches"},
		{"cold, not proved", Cache, -1, 3e6, ""},
		{"cold, not proved, and nothing is read", Cache, -1, 0, "new read nothing from disk"},
		{"cold, and nothing had to be read", Cache, 95e6, 0, "new was not quite cold: up to 95 MB of the 100 MB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &runnertest.Scripted{Evictable: true, Provable: test.stays >= 0, Stays: test.stays, Script: func(string, int) (runner.Start, error) {
				s := runnertest.ReadyIn(time.Second)
				if test.read >= 0 {
					s.ReadBytes = &test.read
				}
				return s, nil
			}}
			result, err := experiment(r, func(s *Spec) { s.Cold, s.Pairs = test.level, 2 }, "old", "new").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			warned := ""
			for _, w := range result.Warnings {
				if strings.HasPrefix(w, "new was not quite") || strings.HasPrefix(w, "new read") {
					warned += w
				}
			}
			if !strings.HasPrefix(warned, test.want) || (warned == "") != (test.want == "") {
				t.Errorf("warned %q, want %q", warned, test.want)
			}
		})
	}
}
