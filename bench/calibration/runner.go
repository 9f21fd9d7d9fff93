package calibration

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"mlbench/bench"
	"mlbench/runner"
)

// The two names of a simulated comparison. They are one image: what differs
// is the true effect.
const (
	baselineRef  = "baseline"
	candidateRef = "candidate"
)

// usual is how long a start with Log 0 takes.
const usual = time.Second

// total is the size of the files of either candidate, in bytes.
const total = 1e9

// A Runner takes the times of its starts from a Host. It neither sleeps nor
// starts anything; its clock is the sum of the times that it tells.
type Runner struct {
	host      Host
	effect    float64
	influence float64
	now       time.Time
	upcoming  *Sample // of the next start, once it was asked for
}

var (
	_ runner.Runner  = (*Runner)(nil)
	_ runner.Evictor = (*Runner)(nil)
	_ runner.Witness = (*Runner)(nil)
	_ runner.Gauge   = (*Runner)(nil)
)

// NewRunner starts candidates on host. effect is added to the logarithm of the
// candidate's times; influence is Regime.Influence.
func NewRunner(host Host, effect, influence float64) *Runner {
	return &Runner{host: host, effect: effect, influence: influence, now: time.Unix(0, 0).UTC()}
}

// Upcoming is what the next start will meet.
func (r *Runner) Upcoming() Sample {
	if r.upcoming == nil {
		s := r.host.Next()
		r.upcoming = &s
	}
	return *r.upcoming
}

// Host says that this is none.
func (r *Runner) Host(context.Context) (runner.Host, error) {
	return runner.Host{Engine: "simulated"}, nil
}

// Prepare leaves a candidate as it is.
func (r *Runner) Prepare(_ context.Context, c runner.Candidate) (runner.Candidate, error) {
	return c, nil
}

// Start takes the next time from the host.
func (r *Runner) Start(ctx context.Context, c runner.Candidate, _ time.Duration) (runner.Start, error) {
	if ctx.Err() != nil {
		return runner.Start{}, context.Cause(ctx)
	}
	s := r.Upcoming()
	r.upcoming = nil
	if c.Ref == candidateRef {
		s = s.shifted(r.effect, r.influence)
	}
	start := runner.Start{BeginAt: r.now, Outcome: runner.OutcomeReady}
	if math.IsInf(s.Log, 1) {
		r.now = r.now.Add(usual)
		start.Outcome, start.Problem = runner.OutcomeExited, "failed as recorded"
		return start, nil
	}
	took := time.Duration(float64(usual) * math.Exp(s.Log))
	r.now = r.now.Add(took)
	start.Marks = runner.Marks{
		runner.Created: {At: took / 20, Source: "simulated"},
		runner.Started: {At: took / 4, Source: "simulated"},
		runner.Ready:   {At: took, Resolution: time.Microsecond, Source: "simulated"},
	}
	if s.CPU > 0 {
		start.CPU = &s.CPU
	}
	if wait, ok := s.Covariates[bench.CovariateCPUWait]; ok {
		start.CPUWait = new(milliseconds(wait))
	}
	if stolen, ok := s.Covariates[bench.CovariateSteal]; ok {
		start.Steal = new(milliseconds(stolen))
	}
	return start, nil
}

// Close does nothing.
func (r *Runner) Close() error { return nil }

// CanEvict can where the host tells what was in memory.
func (r *Runner) CanEvict(context.Context, []runner.Candidate) (runner.Eviction, error) {
	if r.Upcoming().Resident == nil {
		return runner.Eviction{}, runner.As(runner.ErrNotPermitted, errors.New("residency was not recorded"))
	}
	return runner.Eviction{How: "simulated", Proved: true}, nil
}

// Evict does nothing: what stays in memory is the host's to say.
func (r *Runner) Evict(ctx context.Context, candidates []runner.Candidate) ([]runner.Residency, error) {
	stayed, err := r.Resident(ctx, runner.Candidate{})
	return slices.Repeat([]runner.Residency{stayed}, len(candidates)), err
}

// Resident is what the next start will find in memory.
func (r *Runner) Resident(context.Context, runner.Candidate) (runner.Residency, error) {
	share := r.Upcoming().Resident
	if share == nil {
		return runner.Residency{}, runner.As(runner.ErrNotPermitted, errors.New("residency was not recorded"))
	}
	return runner.Residency{Resident: int64(*share * total), Total: total}, nil
}

// StillResident is Resident.
func (r *Runner) StillResident(ctx context.Context, c runner.Candidate) (runner.Residency, error) {
	return r.Resident(ctx, c)
}

// Gauge is the probe that was recorded before the next start. It cannot tell
// whose start that will be, as no real one can.
func (r *Runner) Gauge() (took time.Duration, ok bool) {
	ms, ok := r.Upcoming().Covariates[bench.CovariateProbe]
	return milliseconds(ms), ok
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
