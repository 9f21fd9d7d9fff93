package bench

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mlbench/runner"
)

// warmUpTries is how often a candidate may fail its unmeasured start before
// it counts as one that never becomes ready.
const warmUpTries = 3

// neverReadyBlocks is how many measured starts in a row, from the first on,
// may fail before the same is said.
const neverReadyBlocks = 3

// warmUp starts every candidate once, unmeasured. It warms what stays warm at
// the run's cold level, and finds the health path.
func (x *run) warmUp(ctx context.Context) error {
	for i := range x.r.Candidates {
		for attempt := range warmUpTries {
			if err := x.start(ctx, i, RoleWarmup, attempt, i); err != nil {
				return err
			}
			x.Observer.Progress(Progress{Stage: RoleWarmup, Candidate: x.r.Candidates[i].Name, Done: i + 1, Limit: len(x.r.Candidates)})
			last := x.r.Starts[len(x.r.Starts)-1]
			if !last.Failed() {
				if err := x.noteTouched(ctx, i); err != nil {
					return err
				}
				break
			}
			// One that did nothing for the whole timeout will not do better,
			// nor one whose first request is wrong.
			_, ready := last.Marks[runner.Ready]
			refused := ready && last.Outcome == runner.OutcomeError
			if attempt == warmUpTries-1 || last.Outcome == runner.OutcomeTimeout || refused {
				return x.r.failure(i)
			}
			x.Observer.Note(fmt.Sprintf("%s: unmeasured start failed, trying again: %s", x.r.Candidates[i].Name, last.Error))
		}
	}
	return nil
}

// neverReady is an error if some candidate failed all of its measured starts
// so far, and there were enough of them.
func (r *Result) neverReady() error {
	failed, ready := make([]int, len(r.Candidates)), make([]bool, len(r.Candidates))
	for i := range r.Starts {
		switch s := &r.Starts[i]; {
		case !s.Role.Measured():
		case s.Failed():
			failed[s.Candidate]++
		default:
			ready[s.Candidate] = true
		}
	}
	for i := range r.Candidates {
		if !ready[i] && failed[i] >= neverReadyBlocks {
			return r.failure(i)
		}
	}
	return nil
}

// NeverReadyError says that a candidate failed every start, or every one of
// enough of them.
type NeverReadyError struct {
	Candidate string
	WarmedUp  bool                   // it was ready once, in its unmeasured start
	Mute      bool                   // its last start was ready, and did not answer the first request
	Outcomes  map[runner.Outcome]int // of the failed starts
	Problem   string                 // of the last start
	Log       []string               // its last lines
}

func (r *Result) failure(candidate int) error {
	e := &NeverReadyError{Candidate: r.Candidates[candidate].Name, Outcomes: make(map[runner.Outcome]int)}
	for _, s := range r.Starts {
		switch {
		case s.Candidate != candidate:
		case s.Failed():
			e.Outcomes[s.Outcome]++
			e.Problem, e.Log = s.Error, s.Log
			_, e.Mute = s.Marks[runner.Ready]
		default:
			e.WarmedUp = true
		}
	}
	return runner.As(runner.ErrEnvironment, e)
}

// Error tells the outcomes, the last problem, and the last lines of the log,
// each on a line of its own.
func (e *NeverReadyError) Error() string {
	var b strings.Builder
	never := "never became ready"
	switch {
	case e.Mute:
		never = "was ready but did not answer its first request"
	case e.WarmedUp:
		never = "became ready in its unmeasured start, and never after it"
	}
	fmt.Fprintf(&b, "%s %s (%s): %s", e.Candidate, never, Counts(e.Outcomes), e.Problem)
	switch n := len(e.Log); n {
	case 0:
		b.WriteString("\nit printed nothing")
	case 1:
		b.WriteString("\nits last line:")
	default:
		fmt.Fprintf(&b, "\nits last %d lines:", n)
	}
	for _, line := range e.Log {
		b.WriteString("\n    " + Printable(line))
	}
	return b.String()
}

// Counts lists outcomes with their numbers, e.g. "2 exited, 1 timeout".
func Counts(outcomes map[runner.Outcome]int) string {
	var parts []string
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		parts = append(parts, fmt.Sprintf("%d %s", outcomes[o], o))
	}
	return strings.Join(parts, ", ")
}
