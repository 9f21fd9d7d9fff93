package bench

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"mlbench/runner/runnertest"
	"mlbench/stats"
)

var equal = map[string]time.Duration{"a": time.Second, "b": time.Second, "c": time.Second}

func stepping(s *Spec) { s.Steps = true }

// TestSteps: each candidate against the one before it, with the intervals of the
// looks at which the run looked, and no other verdict than without them.
func TestSteps(t *testing.T) {
	base := map[string]time.Duration{"a": time.Second, "b": 900 * time.Millisecond, "c": 500 * time.Millisecond}
	for _, test := range []struct {
		name string
		edit func(*Spec)
	}{
		{"sequential", stepping},
		{"fixed", func(s *Spec) { s.Steps, s.Pairs = true, 20 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := experiment(&runnertest.Scripted{Script: noisyBy(0.03, 5, base)}, test.edit, "a", "b", "c").Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			schedule, err := r.Spec.schedule(2)
			if err != nil || len(r.Steps) != 2 {
				t.Fatalf("%d steps, %v", len(r.Steps), err)
			}
			blocks := r.blocks(RolePair)
			for i, s := range r.Steps {
				var logs []float64
				for _, b := range blocks {
					logs = append(logs, math.Log(b[i+1].Time())-math.Log(b[i].Time()))
				}
				var want stats.Interval
				for k, look := range schedule.Looks {
					if look.N > len(logs) {
						break
					}
					now := stats.HodgesLehmann(logs[:look.N], look.C)
					if want = now.Within(want); k == 0 {
						want = now
					}
				}
				if s.Baseline != i || s.Candidate != i+1 || s.Pairs != len(blocks) || s.Level != 0.975 || s.Change != relative(want) {
					t.Errorf("%+v, want a change of %+v in %d blocks", s, relative(want), len(blocks))
				}
				if s.SizeBytes == nil || *s.SizeBytes != 0 {
					t.Errorf("size changed by %v", s.SizeBytes)
				}
			}
			// The first step is the first comparison.
			if c := r.Comparisons[0]; r.Steps[0].Change != c.Change || r.Steps[0].ShiftMS != c.ShiftMS {
				t.Errorf("%+v, and compared %+v", r.Steps[0], c)
			}
			truth := 500.0/900 - 1
			if s := r.Steps[1]; s.Change.Low > truth || s.Change.High < truth {
				t.Errorf("%+v does not hold %.3f", s, truth)
			}
			sameWhenReadAgain(t, r)
			without := *r
			without.Spec.Steps = false
			if err := without.Judge(); err != nil || without.Steps != nil || !reflect.DeepEqual(without.Gates, r.Gates) || !reflect.DeepEqual(without.Comparisons, r.Comparisons) {
				t.Errorf("without steps: %+v, %v", without.Steps, err)
			}
		})
	}
}

// TestStepsUseWhatBothHave: of a block that was broken off a step has no pair
// unless both of its candidates were started; a size that is not known is not 0.
func TestStepsUseWhatBothHave(t *testing.T) {
	r, err := experiment(&runnertest.Scripted{Script: noisy(1, equal)}, func(s *Spec) { s.Steps, s.Pairs = true, 6 }, "a", "b", "c").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Candidates[0].UnpackedBytes = nil
	r.Starts = slices.DeleteFunc(r.Starts, func(s Start) bool { return s.Role == RolePair && s.Block == 5 && s.Candidate == 0 })
	if err := r.Judge(); err != nil {
		t.Fatal(err)
	}
	if first, second := r.Steps[0], r.Steps[1]; first.Pairs != 5 || second.Pairs != 6 || first.SizeBytes != nil || second.SizeBytes == nil {
		t.Errorf("%+v\n%+v", first, second)
	}
	sameWhenReadAgain(t, r)
}

// TestNoSteps where there is one candidate, or one comparison.
func TestNoSteps(t *testing.T) {
	for _, names := range [][]string{{"a"}, {"a", "b"}} {
		r, err := experiment(&runnertest.Scripted{Script: noisy(1, equal)}, func(s *Spec) { s.Steps, s.Pairs = true, 6 }, names...).Run(t.Context())
		var b bytes.Buffer
		if err := errors.Join(err, r.Write(&b)); err != nil || r.Steps != nil || bytes.Contains(b.Bytes(), []byte(`"steps": [`)) {
			t.Errorf("%q: %+v, %v", names, r.Steps, err)
		}
	}
}

// TestNoFalseStep: of identical images some step is told in at most 5 % of the runs,
// although it is the comparisons that end them.
func TestNoFalseStep(t *testing.T) {
	const repetitions = 150
	script := noisyBy(0.04, 9, equal)
	claimed := 0
	for i := range repetitions {
		r, err := experiment(&runnertest.Scripted{Script: script}, func(s *Spec) { s.Seed, s.Cold, s.Steps = uint64(i), Warm, true }, "a", "b", "c").Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Change.Low > 0 || s.Change.High < 0 }) {
			claimed++
		}
	}
	// 5 % and three standard deviations of that many runs.
	if most := repetitions * (0.05 + 3*math.Sqrt(0.05*0.95/repetitions)); float64(claimed) > most {
		t.Errorf("told in %d of %d runs", claimed, repetitions)
	}
}
