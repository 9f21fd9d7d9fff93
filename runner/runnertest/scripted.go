package runnertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mlbench/runner"
)

// Scripted is a Runner that starts nothing: for every start it asks Script how
// it went. Tests of what stands above runners use it.
type Scripted struct {
	// Script answers for the nth start, from 0, of the candidate with this
	// Ref. An error is returned as it is.
	Script func(ref string, n int) (runner.Start, error)
	// OnStart, if set, is called before every start.
	OnStart func(ref string)

	Evictable bool // Evict works
	Provable  bool // and Resident can prove it
	Stays     int64
	Pullable  bool // starts can begin with a pull
	Here      int  // so many of ScriptedLayers are in the engine before one, as another image has them
	Info      runner.Host

	Evictions int

	starts  map[string]int
	evicted bool // since the last start
	pulling bool // starts begin with a pull
}

var (
	_ runner.Runner  = (*Scripted)(nil)
	_ runner.Evictor = (*Scripted)(nil)
	_ runner.Witness = (*Scripted)(nil)
	_ runner.Puller  = (*Scripted)(nil)
	_ runner.Looker  = (*Scripted)(nil)
)

// ScriptedTotal and ScriptedTouched are the bytes that every scripted
// candidate has and touches.
const (
	ScriptedTotal   = 1000e6
	ScriptedTouched = 100e6
)

// ScriptedLayers, ScriptedCompressed and ScriptedPull are the layers of every
// scripted candidate, their bytes in a registry, and how long they take to pull.
const (
	ScriptedLayers     = 7
	ScriptedCompressed = 400e6
	ScriptedPull       = 8 * time.Second
)

// ReadyIn is a start that was ready after d.
func ReadyIn(d time.Duration) runner.Start {
	return runner.Start{
		Outcome: runner.OutcomeReady,
		Health:  "/health",
		Marks: runner.Marks{
			runner.Created:   {At: d / 20, Source: "scripted"},
			runner.Started:   {At: d / 4, Source: "scripted"},
			runner.Listening: {At: d - d/50, Source: "scripted"},
			runner.Ready:     {At: d, Resolution: time.Millisecond, Source: "scripted"},
		},
	}
}

// Failed is a start whose program ended with this status.
func Failed(code int) runner.Start {
	return runner.Start{
		Outcome: runner.OutcomeExited,
		Problem: fmt.Sprintf("the program ended with status %d before it was ready", code),
		Exit:    &runner.ExitState{Code: code},
		Log:     []string{"last words"},
	}
}

// Host returns Info.
func (s *Scripted) Host(context.Context) (runner.Host, error) {
	if s.Info.Engine == "" {
		s.Info.Engine = "scripted"
	}
	return s.Info, nil
}

// Prepare gives every candidate a digest and a size.
func (s *Scripted) Prepare(_ context.Context, c runner.Candidate) (runner.Candidate, error) {
	c = c.Clone()
	size := int64(ScriptedTotal)
	c.Digest, c.UnpackedBytes = "sha256:"+c.Ref, &size
	return c, nil
}

// Start asks Script.
func (s *Scripted) Start(ctx context.Context, c runner.Candidate, _ time.Duration) (runner.Start, error) {
	if s.OnStart != nil {
		s.OnStart(c.Ref)
	}
	if ctx.Err() != nil {
		return runner.Start{}, context.Cause(ctx)
	}
	if s.starts == nil {
		s.starts = make(map[string]int)
	}
	s.evicted = false
	n := s.starts[c.Ref]
	s.starts[c.Ref]++
	start, err := s.Script(c.Ref, n)
	if start.BeginAt.IsZero() {
		start.BeginAt = time.Now()
	}
	if s.pulling && err == nil {
		pulled(&start, s.Here)
	}
	return start, err
}

// ScriptedAddr is where every scripted candidate answers.
const ScriptedAddr = "scripted:8080"

// StartLooking asks Script, and calls look for the marks that there would be.
func (s *Scripted) StartLooking(ctx context.Context, c runner.Candidate, timeout time.Duration, look func(context.Context, runner.Look) error) (runner.Start, error) {
	start, err := s.Start(ctx, c, timeout)
	if err != nil || start.Outcome != runner.OutcomeReady {
		return start, err
	}
	marks := []runner.MarkName{runner.Ready}
	if c.Request != nil {
		marks = append(marks, runner.FirstResponse)
	}
	for _, mark := range marks {
		seen := runner.Look{Mark: mark, Addrs: []string{ScriptedAddr}, Log: func() ([]byte, error) { return nil, nil }}
		if err := look(ctx, seen); err != nil {
			return start, err
		}
	}
	return start, nil
}

// pulled puts a pull before a start.
func pulled(s *runner.Start, here int) {
	marks := runner.Marks{runner.Pulled: {At: ScriptedPull, Source: "scripted"}}
	for name, m := range s.Marks {
		m.At += ScriptedPull
		marks[name] = m
	}
	s.Marks = marks
	download, extract := ScriptedPull/4, ScriptedPull*3/4
	s.Pull = &runner.Pull{Download: &download, Extract: &extract, Layers: ScriptedLayers, AlreadyHere: here, Bytes: ScriptedCompressed}
}

// PullEachTime says what Pullable and Here say.
func (s *Scripted) PullEachTime(_ context.Context, candidates []runner.Candidate) ([]runner.Candidate, runner.Pulling, error) {
	p := runner.Pulling{How: "scripted"}
	if !s.Pullable {
		return nil, p, runner.As(runner.ErrNotPermitted, errors.New("scripted not to: use --cold warm"))
	}
	s.pulling = true
	candidates = slices.Clone(candidates)
	for i := range candidates {
		size := int64(ScriptedCompressed)
		candidates[i].CompressedBytes = &size
		if s.Here > 0 {
			p.Held = append(p.Held, runner.Held{Candidate: i, Layers: s.Here, By: []string{"other:tag", "base:tag"}})
		}
	}
	return candidates, p, nil
}

// Close does nothing.
func (s *Scripted) Close() error { return nil }

// CanEvict says what Evictable and Provable say.
func (s *Scripted) CanEvict(context.Context, []runner.Candidate) (runner.Eviction, error) {
	if !s.Evictable {
		return runner.Eviction{}, runner.As(runner.ErrNotPermitted, errors.New("scripted not to: use --cold warm"))
	}
	return runner.Eviction{How: "scripted", Proved: s.Provable}, nil
}

// Evict counts, and leaves Stays of every candidate.
func (s *Scripted) Evict(_ context.Context, candidates []runner.Candidate) ([]runner.Residency, error) {
	s.Evictions++
	s.evicted = true
	if !s.Provable {
		return nil, nil
	}
	return slices.Repeat([]runner.Residency{{Resident: s.Stays, Total: ScriptedTotal}}, len(candidates)), nil
}

// Resident is Stays after an eviction, and what a start touches otherwise.
func (s *Scripted) Resident(context.Context, runner.Candidate) (runner.Residency, error) {
	if !s.Provable {
		return runner.Residency{}, runner.As(runner.ErrNotPermitted, errors.New("scripted not to"))
	}
	if s.evicted {
		return runner.Residency{Resident: s.Stays, Total: ScriptedTotal}, nil
	}
	return runner.Residency{Resident: ScriptedTouched, Total: ScriptedTotal}, nil
}

// StillResident is Resident.
func (s *Scripted) StillResident(ctx context.Context, c runner.Candidate) (runner.Residency, error) {
	return s.Resident(ctx, c)
}
