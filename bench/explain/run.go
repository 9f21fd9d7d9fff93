package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
	"mlbench/stats"
)

// An Indexer is a Runner that can read what is in a candidate's image. It is an
// optional power.
type Indexer interface {
	Index(ctx context.Context, ref string, opts image.Options) (*image.Index, error)
}

// Explain looks closer at candidates of a result, with the runner that measured
// them: each is started again, a few times at the result's cold level for its
// imports, and once from a cold cache for what it touches. What cannot be found out is said
// in the report. Note is told what is being done.
func Explain(ctx context.Context, r runner.Runner, result *bench.Result, note func(string)) (*Report, error) {
	return explain(ctx, r, result, note)
}

// Wins are the changes that made the difference between the result's first
// candidate and each other, and what of each is drawn. Each is started a few
// times more, for its imports and for what it touches. What cannot be found out
// of the imports is told to note; what is touched only some hosts can tell.
func Wins(ctx context.Context, r runner.Runner, result *bench.Result, note func(string)) ([]bench.Wins, []bench.Explained, error) {
	report, err := explain(ctx, r, result, note)
	if err != nil {
		return nil, nil, err
	}
	var all []bench.Wins
	var drawn []bench.Explained
	for i := range report.Candidates {
		c := &report.Candidates[i]
		for _, missing := range c.Missing {
			if !strings.HasPrefix(missing, whatTouched) {
				note(fmt.Sprintf("--explain: %s: not known %s", c.Name, missing))
			}
		}
		if i > 0 {
			all = append(all, report.wins(i))
		}
		drawn = append(drawn, c.Drawn(i))
	}
	return all, drawn, nil
}

// whatTouched is what is said to be missing where it cannot be told.
const whatTouched = "what it touches"

func explain(ctx context.Context, r runner.Runner, result *bench.Result, note func(string)) (*Report, error) {
	report := &Report{
		Schema: Schema, Tool: result.Tool, StartedAt: result.StartedAt, Cold: result.Cold, Host: result.Host,
		Warnings: append([]string{}, result.GPUWarnings()...),
	}
	looks := make([]look, len(result.Candidates))
	for i := range looks {
		looks[i] = look{
			r: r, result: result, place: i, c: result.Candidates[i],
			timeout: time.Duration(result.Spec.TimeoutMS * float64(time.Millisecond)),
		}
		note(looks[i].c.Name + ": looking at its imports")
		if err := looks[i].first(ctx); err != nil {
			return nil, err
		}
	}
	for i := range looks {
		// After all imports, as candidates share files that this makes cold.
		note(looks[i].c.Name + ": looking at what it touches")
		if err := looks[i].try(ctx, whatTouched, looks[i].touched); err != nil {
			return nil, err
		}
		looks[i].found.Opportunities = opportunities(&looks[i].found)
		report.Candidates = append(report.Candidates, looks[i].found)
	}
	if len(report.Candidates) == 2 {
		wins := report.wins(1)
		report.Wins = &wins
		report.Differ()
	}
	return report, nil
}

// look is how one candidate is looked at.
type look struct {
	r       runner.Runner
	result  *bench.Result
	place   int
	c       runner.Candidate
	timeout time.Duration
	found   Candidate
}

// first finds out what does not make the candidate cold.
func (l *look) first(ctx context.Context) error {
	l.found = Candidate{Name: l.c.Name, Ref: l.c.Ref, Digest: l.c.Digest, UnpackedBytes: l.c.UnpackedBytes}
	l.phases()
	if err := l.try(ctx, "whose its files are", l.readImage); err != nil {
		return err
	}
	return l.try(ctx, "what it imports", l.imports)
}

// try finds something out, or says that it is not known. Its error is the end
// of ctx.
func (l *look) try(ctx context.Context, what string, do func(context.Context) error) error {
	err := do(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		l.found.Missing = append(l.found.Missing, what+": "+err.Error())
	}
	return nil
}

// phases are the medians of the measured starts.
func (l *look) phases() {
	f := &l.found
	f.Starts, f.ReadyMS = middle(l.result, l.place, func(s *bench.Start) (float64, bool) { return s.Time(), !s.Failed() })
	f.Phases = append([]Phase{}, l.medians(runner.PhaseNames())...)
	f.OnGPU = l.medians(runner.GPUPhaseNames())
	n, memory := middle(l.result, l.place, func(s *bench.Start) (float64, bool) {
		if s.GPUMemoryBytes == nil || s.Failed() {
			return 0, false
		}
		return float64(*s.GPUMemoryBytes), true
	})
	if n > 0 {
		f.GPUMemoryBytes = new(int64(memory))
	}
}

// medians are those of the phases that starts have.
func (l *look) medians(names []string) []Phase {
	var all []Phase
	for _, name := range names {
		n, ms := middle(l.result, l.place, func(s *bench.Start) (float64, bool) {
			ms, ok := s.PhasesMS[name]
			return ms, ok && !s.Failed()
		})
		if n > 0 {
			all = append(all, Phase{name, ms})
		}
	}
	return all
}

func (l *look) readImage(ctx context.Context) error {
	indexer, ok := l.r.(Indexer)
	if !ok {
		return errors.New("there is no image to look into")
	}
	x, err := indexer.Index(ctx, l.c.Digest, image.Options{})
	if err != nil {
		return err
	}
	l.found.index, l.found.owners = x, x.Owners()
	l.found.image = image.Describe(x, l.found.owners)
	l.found.reasons = make(map[image.Owner]string)
	for _, o := range l.found.image.Owners {
		l.found.reasons[o.Owner] = o.Reason
	}
	return nil
}

// start starts the candidate once more and looks at it.
func (l *look) start(ctx context.Context, c runner.Candidate, see func(runner.Look) error) (runner.Start, error) {
	looker, ok := l.r.(runner.Looker)
	if !ok {
		return runner.Start{}, fmt.Errorf("runner %s lets nobody look at a start", l.result.Spec.Runner)
	}
	s, err := looker.StartLooking(ctx, c, l.timeout, func(_ context.Context, seen runner.Look) error { return see(seen) })
	if err == nil && s.Outcome != runner.OutcomeReady {
		err = fmt.Errorf("the start for it failed: %s", s.Problem)
	}
	return s, err
}

// evict makes the candidate cold; proved says whether that can be relied on.
func (l *look) evict(ctx context.Context) (proved bool, err error) {
	evictor, ok := l.r.(runner.Evictor)
	if !ok {
		return false, fmt.Errorf("runner %s cannot drop pages from memory", l.result.Spec.Runner)
	}
	all := []runner.Candidate{l.c}
	how, err := evictor.CanEvict(ctx, all)
	if err != nil {
		return false, err
	}
	_, err = evictor.Evict(ctx, all)
	return how.Proved, err
}

// imports are asked for in starts at the result's cold level, as many as were
// measured but no more than enough for a median.
func (l *look) imports(ctx context.Context) error {
	const enough = 3
	c := l.c.Clone()
	c.Env = append(c.Env, "PYTHONPROFILEIMPORTTIME=1")
	var starts []printed
	var ready, program []float64
	for range min(max(l.found.Starts, 1), enough) {
		if l.result.Cold.Level == bench.Cache {
			if _, err := l.evict(ctx); err != nil {
				return err
			}
		}
		var p printed
		s, err := l.start(ctx, c, func(seen runner.Look) error {
			log, err := seen.Log()
			if seen.Mark == runner.Ready {
				p.ready = log
			} else {
				p.response = log
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(starts) == 0 && parseImports(p.ready).lines == 0 {
			return errNoImports // nor will the next
		}
		starts = append(starts, p)
		at, _ := s.ReadyAt()
		ready = append(ready, bench.Millis(at))
		program = append(program, bench.Millis(at-s.Marks[runner.Started].At))
	}
	var err error
	l.found.Imports, err = readImports(starts, func(roots []*imported) map[string]source {
		if l.found.index == nil {
			return nil
		}
		return sourcesOf(roots, l.found.index, l.found.owners, l.found.reasons)
	})
	if err == nil {
		l.found.Imports.ReadyMS, l.found.Imports.ProgramMS = stats.Median(ready), stats.Median(program)
	}
	return err
}
