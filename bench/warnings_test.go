package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// warned is the one warning with this in it; "" for none.
func warned(t *testing.T, r *Result, part string) string {
	t.Helper()
	found := ""
	for _, w := range r.Warnings {
		if strings.Contains(w, part) {
			if found != "" {
				t.Errorf("twice: %q and %q", found, w)
			}
			found = w
		}
	}
	return found
}

// TestClusterWarning: misses that follow each other are told of, those that
// come one by one are not.
func TestClusterWarning(t *testing.T) {
	for _, test := range []struct {
		name   string
		missed func(n int) bool // whether the nth start misses the target
		gates  bool
		want   string
	}{
		{"in a row", func(n int) bool { return n > 20 && n <= 26 }, true, "new: misses of the target come in clusters (autocorrelation 0.8): "},
		{"one by one", func(n int) bool { return n%7 == 0 }, true, ""},
		{"none", func(int) bool { return false }, true, ""},
		{"all", func(int) bool { return true }, true, ""},
		{"nobody asked", func(n int) bool { return n > 20 && n <= 26 }, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &runnertest.Scripted{Script: func(ref string, n int) (runner.Start, error) {
				if ref == "new" && test.missed(n) {
					return runnertest.ReadyIn(3 * time.Second), nil
				}
				return runnertest.ReadyIn(500*time.Millisecond + time.Duration(n)*time.Microsecond), nil
			}}
			result, err := experiment(r, func(s *Spec) { s.Pairs, s.TargetGates = 40, test.gates }, "old", "new").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := warned(t, result, "clusters"); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestModesWarning: where something recorded tells slow starts from fast ones
// it is named, and nothing else is.
func TestModesWarning(t *testing.T) {
	for _, test := range []struct {
		name  string
		edit  func(*Spec)
		slow  func(s *runner.Start, cpu time.Duration) // what a slow start says
		want  []string
		never []string
	}{
		{"waiting", nil, func(s *runner.Start, cpu time.Duration) { w := cpu / 2; s.CPUWait = &w },
			[]string{": the slow ones waited for a processor for 50 % of their CPU time, the fast ones for 1 % (this is adjusted for)"}, []string{"hypervisor"}},
		{"waiting, times alone", func(s *Spec) { s.NoCovariate = true }, func(s *runner.Start, cpu time.Duration) { w := cpu / 2; s.CPUWait = &w },
			[]string{"the fast ones for 1 % (this is not adjusted for)"}, []string{"hypervisor"}},
		{"the hypervisor", nil, func(s *runner.Start, cpu time.Duration) { w := cpu / 5; s.Steal = &w },
			[]string{": the hypervisor took 20 % of their CPU time from the slow ones, 1 % from the fast ones (this is adjusted for)"}, []string{"waited"}},
		{"both", nil, func(s *runner.Start, cpu time.Duration) { w := cpu / 2; s.CPUWait, s.Steal = &w, &w },
			[]string{": the slow ones waited ", "; the hypervisor took "}, nil},
		{"nothing recorded", nil, func(*runner.Start, time.Duration) {},
			[]string{"one median hides that: its starts take different paths"}, []string{"slow ones", "hypervisor"}},
		{"the wrong way round", nil, func(s *runner.Start, _ time.Duration) { w := time.Duration(0); s.CPUWait = &w },
			[]string{"one median hides that: its starts take different paths"}, []string{"slow ones", "hypervisor"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(4, 1))
			r := &runnertest.Scripted{Script: func(string, int) (runner.Start, error) {
				noise := func(d time.Duration) time.Duration {
					return time.Duration(float64(d) * math.Exp(0.01*rng.NormFloat64()))
				}
				cpu := noise(time.Second)
				little := noise(cpu / 100)
				slow := rng.IntN(2) == 0
				s := runnertest.ReadyIn(noise(1100 * time.Millisecond))
				if slow {
					s = runnertest.ReadyIn(noise(1600 * time.Millisecond))
				}
				s.CPU, s.CPUWait, s.Steal = &cpu, &little, &little
				if slow {
					test.slow(&s, cpu)
				}
				return s, nil
			}}
			result, err := experiment(r, func(s *Spec) {
				if s.Pairs = 30; test.edit != nil {
					test.edit(s)
				}
			}, "old", "new").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := warned(t, result, "new: its times fall into several groups")
			for _, part := range test.want {
				if !strings.Contains(got, part) {
					t.Errorf("no %q in %q", part, got)
				}
			}
			for _, part := range test.never {
				if strings.Contains(got, part) {
					t.Errorf("%q in %q", part, got)
				}
			}
		})
	}
}

// TestResidentTellsModes: what is in memory before a start is a cause too.
func TestResidentTellsModes(t *testing.T) {
	r := &Result{Spec: DefaultSpec(), Candidates: []runner.Candidate{{Name: "only"}}}
	for i := range 30 {
		ms, resident := 1000+float64(i), 0.95
		if i%3 == 0 {
			ms, resident = 2000+float64(i), 0.05
		}
		r.Starts = append(r.Starts, Start{Role: RoleTarget, Block: i, Outcome: runner.OutcomeReady, ReadyMS: &ms, Resident: &resident})
	}
	want := ": the slow ones found 5 % of their files in memory, the fast ones 95 %"
	if w := r.modesWarning(0); len(w) != 1 || !strings.HasSuffix(w[0], want) {
		t.Errorf("%q, want %q at the end", w, want)
	}
}

func TestSlowFrom(t *testing.T) {
	for _, test := range []struct {
		times []float64
		want  float64
	}{
		{[]float64{10, 11, 12, 30, 31, 32}, 30},
		{[]float64{31, 10, 30, 12, 32, 11}, 30},
		{[]float64{10, 11, 12, 13, 30, 31, 32, 60}, 30}, // the largest gap is before the outlier
		{[]float64{1, 2}, 2},
	} {
		if got := slowFrom(test.times); got != test.want {
			t.Errorf("%v: slow from %v, want %v", test.times, got, test.want)
		}
	}
}

// TestNoiseFloor: one image under two names says what can be told on a host.
func TestNoiseFloor(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	script := func(string, int) (runner.Start, error) {
		return runnertest.ReadyIn(time.Duration(1e9 * math.Exp(0.04*rng.NormFloat64()))), nil
	}
	run := func(pairs int) *Result {
		e := experiment(&runnertest.Scripted{Script: script}, func(s *Spec) { s.Pairs = pairs }, "image", "image")
		e.Candidates[1].Name = "image (again)"
		r, err := e.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run(100)
	floor := r.noiseFloor(1)
	var noise, least float64
	var of int
	const form = "; one start varies by %f %% (standard deviation in pairs), and %d pairs find a change of %f %% in 8 of 10 runs"
	if _, err := fmt.Sscanf(floor, form, &noise, &of, &least); err != nil {
		t.Fatalf("%q: %v", floor, err)
	}
	// 4 % of noise; a difference has √2 of it, of which 100 pairs leave 1/10,
	// and 9 of 10 runs find 1.96 + 1.28 of that: 1.8 %.
	if noise < 3 || noise > 5 || of != 100 || least < 1.4 || least > 2.3 {
		t.Errorf("noise %v, %d pairs tell %v: %q", noise, of, least, floor)
	}
	if got := warned(t, r, "same image"); got != "image and image (again) are the same image: any difference between them is noise"+floor {
		t.Errorf("%q", got)
	}
	if got := run(1).noiseFloor(1); got != "" {
		t.Errorf("of one pair: %q", got)
	}
}

// TestOrderWarning reads well with one candidate and with several.
func TestOrderWarning(t *testing.T) {
	for _, test := range []struct {
		names []string
		want  []string
	}{
		{[]string{"old", "new"}, []string{"running first in a pair makes a start 20 % longer (p < 0.0001): the order is drawn"}},
		{[]string{"old", "new", "newer"}, []string{"running first in a pair makes a start ", " with new and ", " with newer: the order is drawn"}},
	} {
		rng := rand.New(rand.NewPCG(2, 1))
		starts := 0
		r := &runnertest.Scripted{Script: func(string, int) (runner.Start, error) {
			base := time.Second
			// After as many warm-up starts, each block begins with one start.
			if starts++; (starts-1)%len(test.names) == 0 {
				base = 1200 * time.Millisecond
			}
			return runnertest.ReadyIn(time.Duration(float64(base) * math.Exp(0.01*rng.NormFloat64()))), nil
		}}
		result, err := experiment(r, func(s *Spec) { s.Pairs = 40 }, test.names...).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := warned(t, result, "running first")
		for _, part := range test.want {
			if !strings.Contains(got, part) {
				t.Errorf("no %q in %q", part, got)
			}
		}
	}
}

// TestCovariateWarnings: one line for all candidates of which the same holds.
func TestCovariateWarnings(t *testing.T) {
	use := func(name string, by float64) CovariateUse {
		return CovariateUse{Name: name, Imbalance: Change{by, by - 0.01, by + 0.01}}
	}
	r := &Result{Candidates: []runner.Candidate{{Name: "old"}, {Name: "a"}, {Name: "b"}, {Name: "c"}}, Comparisons: []Comparison{
		{Candidate: 1, Metric: MetricReady, Covariates: []CovariateUse{use(CovariateCPUWait, 0.5), use(CovariateResident, -0.3)}},
		{Candidate: 2, Metric: MetricReady, Covariates: []CovariateUse{use(CovariateCPUWait, 0.4)}},
		{Candidate: 3, Metric: MetricReady, Covariates: []CovariateUse{use(CovariateCPUWait, -0.5), {Name: CovariateSteal, Used: true}, {Name: CovariateProbe, Why: "told better"}}},
	}}
	want := []string{
		"starts of a and b wait for processors for longer than those of old, ",
		"starts of a differ from those of old in the share of its files in memory: ",
		"starts of c wait for processors for less long than those of old, ",
	}
	got := r.covariateWarnings()
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}

// TestSourceWarning: starts that were watched in different ways are told of.
func TestSourceWarning(t *testing.T) {
	for _, test := range []struct {
		name   string
		source func(n int) string
		want   string
	}{
		{"one way", func(int) string { return "listen-event" }, ""},
		{"another in the unmeasured start", func(n int) string {
			if n == 0 {
				return "connect"
			}
			return "listen-event"
		}, ""},
		{"two ways", func(n int) string {
			if n == 5 {
				return "connect"
			}
			return "listen-event"
		}, "connect 2 and listen-event 14"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &runnertest.Scripted{Script: func(_ string, n int) (runner.Start, error) {
				s := runnertest.ReadyIn(time.Second)
				m := s.Marks[runner.Listening]
				m.Source = test.source(n)
				s.Marks[runner.Listening] = m
				return s, nil
			}}
			result, err := experiment(r, func(s *Spec) { s.Pairs = 8 }, "old", "new").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := warned(t, result, "watched"); !strings.HasSuffix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
