package selftest

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/stats"
)

// A Plan says how much is measured.
type Plan struct {
	Runner      string        // its name, for the result
	Pairs       int           // of each candidate with the baseline
	Replays     int           // re-randomisations of the pairs without a change
	Work        time.Duration // of the processor, about, before the server listens
	Seed        uint64        // of the order of starts, and of the replays
	NoCovariate bool          // the times alone are judged
}

// LeastPairs decide something if all of them agree, and fewer cannot: chance
// does that in 2 of 2⁶ times.
const LeastPairs = 6

// Full is the plan of a self-test that takes a few minutes. It knows the noise,
// and with it what can be resolved, to about a ninth.
func Full() Plan { return Plan{Pairs: 40, Replays: 2000, Work: 250 * time.Millisecond} }

// Quick is the plan of one that takes about a minute, and knows the noise to
// about a fifth.
func Quick() Plan { return Plan{Pairs: 16, Replays: 2000, Work: 120 * time.Millisecond} }

// pilots are the starts that tell how much work the injected changes are.
const pilots = 4

// A Test is what Run needs besides the Plan.
type Test struct {
	Plan     Plan
	Runner   runner.Runner
	Server   runner.Candidate // starts a program that calls Serve with its flags --work and --extra
	Tool     bench.Tool
	Observer bench.Observer // may be nil
	Log      *slog.Logger   // as bench.Experiment has it
}

// The candidates, the baseline first.
const (
	baseline = iota
	again
	firstInjected
)

// injected are the changes that are put in, as fractions of the time to ready.
var injected = []struct {
	name   string
	change float64
}{
	{"+5 %", 0.05}, {"+10 %", 0.10},
}

// Run does the self-test. Its errors are those of bench.Experiment.
func (t Test) Run(ctx context.Context) (*Report, error) {
	begin := time.Now()
	if t.Observer == nil {
		t.Observer = silent{}
	}
	t.Server.Health = health
	work := unitsIn(t.Plan.Work)
	t.Observer.Note("finding out how much work a start of this host is")
	perStart, err := t.pilot(ctx, work)
	if err != nil {
		return nil, err
	}
	candidates := []runner.Candidate{t.candidate("baseline", work, 0), t.candidate("again", work, 0)}
	for _, i := range injected {
		candidates = append(candidates, t.candidate(i.name, work, int(math.Round(i.change*perStart))))
	}
	result, err := bench.Experiment{
		Spec: apart(t.spec(t.Plan.Pairs), len(candidates)-1), Runner: t.Runner, Candidates: candidates, Tool: t.Tool, Observer: t.Observer, Log: t.Log,
	}.Run(ctx)
	if err != nil {
		return nil, err
	}
	t.Observer.Note("judging the recorded pairs again in other orders")
	report, err := evaluate(ctx, result, t.Plan)
	if err != nil {
		return nil, err
	}
	report.TookS = time.Since(begin).Seconds()
	return report, nil
}

func (t Test) candidate(name string, work, extra int) runner.Candidate {
	c := t.Server.Clone()
	c.Name, c.Args = name, arguments(work, extra)
	return c
}

// spec asks for a fixed number of blocks, so that the noise is known as well
// as was planned, whatever the comparisons say.
func (t Test) spec(pairs int) bench.Spec {
	s := bench.DefaultSpec()
	s.Runner, s.Cold, s.Pairs, s.Seed, s.NoCovariate = t.Plan.Runner, bench.Warm, pairs, t.Plan.Seed, t.Plan.NoCovariate
	s.FailOn = []string{bench.GateStarts} // the injected changes are no regressions of anybody's
	return s
}

// apart gives each of so many comparisons the level that it would have alone:
// they are that many self-tests, and no search for the best of several.
func apart(s bench.Spec, comparisons int) bench.Spec {
	s.Alpha *= float64(comparisons)
	return s
}

// pilot starts the server a few times with as much extra work as there is
// before, and returns how many units take as long as a whole start without.
func (t Test) pilot(ctx context.Context, work int) (perStart float64, err error) {
	result, err := bench.Experiment{
		Spec: t.spec(pilots), Runner: t.Runner, Candidates: []runner.Candidate{t.candidate("pilot", work, work)},
		Tool: t.Tool, Observer: notes{t.Observer}, Log: t.Log,
	}.Run(ctx)
	if err != nil {
		return 0, err
	}
	var extra, rest []float64
	for _, s := range measured(result) {
		if s.Failed() {
			continue
		}
		took, ok := added(s)
		if !ok { // reached through a port that accepts before the program listens
			took = bench.Millis(t.Plan.Work)
		}
		extra, rest = append(extra, took), append(rest, s.Time()-took)
	}
	if len(extra) == 0 || !(stats.Median(rest) > 0) {
		return 0, runner.As(runner.ErrEnvironment, errors.New("the self-test's own server was hardly ever ready: end what else runs here, and try again"))
	}
	return float64(work) * stats.Median(rest) / stats.Median(extra), nil
}

// notes passes on what a user should know, and no progress: of the pilot that
// would be a run's that the user did not ask for.
type notes struct{ bench.Observer }

// Progress does nothing.
func (notes) Progress(bench.Progress) {}

type silent struct{}

func (silent) Note(string)             {}
func (silent) Progress(bench.Progress) {}
