package history

import (
	"errors"
	"fmt"
	"slices"

	"mlbench/bench"
)

// maxCandidates is as many as a result may have.
const maxCandidates = 64

// check finds what no run would have appended.
func (e Entry) check() error {
	if e.ID == "" || len(e.ID) > 64 {
		return errors.New("id: missing or too long")
	}
	if y := e.StartedAt.Year(); y < 2000 || y > 9999 {
		return fmt.Errorf("started_at: %v is no time of a run", e.StartedAt)
	}
	if !slices.Contains([]bench.Ended{bench.EndedDecided, bench.EndedLimit, bench.EndedFixed, bench.EndedInterrupted, bench.EndedFailed}, e.Ended) {
		return fmt.Errorf("ended: no end %q", e.Ended)
	}
	if len(e.Candidates) == 0 || len(e.Candidates) > maxCandidates {
		return fmt.Errorf("candidates: %d of them", len(e.Candidates))
	}
	for i, c := range e.Candidates {
		if err := c.check(); err != nil {
			return fmt.Errorf("candidates[%d].%w", i, err)
		}
	}
	for i, c := range e.Comparisons {
		if c.Baseline < 0 || c.Baseline >= len(e.Candidates) || c.Candidate < 0 || c.Candidate >= len(e.Candidates) || c.Pairs < 0 {
			return fmt.Errorf("comparisons[%d]: candidate %d against %d in %d pairs is none", i, c.Candidate, c.Baseline, c.Pairs)
		}
		if err := c.Change.check(-1); err != nil {
			return fmt.Errorf("comparisons[%d].change.%w", i, err)
		}
	}
	return nil
}

func (c Candidate) check() error {
	if c.Name == "" {
		return errors.New("name: empty")
	}
	if c.Starts < 0 || c.Failed < 0 || c.Failed > c.Starts {
		return fmt.Errorf("failed: %d of %d starts cannot have", c.Failed, c.Starts)
	}
	if c.UnpackedBytes != nil && *c.UnpackedBytes < 0 {
		return fmt.Errorf("unpacked_bytes: %d is negative", *c.UnpackedBytes)
	}
	if (c.Ready != nil) != (c.Starts > 0) {
		return errors.New("ready_ms: there where starts count, and only there")
	}
	for name, ms := range c.PhasesMS {
		if ms < 0 {
			return fmt.Errorf("phases_ms.%s: %v is negative", name, ms)
		}
	}
	if c.Ready == nil {
		return nil
	}
	if err := c.Ready.check(0); err != nil {
		return fmt.Errorf("ready_ms.%w", err)
	}
	return nil
}

// check finds bounds that are none. JSON has no infinite numbers.
func (i Interval) check(least float64) error {
	for _, x := range []*float64{i.Estimate, i.Low, i.High} {
		if x != nil && *x < least {
			return fmt.Errorf("estimate, low, high: %v is under %v", *x, least)
		}
	}
	if i.Low != nil && i.High != nil && *i.Low > *i.High {
		return fmt.Errorf("low, high: %v is over %v", *i.Low, *i.High)
	}
	return nil
}
