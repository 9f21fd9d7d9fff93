package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mlbench/runner"
)

// coldEnough is the share of the bytes that a start touches which may still
// be in memory before a start that counts as cold.
const coldEnough = 0.01

// cold is how a run makes its starts cold.
type cold struct {
	evictor runner.Evictor // nil at level Warm
	witness runner.Witness // nil where nothing can be looked at
	took    time.Duration  // to evict, before the last start
}

// chooseCold settles the level, how it is reached and whether it is proved.
func (x *run) chooseCold(ctx context.Context) error {
	wish := x.r.Spec.Cold
	if wish == Warm {
		x.warm("")
		return nil
	}
	if wish == Pull {
		return x.pullEachTime(ctx)
	}
	evictor, ok := x.Runner.(runner.Evictor)
	if !ok {
		return x.notCold(wish, runner.As(runner.ErrNotPermitted, fmt.Errorf("runner %s cannot drop pages from memory", x.r.Spec.Runner)))
	}
	how, err := evictor.CanEvict(ctx, x.r.Candidates)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return x.notCold(wish, err)
	}
	if wish == Auto && !how.Proved {
		return x.notCold(wish, errors.New("what a start finds in memory cannot be proved here (run as root on the engine's host)"))
	}
	x.cold.evictor = evictor
	if how.Proved {
		x.cold.witness, _ = x.Runner.(runner.Witness)
	}
	x.r.Cold = Cold{Level: Cache, How: how.How}
	if x.cold.witness == nil {
		x.r.Cold.How += "; not proved, as nothing here can tell what stayed"
	}
	return nil
}

// pullEachTime has every start begin with a pull.
func (x *run) pullEachTime(ctx context.Context) error {
	puller, ok := x.Runner.(runner.Puller)
	if !ok {
		return x.notCold(Pull, runner.As(runner.ErrNotPermitted, fmt.Errorf(
			"runner %s pulls no images: use --runner docker, or --cold warm", x.r.Spec.Runner)))
	}
	candidates, pulling, err := puller.PullEachTime(ctx, x.r.Candidates)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return x.notCold(Pull, err)
	}
	x.r.Candidates = candidates
	x.r.Cold = Cold{Level: Pull, How: pulling.How}
	for i := range candidates {
		x.r.Cold.Pulls = append(x.r.Cold.Pulls, PullEvidence{Candidate: i})
	}
	for _, h := range pulling.Held {
		e := &x.r.Cold.Pulls[h.Candidate]
		e.HeldBy = h.By
		x.Observer.Note(fmt.Sprintf("%s will be only partly cold: %s of it stay in the engine, held by %s",
			candidates[h.Candidate].Name, counted(h.Layers, "layer"), listed(h.By[:min(len(h.By), mostHolders)])))
	}
	return nil
}

// mostHolders is how many images are named that hold layers of another.
const mostHolders = 3

// notePull takes a measured start's pull to the evidence.
func (x *run) notePull(s Start) {
	if s.Pull == nil || !s.Role.Measured() || s.Candidate >= len(x.r.Cold.Pulls) {
		return
	}
	e := &x.r.Cold.Pulls[s.Candidate]
	e.Layers = max(e.Layers, s.Pull.Layers)
	e.AlreadyHere = max(e.AlreadyHere, s.Pull.AlreadyHere)
}

// notCold falls back to Warm where that was left open, and refuses otherwise.
func (x *run) notCold(wish ColdLevel, why error) error {
	if wish == Auto {
		x.warm(why.Error())
		return nil
	}
	return runner.As(runner.ErrEnvironment, fmt.Errorf("--cold %s: %w", wish, why))
}

func (x *run) warm(why string) {
	x.cold = cold{}
	x.r.Cold = Cold{Level: Warm, How: "nothing was made cold; one unmeasured start of each candidate first", Why: why}
	x.cold.witness, _ = x.Runner.(runner.Witness)
}

// makeCold does before a start what the level asks for, and says what share of
// the candidate was in memory then, where that is known.
func (x *run) makeCold(ctx context.Context, candidate int, role Role) (*float64, error) {
	resident, known, err := x.before(ctx, candidate, role)
	if err != nil || !known {
		return nil, err
	}
	if role != RoleWarmup {
		e := x.evidence(candidate)
		if x.r.Cold.Level == Warm {
			e.ResidentBytes = min(e.ResidentBytes, resident.Resident)
		} else {
			e.ResidentBytes = max(e.ResidentBytes, resident.Resident)
		}
	}
	share := resident.Share()
	return &share, nil
}

func (x *run) before(ctx context.Context, candidate int, role Role) (resident runner.Residency, known bool, err error) {
	if x.cold.evictor != nil {
		// All of them: candidates share files, and one start warms the other.
		begin := time.Now()
		stayed, err := x.cold.evictor.Evict(ctx, x.r.Candidates)
		x.cold.took = time.Since(begin)
		if err != nil || stayed == nil {
			return resident, false, err
		}
		return stayed[candidate], true, nil
	}
	if x.cold.witness == nil || role == RoleWarmup {
		return resident, false, nil
	}
	// At level Warm it is only looked at where it can be.
	resident, err = x.cold.witness.StillResident(ctx, x.r.Candidates[candidate])
	return resident, err == nil, ctxCause(ctx)
}

func (x *run) evidence(candidate int) *Evidence {
	for i := range x.r.Cold.Evidence {
		if x.r.Cold.Evidence[i].Candidate == candidate {
			return &x.r.Cold.Evidence[i]
		}
	}
	x.r.Cold.Evidence = append(x.r.Cold.Evidence, Evidence{Candidate: candidate})
	return &x.r.Cold.Evidence[len(x.r.Cold.Evidence)-1]
}

// noteTouched looks, right after a candidate's first start, what is in memory
// of it: from cold, that is what a start touches.
func (x *run) noteTouched(ctx context.Context, candidate int) error {
	if x.cold.witness == nil {
		return nil
	}
	resident, err := x.cold.witness.Resident(ctx, x.r.Candidates[candidate])
	if x.cold.evictor == nil {
		if err == nil {
			e := x.evidence(candidate)
			e.TotalBytes, e.ResidentBytes = resident.Total, resident.Resident
		}
		return ctxCause(ctx) // at level Warm it is only looked at where it can be
	}
	if err != nil {
		return err
	}
	e := x.evidence(candidate)
	e.TotalBytes, e.TouchedBytes = resident.Total, resident.Resident
	return nil
}

func ctxCause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// checkCold evicts once more before anything is measured, and sees whether it
// works: pages that another program has mapped cannot be dropped.
func (x *run) checkCold(ctx context.Context) error {
	if x.cold.evictor == nil || x.cold.witness == nil {
		return nil
	}
	residencies, err := x.cold.evictor.Evict(ctx, x.r.Candidates)
	if err != nil {
		return err
	}
	for i, resident := range residencies {
		c := x.r.Candidates[i]
		touched := x.evidence(i).TouchedBytes
		if float64(resident.Resident) <= coldEnough*float64(touched) {
			continue
		}
		stayed := fmt.Sprintf("%s of %s stay in memory, of %s that a start touches: another program uses them",
			megabytes(resident.Resident), c.Name, megabytes(touched))
		if x.r.Spec.Cold == Auto {
			x.warm(stayed)
			return x.warmUp(ctx) // what was evicted has to be warm again
		}
		x.Observer.Note(stayed)
	}
	return nil
}
