package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"mlbench/runner"
	"mlbench/stats"
)

// An Experiment is what Run needs besides the Spec.
type Experiment struct {
	Spec       Spec
	Runner     runner.Runner
	Candidates []runner.Candidate // the baseline first; names are unique
	Tool       Tool
	Observer   Observer // may be nil

	// Log is told what is done: of each start what it found, of each look how
	// the comparisons stand. nil for nothing. Nothing is logged while a start is
	// measured.
	Log *slog.Logger

	// Load sends a running candidate its request and says what it answered; it
	// ends when ctx does. It is needed where the Spec asks for a load.
	Load func(ctx context.Context, addr string, r runner.Request, l runner.Load) (runner.Throughput, error)

	// GPU is written into the result; nil where no candidate gets a GPU.
	GPU *GPUs
	// Preflight is asked before the first start, of the candidates as the
	// Runner has prepared them. An error of it ends the run; nil for none.
	Preflight func(ctx context.Context, candidates []runner.Candidate) error

	// Called is the word for a start in gates and warnings where the Runner
	// does something else that takes time; "" is "start".
	Called string

	// Unjudged says that nobody asks for a verdict, so that it is not told when
	// there are too few pairs for one.
	Unjudged bool
}

// An Observer is told how a run goes.
type Observer interface {
	// Note is told what a user should know before or during the run.
	Note(line string)
	// Progress is told after every start.
	Progress(p Progress)
}

// Progress is how far a run is.
type Progress struct {
	Stage     Role
	Candidate string        // whose start is over
	Done      int           // complete blocks, of warm-up: starts
	Limit     int           // blocks at most
	NextLook  int           // number of pairs after which the rule looks again; 0 for none
	Standings []Standing    // of the comparisons, in order; none during the warm-up
	Left      time.Duration // about how long it will go on; 0 where unknown
}

// A Standing is how one comparison stands during a run.
type Standing struct {
	Comparison        // at its last look
	Name       string // the candidate's
	Settled    bool   // the run does not go on for it
}

// Run does the experiment. Its result holds what was measured also where it
// returns an error: one that wraps runner.ErrUsage or runner.ErrEnvironment, a
// *NeverReadyError, or the cause of ctx's end.
func (e Experiment) Run(ctx context.Context) (*Result, error) {
	r := &Result{
		Schema: Schema, Tool: e.Tool, Spec: e.Spec, GPU: e.GPU, StartedAt: time.Now().UTC(), Ended: EndedFailed,
		Candidates: []runner.Candidate{}, Starts: []Start{}, Warnings: []string{},
		called: e.Called,
	}
	if err := r.Spec.Validate(); err != nil {
		return r, runner.As(runner.ErrUsage, err)
	}
	if e.Observer == nil {
		e.Observer = silent{}
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	run := &run{Experiment: e, r: r}
	err := run.all(ctx)
	if ctx.Err() != nil {
		r.Ended = EndedInterrupted
		if cause := context.Cause(ctx); !errors.Is(err, cause) {
			err = errors.Join(cause, err) // what could not be tidied up is in err
		}
	}
	if judgeErr := r.Judge(); err == nil {
		err = judgeErr
	}
	return r, err
}

type silent struct{}

func (silent) Note(string)       {}
func (silent) Progress(Progress) {}

// run is an experiment on its way.
type run struct {
	Experiment
	r        *Result
	schedule stats.Schedule
	cold     cold
	block    time.Duration // how long one block takes, on average so far

	standings []Standing // after stoodAt blocks
	stoodAt   int
}

func (x *run) all(ctx context.Context) (err error) {
	if err := x.canLoad(); err != nil {
		return err
	}
	if x.r.Host, err = x.Runner.Host(ctx); err != nil {
		return err
	}
	if reaper, ok := x.Runner.(runner.Reaper); ok {
		reaped, err := reaper.Reap(ctx)
		for _, what := range reaped {
			x.Observer.Note("removed what a killed run had left: " + what)
		}
		if err != nil { // what is measured does not depend on it
			x.Observer.Note("what a killed run had left cannot be removed: " + err.Error())
		}
	}
	for _, c := range x.Candidates {
		prepared, err := x.Runner.Prepare(ctx, c)
		if err != nil {
			return err
		}
		x.r.Candidates = append(x.r.Candidates, prepared)
	}
	if x.Preflight != nil {
		if err := x.Preflight(ctx, x.r.Candidates); err != nil {
			return err
		}
	}
	if x.schedule, err = x.r.Spec.schedule(len(x.r.Candidates) - 1); err != nil {
		return runner.As(runner.ErrUsage, err)
	}
	if err := x.chooseCold(ctx); err != nil {
		return err
	}
	if err := x.warmUp(ctx); err != nil {
		return err
	}
	// How candidates are reached is tried in the first starts.
	if x.r.Host, err = x.Runner.Host(ctx); err != nil {
		return err
	}
	if err := x.checkCold(ctx); err != nil {
		return err
	}
	if err := x.blocks(ctx); err != nil {
		return err
	}
	return x.loads(ctx)
}

// blocks starts block after block until all that is asked is known.
func (x *run) blocks(ctx context.Context) error {
	limit := x.r.limit()
	if spec := x.r.Spec; spec.Pairs == chosenByRule && limit > spec.MaxPairs {
		x.Observer.Note(fmt.Sprintf("the target at quantile %g needs up to %d starts: the limit of %d is raised to that",
			spec.Quantile, limit, spec.MaxPairs))
	}
	if last := x.schedule.Last(); len(x.r.Candidates) > 1 && last.C == 0 && !x.Unjudged {
		few := fmt.Sprintf("%d pairs are", last.N)
		if last.N == 1 {
			few = "1 pair is"
		}
		least := 1
		for stats.FixedSchedule(least, x.schedule.Alpha).Last().C == 0 {
			least++
		}
		x.Observer.Note(fmt.Sprintf("%s too few for any verdict: even if all agree, chance does that too often; %d are the least", few, least))
	}
	begin := time.Now()
	compared := len(x.r.Candidates) == 1 // nothing to compare
	role := RolePair
	if compared {
		role = RoleTarget
	}
	for block := range limit {
		if err := x.oneBlock(ctx, role, block, limit); err != nil {
			return err
		}
		x.block = time.Since(begin) / time.Duration(block+1)
		if err := x.r.neverReady(); err != nil {
			return err
		}
		done := block + 1
		if x.r.Spec.Pairs != chosenByRule {
			continue
		}
		if role == RolePair {
			compared = x.compared(done)
			if compared || done >= x.r.Spec.MaxPairs {
				role = RoleTarget
			}
		}
		if role == RoleTarget && done >= x.r.Spec.MinPairs && x.targetsKnown() {
			break
		}
	}
	switch {
	case x.r.Spec.Pairs != chosenByRule:
		x.r.Ended = EndedFixed
	case compared && x.targetsKnown():
		x.r.Ended = EndedDecided
	default:
		x.r.Ended = EndedLimit
	}
	return nil
}

// limit is the number of blocks after which a run ends, decided or not.
func (r *Result) limit() int {
	spec := r.Spec
	if spec.Pairs != chosenByRule {
		return spec.Pairs
	}
	if r.wantsTarget() {
		return max(spec.MaxPairs, spec.startsForTarget())
	}
	return spec.MaxPairs
}

// wantsTarget says whether a run goes on for the target: when the user named
// one, and where there is nothing else to find out.
func (r *Result) wantsTarget() bool { return r.Spec.TargetGates || len(r.Candidates) == 1 }

// compared reports whether every comparison is decided after so many pairs.
func (x *run) compared(pairs int) bool {
	if _, ok := x.schedule.At(pairs); !ok {
		return false
	}
	return !slices.ContainsFunc(x.stand(pairs), func(s Standing) bool { return !s.Settled })
}

// stand is how the comparisons stand after so many blocks. Between looks
// nothing of that changes, and nothing is computed while a host is measured.
func (x *run) stand(blocks int) []Standing {
	_, looking := x.schedule.At(blocks)
	early := blocks < x.schedule.Looks[0].N
	if x.standings != nil && (blocks == x.stoodAt || !looking && !early) {
		return x.standings
	}
	x.standings, x.stoodAt = nil, blocks
	for i := 1; i < len(x.r.Candidates); i++ {
		c, ends := x.r.compare(i, x.schedule)
		x.standings = append(x.standings, Standing{c, x.r.Candidates[i].Name, ends})
	}
	if looking {
		x.logLook(blocks)
	}
	return x.standings
}

func (x *run) targetsKnown() bool {
	if !x.r.wantsTarget() {
		return true
	}
	for _, i := range x.r.judged() {
		if x.r.Target(i).Decision == stats.Undecided {
			return false
		}
	}
	return true
}

// order is the order of a block's starts: drawn for that block alone, so that
// the sign-flip null of the paired test is exactly what was randomised.
func order(seed uint64, block, candidates int) []int {
	return rand.New(rand.NewPCG(seed, uint64(block))).Perm(candidates)
}

func (x *run) oneBlock(ctx context.Context, role Role, block, limit int) error {
	for position, candidate := range order(x.r.Spec.Seed, block, len(x.r.Candidates)) {
		if err := x.start(ctx, candidate, role, block, position); err != nil {
			return err
		}
		done := block
		if position == len(x.r.Candidates)-1 {
			done++
		}
		x.Observer.Progress(x.progress(role, candidate, done, limit))
	}
	return nil
}

// start does one start and writes it down.
func (x *run) start(ctx context.Context, candidate int, role Role, block, position int) error {
	resident, err := x.makeCold(ctx, candidate, role)
	if err != nil {
		return err
	}
	c := x.r.Candidates[candidate]
	probe, probed := x.probe(role)
	s, err := x.Runner.Start(ctx, c, x.r.Spec.timeout())
	if err != nil {
		return err
	}
	started := record(s, candidate, role, block, position)
	started.Resident = resident
	if probed {
		started.note(CovariateProbe, probe)
	}
	x.r.Starts = append(x.r.Starts, started)
	x.logStart(started)
	x.notePull(started)
	if c.Health == "" && s.Outcome == runner.OutcomeReady {
		x.r.Candidates[candidate].Health = s.Health
	}
	return nil
}

// probe measures the host's speed right before a start, when nothing of either
// candidate runs, so that what it finds is the host's alone. Where the unmeasured
// starts told how long they waited for processors it would tell nothing more,
// but at level Pull that is of the smaller part of a start.
func (x *run) probe(role Role) (time.Duration, bool) {
	gauge, ok := x.Runner.(runner.Gauge)
	if !ok || x.r.Spec.NoCovariate || role != RolePair {
		return 0, false
	}
	if _, told := x.r.Starts[0].Covariates[CovariateCPUWait]; told && x.r.Cold.Level != Pull {
		return 0, false
	}
	return gauge.Gauge()
}

func (x *run) progress(role Role, candidate, done, limit int) Progress {
	p := Progress{
		Stage: role, Candidate: x.r.Candidates[candidate].Name, Done: done, Limit: limit,
		Standings: x.stand(done),
	}
	if role == RolePair {
		for _, look := range x.schedule.Looks {
			if look.N > done && look.C > 0 { // the others cannot decide anything
				p.NextLook = look.N
				break
			}
		}
	}
	expected := limit
	if role == RolePair && x.r.Spec.Pairs == chosenByRule && !x.r.wantsTarget() {
		if expected = x.expectedEnd(p.Standings, p.NextLook, limit); expected <= done {
			p.NextLook = 0
		}
	}
	if x.block > 0 {
		p.Left = x.block * time.Duration(max(expected-done, 0))
	}
	return p
}

// expectedEnd is the look at which the last comparison is likely to be
// settled; 0 where all are.
func (x *run) expectedEnd(standings []Standing, next, limit int) int {
	end := 0
	for _, s := range standings {
		if !s.Settled {
			end = max(end, x.expectedLook(s.NeedsPairs, next, limit))
		}
	}
	return end
}

// expectedLook is the first look from next on that has so many pairs; the
// limit where their number is not known.
func (x *run) expectedLook(needs, next, limit int) int {
	for _, look := range x.schedule.Looks {
		if needs > 0 && look.N >= next && look.N >= needs {
			return look.N
		}
	}
	return limit
}
