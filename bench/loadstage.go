package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mlbench/runner"
)

// canLoad says beforehand whether the load that is asked for can be sent.
func (x *run) canLoad() error {
	if x.r.Spec.LoadMS == 0 {
		return nil
	}
	if _, ok := x.Runner.(runner.Looker); !ok || x.Load == nil {
		return runner.As(runner.ErrUsage, fmt.Errorf("load: runner %s lets nobody at a start while it goes on: leave --load away", x.r.Spec.Runner))
	}
	for _, c := range x.Candidates {
		if c.Request == nil {
			return runner.As(runner.ErrUsage, errors.New("load: there is no request to load with: e.g. --load 10s --request 'POST /predict' --body @x.json"))
		}
	}
	return nil
}

// loadAlpha is the error rate of the interval of one metric of one comparison:
// all metrics of all of them share the run's, so that a slower candidate is
// claimed in no more runs of identical ones than that.
func (r *Result) loadAlpha() float64 {
	return r.Spec.Alpha / float64(max((len(r.Candidates)-1)*len(LoadMetrics()), 1))
}

// loadBlocks is how many blocks of loads there are: the fewest with which an
// interval can be had. The seconds of one start share its process, its memory
// and what the host did then, so that they say little about the next start;
// what is drawn anew is the start. It is fixed beforehand, so that the interval
// is the plain one.
func (r *Result) loadBlocks() int {
	if r.Spec.LoadMS == 0 {
		return 0
	}
	n := 1
	// The least tail of the signed ranks of n pairs is 2⁻ⁿ: stats.Cutoff is over 0
	// from there on. An alpha of a file may be so small that no n suffices.
	for tail := 0.5; tail > r.loadAlpha()/2 && n < MaxPairs; tail /= 2 {
		n++
	}
	return n
}

// loads does the stage of the loads, after all that decides about starting:
// blocks of one start of each candidate, in random order like all others.
func (x *run) loads(ctx context.Context) error {
	blocks := x.r.loadBlocks()
	if blocks == 0 {
		return nil
	}
	ended := x.r.Ended
	x.r.Ended = EndedFailed // until it is done
	x.Observer.Note(fmt.Sprintf("loading: %s of each follow, each loaded for %s once it has answered",
		counted(blocks, "more start"), counted(x.r.Spec.load().Seconds, "second")))
	begin := time.Now()
	for block := range blocks {
		// Not the order of the block of pairs with this number.
		for position, candidate := range order(x.r.Spec.Seed, MaxPairs+block, len(x.r.Candidates)) {
			if err := x.load(ctx, candidate, block, position); err != nil {
				return err
			}
			p := Progress{Stage: RoleLoad, Candidate: x.r.Candidates[candidate].Name, Done: block, Limit: blocks}
			if position == len(x.r.Candidates)-1 {
				p.Done++
			}
			if starts := block*len(x.r.Candidates) + position + 1; starts > 0 {
				p.Left = time.Since(begin) / time.Duration(starts) * time.Duration(blocks*len(x.r.Candidates)-starts)
			}
			x.Observer.Progress(p)
		}
	}
	x.r.Ended = ended
	return nil
}

// load starts a candidate and loads it once it has answered its first request.
//
// Nothing is made cold before: what a program reads to serve is read in the
// seconds that do not count, whatever was in memory, and to evict would take as
// long as a start for nothing. At level Pull it is pulled all the same, as from
// the user's own registry there is no other way to have it.
func (x *run) load(ctx context.Context, candidate, block, position int) error {
	c, asked := x.r.Candidates[candidate], x.r.Spec.load()
	var found *runner.Throughput
	s, err := x.Runner.(runner.Looker).StartLooking(ctx, c, x.r.Spec.timeout(), func(running context.Context, seen runner.Look) error {
		if seen.Mark != runner.FirstResponse {
			return nil
		}
		if len(seen.Addrs) == 0 {
			return runner.As(runner.ErrEnvironment, fmt.Errorf("loading %s: its address is not known", c.Name))
		}
		t, err := x.Load(running, seen.Addrs[0], *c.Request, asked)
		found = &t
		return err
	})
	if err != nil {
		return err
	}
	started := record(s, candidate, RoleLoad, block, position)
	if found != nil {
		started.recordLoad(*found, asked, s.BeginAt)
	}
	x.r.Starts = append(x.r.Starts, started)
	x.logStart(started)
	return nil
}
