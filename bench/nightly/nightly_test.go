package nightly

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/runner"
)

// A world is a host on which images take as long as they say, but for noise.
type world struct {
	t      *testing.T
	dir    string
	rng    *rand.Rand
	now    time.Time
	times  map[string]float64 // milliseconds by Ref, of images that are there
	digest map[string]string  // of names, where they are not their Ref
	kernel string
	fails  map[string]bool
	never  string // the Ref of what is not even ready in its unmeasured start

	measured [][]string // the Refs of each experiment
	before   func()     // each
	full     error      // why no result can be kept
	notes    []string
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, dir: t.TempDir(), rng: rand.New(rand.NewPCG(1, 2)), now: time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC),
		times: map[string]float64{"reference": 100, "svc": 300}, digest: map[string]string{}, kernel: "6.8", fails: map[string]bool{},
	}
}

const noise = 0.04

func (w *world) measure(ctx context.Context, spec bench.Spec, candidates []runner.Candidate) (*bench.Result, error) {
	if w.before != nil {
		w.before()
	}
	var refs []string
	r := &bench.Result{
		Schema: bench.Schema, Spec: spec, StartedAt: w.now, Ended: bench.EndedFixed, Cold: bench.Cold{Level: bench.Warm},
		Host: runner.Host{Engine: "test", Kernel: w.kernel}, Warnings: []string{},
	}
	for _, c := range candidates {
		refs = append(refs, c.Ref)
	}
	w.measured = append(w.measured, refs)
	for _, c := range candidates {
		if _, there := w.times[c.Ref]; !there {
			return r, runner.As(runner.ErrEnvironment, fmt.Errorf("image %s is not here and cannot be pulled", c.Ref))
		}
		if c.Digest = w.digest[c.Ref]; c.Digest == "" {
			c.Digest = "sha256:" + c.Ref
		}
		r.Candidates = append(r.Candidates, c)
	}
	for i, c := range candidates {
		if w.never == c.Ref {
			r.Ended = bench.EndedFailed
			r.Starts = append(r.Starts, bench.Start{Candidate: i, Role: bench.RoleWarmup, BeginAt: w.now, Outcome: runner.OutcomeExited})
			return r, errors.Join(r.Judge(), runner.As(runner.ErrEnvironment, &bench.NeverReadyError{Candidate: c.Name, Problem: "it exits", Log: []string{"no model"}}))
		}
	}
	pairs := spec.Pairs
	if pairs == 0 {
		pairs = spec.MaxPairs // as if it never decided: the same verdicts with more pairs
	}
	for block := range pairs {
		for i, c := range candidates {
			if ctx.Err() != nil {
				r.Ended = bench.EndedInterrupted
				return r, errors.Join(r.Judge(), context.Cause(ctx))
			}
			s := bench.Start{Candidate: i, Role: bench.RolePair, Block: block, Position: i, BeginAt: w.now.Add(time.Duration(block) * time.Second), Outcome: runner.OutcomeReady}
			if ms := w.times[c.Ref] * math.Exp(noise*w.rng.NormFloat64()); !w.fails[c.Ref] {
				s.ReadyMS, s.PhasesMS = &ms, map[string]float64{"create": 10, "start": 20, "boot": ms - 50, "warmup": 20}
			} else {
				s.Outcome = runner.OutcomeExited
			}
			r.Starts = append(r.Starts, s)
		}
	}
	return r, r.Judge()
}

// night is the next one.
func (w *world) night(ctx context.Context, names ...string) (*Report, error) {
	w.now = w.now.Add(24 * time.Hour)
	w.measured = nil
	n := Night{
		Dir: w.dir, Spec: bench.DefaultSpec(), Detector: DefaultDetector(), Measure: w.measure, Note: func(line string) { w.notes = append(w.notes, line) },
		Keep: func(r *bench.Result, name string) (string, error) {
			if w.full != nil {
				return "", w.full
			}
			return filepath.Join(w.dir, "results", name), nil
		},
		Repeat: func(old, candidate string, seed uint64, pairs int) []string {
			return []string{"compare", old, candidate, fmt.Sprint(seed), fmt.Sprint(pairs)}
		},
	}
	n.Spec.Pairs, n.Spec.MaxPairs, n.Spec.Seed = DefaultPairs, DefaultMaxPairs, 7
	if len(names) == 0 {
		names = []string{"reference", "svc"}
	}
	for _, name := range names {
		n.Candidates = append(n.Candidates, runner.Candidate{Name: name, Ref: name})
	}
	return n.Run(ctx)
}

// nights are so many of them, in which nothing is to be told of.
func (w *world) nights(count int) {
	w.t.Helper()
	for i := range count {
		r, err := w.night(w.t.Context())
		if err != nil || r.Verdict != bench.Pass || len(r.Candidates) != 1 {
			w.t.Fatalf("night %d: %+v, %v", i+1, r, err)
		}
	}
}

// release has the tag name another image, and keeps the one before by its digest.
func (w *world) release(by float64, keep bool) (digest string) {
	was := w.digest["svc"]
	if was == "" {
		was = "sha256:svc"
	}
	if keep {
		w.times[was], w.digest[was] = w.times["svc"], was
	}
	digest = fmt.Sprintf("sha256:%d", len(w.times)+len(w.digest)+100)
	w.times["svc"] *= by
	w.digest["svc"] = digest
	return digest
}

// told is the first change that is told of in so many nights, and in which.
func (w *world) told(most int) (*Report, history.Change, int) {
	w.t.Helper()
	for n := 1; n <= most; n++ {
		r, err := w.night(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if len(r.Changes) > 0 {
			return r, r.Changes[0], n
		}
	}
	w.t.Fatalf("nothing told in %d nights", most)
	return nil, history.Change{}, 0
}

func TestStepIsToldOnce(t *testing.T) {
	w := newWorld(t)
	w.nights(15)
	digest := w.release(1.1, true)
	r, c, nights := w.told(3)
	v := c.Verification
	if r.Verdict != bench.Fail || c.State != history.SlowDown || v == nil || v.Against != history.AgainstOld || v.Old != "sha256:svc" || v.Verdict != bench.Regression {
		t.Fatalf("after %d nights %+v, verified by %+v", nights, c, v)
	}
	if got := *v.Change.Estimate; math.Abs(got-0.1) > 0.03 {
		t.Errorf("by %v, want 0.1", got)
	}
	if c.Before.Digest != "sha256:svc" || c.After.Digest != digest || c.Nights != nights {
		t.Errorf("between %+v and %+v, %d nights", c.Before, c.After, c.Nights)
	}
	if v.Phase == nil || v.Phase.Name != "boot" || v.Phase.Share < 0.9 {
		t.Errorf("in phase %+v", v.Phase)
	}
	if strings.Join(v.Command[:3], " ") != "compare sha256:svc svc" || r.Candidates[0].State != State(history.SlowDown) {
		t.Errorf("repeated by %q, %+v", v.Command, r.Candidates[0])
	}
	if _, err := os.Stat(filepath.Join(w.dir, "history.jsonl")); err != nil {
		t.Error(err)
	}
	// And never again.
	for range 20 {
		r, err := w.night(t.Context())
		if err != nil || r.Verdict != bench.Pass {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

func TestWhatChangesAreVerifiedBy(t *testing.T) {
	for _, tt := range []struct {
		name    string
		by      float64
		keep    bool
		digest  bool // another
		against history.Against
		why     string
		want    history.State
		verdict bench.GateVerdict
	}{
		{"speed-up", 0.85, true, true, history.AgainstOld, "", history.SpeedUp, bench.Pass},
		{"slow-down within the margin", 1.027, true, true, history.AgainstOld, "", history.SlightSlowDown, bench.Pass},
		{"old image gone", 1.15, false, true, history.AgainstReference, "what it was (sha256:svc) cannot be measured any more: image sha256:svc is not here", history.SlowDown, bench.Fail},
		{"the same image", 1.15, false, false, history.AgainstReference, "the image is the same as before the change: what changed is outside of it", history.SlowDown, bench.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.nights(15)
			w.release(tt.by, tt.keep)
			if !tt.digest {
				delete(w.digest, "svc")
			}
			r, c, _ := w.told(20)
			if c.State != tt.want || r.Verdict != tt.verdict || c.Verification.Against != tt.against || !strings.HasPrefix(c.Why, tt.why) {
				t.Fatalf("%s: %+v, by %+v", r.Verdict, c, c.Verification)
			}
			if got := *c.Verification.Change.Estimate; math.Abs(got-(tt.by-1)) > 0.05 {
				t.Errorf("by %v, want %v", got, tt.by-1)
			}
			if p := c.Verification.Phase; p == nil || p.Name != "boot" {
				t.Errorf("in phase %+v", p)
			}
		})
	}
}

// TestRefuted: what only the history shows is told as refuted, and tried again only
// when there are twice as many nights of it.
func TestRefuted(t *testing.T) {
	w := newWorld(t)
	w.nights(15)
	// The candidate has not changed; the nights are worse for it. Measured against
	// the image as it was there is no difference.
	w.digest["svc"] = "sha256:next"
	w.times["sha256:svc"], w.digest["sha256:svc"] = 300, "sha256:svc"
	w.before = func() {
		w.times["svc"] = 330
		if len(w.measured) == 1 {
			w.times["svc"] = 300
		}
	}
	r, c, _ := w.told(3)
	if c.State != history.Refuted || r.Verdict != bench.Pass {
		t.Fatalf("%s: %+v", r.Verdict, c)
	}
	refuted := c.Nights
	for night := refuted + 1; night < 4*refuted; night++ {
		r, err := w.night(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if again := len(r.Changes) > 0; again != (night == 2*refuted) {
			t.Errorf("night %d of it: tried again: %v", night, again)
		}
	}
}

// TestUnfinished: a night that ends before a suspicion is verified is taken up by
// the next one.
func TestUnfinished(t *testing.T) {
	w := newWorld(t)
	w.nights(15)
	w.release(1.15, true)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("killed")
	w.before = func() {
		if len(w.measured) == 1 {
			cancel(gone)
		}
	}
	var r *Report
	var err error
	for range 3 {
		if r, err = w.night(ctx); err != nil {
			break
		}
	}
	if !errors.Is(err, gone) || len(r.Changes) != 0 || r.Run == "" || r.Candidates[0].State != State(history.Suspected) || r.Verdict != bench.Unknown {
		t.Fatalf("%+v, %v", r, err)
	}
	w.before = nil
	r, err = w.night(t.Context())
	if err != nil || len(r.Changes) != 1 || r.Changes[0].State != history.SlowDown {
		t.Fatalf("the next night: %+v, %v", r, err)
	}
}

// TestSeriesBegin holds what makes nights no longer comparable.
func TestSeriesBegin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world)
		says   string
	}{
		{"kernel", func(w *world) { w.kernel = "6.9" }, "since the night before kernel is another: 6.8 → 6.9. A new series begins"},
		{"reference", func(w *world) { w.digest["reference"], w.times["reference"] = "sha256:moved", 80 }, "since the night before its digest is another: sha256:reference → sha256:moved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.nights(12)
			tt.change(w)
			r, err := w.night(t.Context())
			if err != nil || len(r.Changes) > 0 || r.Candidates[0].Nights != 1 || r.Candidates[0].Needs != 9 || r.Candidates[0].State != Learning {
				t.Fatalf("%+v, %v", r, err)
			}
			if !strings.Contains(strings.Join(r.Warnings, "\n"), tt.says) {
				t.Errorf("warnings %q", r.Warnings)
			}
		})
	}
}

// TestTroubledHistory: damage, lost and doubled nights, other candidates; and a
// clock that goes back, by which the night would be the first of its series.
func TestTroubledHistory(t *testing.T) {
	w := newWorld(t)
	w.nights(8)
	file := filepath.Join(w.dir, history.FileName)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	damaged := strings.Join(lines[:3], "") + lines[1] + "{\"schema\":\"mlbench.history.change/v1\",\"id\":1}\n" + strings.Join(lines[4:], "") + lines[0][:200]
	if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(0, -3, 0) // a clock goes back
	w.times["other"] = 200
	r, err := w.night(t.Context(), "reference", "svc", "other")
	if err != nil || r.Verdict != bench.Pass || r.Candidates[0].Nights != 8 || r.Candidates[1].Nights != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, want := range []string{"had no end, as a crash leaves it", "cannot be read", "of runs that are there already"} {
		if !strings.Contains(strings.Join(r.Warnings, "\n"), want) {
			t.Errorf("no %q in %q", want, r.Warnings)
		}
	}
	// A night in which nothing was ready is left out, and said.
	w.fails["svc"] = true
	r, err = w.night(t.Context())
	if err != nil || r.Verdict != bench.Fail || r.Candidates[0].LeftOut != 1 || len(r.Failed) != 1 || r.Failed[0].Gate != bench.GateStarts {
		t.Fatalf("%+v, %v", r, err)
	}
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "measured the night before and not tonight: other") || !strings.Contains(strings.Join(r.Warnings, "\n"), "1 of 9 nights at this level are left out") {
		t.Errorf("warnings %q", r.Warnings)
	}
	w.fails["svc"] = false
	w.release(1.2, true)
	for range 6 {
		if r, err = w.night(t.Context()); err != nil || len(r.Changes) > 0 {
			break
		}
	}
	if err != nil || len(r.Changes) != 1 || r.Changes[0].State != history.SlowDown {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNeverReady: what is broken fails the night and does not hide the rest.
func TestNeverReady(t *testing.T) {
	w := newWorld(t)
	w.times["other"] = 200
	w.never = "svc"
	r, err := w.night(t.Context(), "reference", "svc", "other")
	if err != nil || r.Verdict != bench.Fail || len(r.Candidates) != 2 || len(r.Failed) != 1 || r.Failed[0].Gate != bench.GateStarts || r.Failed[0].Candidate != "svc" {
		t.Fatalf("%+v, %v", r, err)
	}
	if other, svc := r.Candidates[0], r.Candidates[1]; other.Candidate != "other" || other.Nights != 1 || other.Change == nil || svc.State != Unmeasured {
		t.Errorf("%+v, %+v", other, svc)
	}
	if !strings.Contains(strings.Join(w.notes, "\n"), "no model") {
		t.Errorf("noted %q", w.notes)
	}
	r, err = w.night(t.Context())
	if err != nil || r.Verdict != bench.Fail || len(r.Candidates) != 1 || r.Candidates[0].State != Unmeasured || r.Run == "" {
		t.Errorf("alone: %+v, %v", r, err)
	}
	w.never = "reference"
	if r, err = w.night(t.Context()); !errors.Is(err, runner.ErrEnvironment) || r.Run == "" {
		t.Errorf("the reference: %+v, %v", r, err)
	}
}

// A night whose result cannot be kept is in the history all the same, and does not
// end as if nothing were wrong.
func TestResultNotKept(t *testing.T) {
	w := newWorld(t)
	w.full = errors.New("no space left")
	r, err := w.night(t.Context())
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), ".json could not be kept: no space left") {
		t.Errorf("error %v", err)
	}
	if r.Verdict != bench.Pass || r.Result != "" || !strings.Contains(strings.Join(r.Warnings, ""), "no space left") {
		t.Errorf("report %+v", r)
	}
	if log, err := history.Read(w.dir); err != nil || len(log.Entries) != 1 {
		t.Errorf("history %+v, %v", log, err)
	}
}

func TestOneNightAtATime(t *testing.T) {
	w := newWorld(t)
	var second error
	w.before = func() {
		w.before = nil
		_, second = (Night{Dir: w.dir}).Run(t.Context())
	}
	if _, err := w.night(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second == nil || !strings.Contains(second.Error(), "another night is being measured: process") || !errors.Is(second, runner.ErrEnvironment) {
		t.Errorf("the second says %v", second)
	}
}

// TestNothingMeasured: an engine that does not answer leaves no night.
func TestNothingMeasured(t *testing.T) {
	w := newWorld(t)
	delete(w.times, "svc")
	r, err := w.night(t.Context())
	if !errors.Is(err, runner.ErrEnvironment) || r.Run != "" {
		t.Errorf("%+v, %v", r, err)
	}
	if log, err := history.Read(w.dir); err != nil || len(log.Entries) != 0 {
		t.Errorf("the history holds %+v, %v", log, err)
	}
}

// TestQuietYear: of an image that is built anew every night and never changes no
// alert comes.
func TestQuietYear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w := newWorld(t)
	suspected := 0
	for range 365 {
		w.release(1, true)
		r, err := w.night(t.Context())
		if err != nil || r.Verdict == bench.Fail {
			t.Fatalf("%+v, %v", r, err)
		}
		suspected += len(r.Changes)
	}
	t.Logf("%d suspicions", suspected)
	if suspected > 40 {
		t.Errorf("%d suspicions in a quiet year", suspected)
	}
}

// A level may be short where the history begins, and the old image gone.
func TestShortLevel(t *testing.T) {
	w := newWorld(t)
	w.nights(5)
	w.release(1.3, false)
	_, c, _ := w.told(20)
	if c.State != history.SlowDown || c.Verification == nil || c.Verification.Against != history.AgainstReference {
		t.Errorf("%+v, verified by %+v", c, c.Verification)
	}
}
