// Package nightly follows candidates night after night: each is measured against
// a pinned reference, so that what the host does to both cancels out; the
// history of that is searched for a change; and a change that is suspected is
// measured afresh, old image against new, before anybody is told of it.
package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/runner"
)

// DefaultPairs is how many pairs a night measures where nothing else is said. With
// 4 % of noise in a start, the change against the reference is known to 1.3 %.
const DefaultPairs = 20

// DefaultMaxPairs bounds the measurement that verifies. It is rare, and on a noisy
// host it has to tell what 40 pairs cannot.
const DefaultMaxPairs = 100

// A Night is what is to be done.
type Night struct {
	Dir        string // of the history
	Spec       bench.Spec
	Candidates []runner.Candidate // the pinned reference first
	Tool       bench.Tool
	Detector   Detector

	// Measure runs an experiment of these candidates, the first the baseline.
	Measure func(ctx context.Context, spec bench.Spec, candidates []runner.Candidate) (*bench.Result, error)
	// Keep writes a result into a file of this name and returns where that is.
	Keep func(r *bench.Result, name string) (path string, err error)
	// Note tells what a user should know on the way.
	Note func(line string)
	// Repeat is the command line that compares the two again in so many pairs, by
	// what they are named; nil where there is none.
	Repeat func(old, candidate string, seed uint64, pairs int) []string
}

// Run measures the night, appends it, searches, verifies and writes down what
// became of it. The report holds what there is also where an error is returned:
// that of the measurement, of the history, or of results that could not be kept,
// without which the night goes on. Only one night at a time is in a history.
func (n Night) Run(ctx context.Context) (*Report, error) {
	rep := &Report{
		Schema: Schema, Tool: n.Tool, Folder: n.Dir, Candidates: []Standing{}, Changes: []history.Change{}, Failed: []Failed{}, Warnings: []string{},
		Verdict: bench.Unknown, Spec: n.Spec,
	}
	release, err := history.Occupy(n.Dir)
	if err != nil {
		return rep, runner.As(runner.ErrEnvironment, err)
	}
	defer release()
	n.Spec.Pinned = true
	keep := n.Keep
	var lost []error
	n.Keep = func(r *bench.Result, name string) (string, error) {
		path, err := keep(r, name)
		if err != nil {
			lost = append(lost, runner.As(runner.ErrEnvironment, fmt.Errorf("the result %s could not be kept: %w", name, err)))
		}
		return path, err
	}
	err = n.run(ctx, rep)
	return rep, errors.Join(err, errors.Join(lost...))
}

func (n Night) run(ctx context.Context, rep *Report) error {
	r, err := n.measure(ctx, rep)
	if r == nil || len(r.Starts) == 0 {
		return errors.Join(err, missing(err))
	}
	rep.Spec = r.Spec
	n.Candidates = slices.DeleteFunc(slices.Clone(n.Candidates), func(c runner.Candidate) bool { return !has(r, c.Name) })
	if appendErr := n.append(ctx, rep, r); appendErr != nil {
		return errors.Join(err, runner.As(runner.ErrEnvironment, appendErr))
	}
	if logErr := n.standings(rep); logErr != nil {
		return errors.Join(err, runner.As(runner.ErrEnvironment, logErr))
	}
	if err == nil {
		err = n.verifyAll(ctx, rep)
	}
	rep.judge(r)
	return err
}

// measure measures the night. A candidate that is never ready is told, and kept as a
// run of its own, and the others are measured without it: one that is broken is not
// to hide what becomes of the rest. The reference has to be ready.
func (n Night) measure(ctx context.Context, rep *Report) (*bench.Result, error) {
	left := slices.Clone(n.Candidates)
	for {
		r, err := n.Measure(ctx, n.Spec, left)
		var never *bench.NeverReadyError
		if ctx.Err() != nil || !errors.As(err, &never) || never.Candidate == left[0].Name {
			return r, err
		}
		for line := range strings.Lines(err.Error()) {
			n.Note(strings.TrimRight(line, "\n"))
		}
		why, _, _ := strings.Cut(err.Error(), "\n")
		rep.Failed = append(rep.Failed, Failed{bench.GateStarts, never.Candidate, bench.Fail, why})
		left = slices.DeleteFunc(left, func(c runner.Candidate) bool { return c.Name == never.Candidate })
		if len(left) == 1 {
			return r, nil
		}
		if err := n.append(ctx, rep, r); err != nil {
			return nil, runner.As(runner.ErrEnvironment, err)
		}
	}
}

// never reports whether a candidate was never ready tonight.
func (r *Report) never(name string) bool {
	return slices.ContainsFunc(r.Failed, func(f Failed) bool { return f.Gate == bench.GateStarts && f.Candidate == name })
}

func has(r *bench.Result, name string) bool {
	return slices.ContainsFunc(r.Candidates, func(c runner.Candidate) bool { return c.Name == name })
}

func missing(err error) error {
	if err == nil {
		return errors.New("nothing was measured")
	}
	return nil
}

// append keeps the night's result and appends it, also one that did not get to
// its end.
func (n Night) append(ctx context.Context, rep *Report, r *bench.Result) error {
	entry := history.New(r, "")
	path, err := n.Keep(r, name(r, entry.ID))
	if err != nil { // the entry has what the search needs
		rep.warn("the night's result could not be kept: %v", err)
	}
	entry.Result = path
	// What is measured counts also where the user has had enough.
	appended, err := history.Append(context.WithoutCancel(ctx), n.Dir, entry)
	if err != nil {
		return err
	}
	if appended.Repaired > 0 {
		rep.warn("the history's last line had no end, as a crash leaves it: those %d bytes are kept, and a new line begun", appended.Repaired)
	}
	rep.Run, rep.StartedAt, rep.Ended, rep.Result = entry.ID, entry.StartedAt, r.Ended, path
	return nil
}

// name is that of the file of a result.
func name(r *bench.Result, id string) string {
	return r.StartedAt.UTC().Format("20060102T150405Z") + "-" + id + ".json"
}

// standings reads the history and searches it, for every candidate of tonight.
func (n Night) standings(rep *Report) error {
	log, err := history.Read(n.Dir)
	if err != nil {
		return err
	}
	nights := log.Nights()
	at := slices.IndexFunc(nights, func(e *history.Entry) bool { return e.ID == rep.Run })
	if at < 0 {
		return fmt.Errorf("history %s: tonight's run %s was appended and is not there: was the file replaced?", n.Dir, rep.Run)
	}
	tonight := nights[at]
	rep.Nights = len(nights)
	rep.Reference = tonight.Candidates[0]
	rep.Warnings = append(rep.Warnings, history.Look(n.Dir, log, history.Filter{}, n.Tool).Warnings...)
	if at > 0 {
		for _, d := range tonight.ReferenceDiffers(nights[at-1]) {
			rep.warn("since the night before %s is another: %s → %s. A new series begins: nights before are not compared with this one", d.What, orNone(d.From), orNone(d.To))
		}
	}
	tracks := log.Tracks()
	for i := 1; i < len(tonight.Candidates); i++ {
		s := Standing{Candidate: tonight.Candidates[i].Name, Digest: tonight.Candidates[i].Digest, index: i, Ready: tonight.Candidates[i].Ready, State: Unmeasured}
		if t := trackOf(tracks, tonight, i); t != nil {
			s.track = t
			s.follow(n.Detector.Search(t, log.Changes), log.Changes)
		}
		rep.Candidates = append(rep.Candidates, s)
	}
	for _, f := range rep.Failed { // never ready, and no part of the run that counts
		if !slices.ContainsFunc(tonight.Candidates, func(c history.Candidate) bool { return c.Name == f.Candidate }) {
			rep.Candidates = append(rep.Candidates, Standing{Candidate: f.Candidate, State: Unmeasured})
		}
	}
	rep.gone(nights, at)
	return nil
}

func trackOf(tracks []*history.Track, e *history.Entry, candidate int) *history.Track {
	if !slices.ContainsFunc(e.Comparisons, func(c history.Comparison) bool { return c.Candidate == candidate }) {
		return nil
	}
	id := e.TrackID(candidate)
	i := slices.IndexFunc(tracks, func(t *history.Track) bool { return t.ID == id })
	if i < 0 || tracks[i].Nights[len(tracks[i].Nights)-1].Run != e.ID {
		return nil
	}
	return tracks[i]
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// verifyAll measures every suspicion afresh, and writes down what became of it as
// soon as that is known: a night that is killed in between is taken up by the next.
func (n Night) verifyAll(ctx context.Context, rep *Report) error {
	number := 0
	for i := range rep.Candidates {
		s := &rep.Candidates[i]
		if s.finding.Suspicion == nil {
			continue
		}
		number++
		c, err := n.verify(ctx, s, number)
		if err != nil {
			return err
		}
		if _, err := history.AppendChange(context.WithoutCancel(ctx), n.Dir, c); err != nil {
			return runner.As(runner.ErrEnvironment, err)
		}
		s.State = stateOf(c.State)
		rep.Changes = append(rep.Changes, c)
	}
	return nil
}

// verify measures one suspicion afresh. Its error is that of ctx's end alone: what
// cannot be measured stays a suspicion.
func (n Night) verify(ctx context.Context, s *Standing, number int) (history.Change, error) {
	suspicion := s.finding.Suspicion
	tonight := s.track.Nights[len(s.track.Nights)-1]
	c := history.Change{
		Series: s.track.ID, Candidate: s.Candidate, Night: tonight.Run, State: history.Suspected,
		Before: moment(suspicion.Before), After: moment(suspicion.After), Nights: suspicion.Nights, Seen: suspicion.Seen, P: suspicion.P,
	}
	spec := Asked(n.Spec, number, suspicion.Seen)
	candidate := n.Candidates[s.index].Clone()
	old, why := n.old(candidate, suspicion.Before, tonight)
	var unmeasured []string
	if old != nil {
		n.Note(fmt.Sprintf("%s: the history shows %+.1f %%: measuring what it was (%s) against what it is", s.Candidate, 100*suspicion.Seen, old.Ref))
		r, err := n.Measure(ctx, spec, []runner.Candidate{*old, candidate})
		if ctx.Err() != nil {
			return c, errors.Join(err, context.Cause(ctx))
		}
		if err == nil || measured(r, err) {
			c.Verification, c.State = Judged(r, spec)
			n.keep(&c, r, old.Ref, s.Candidate, spec.Seed)
			return c, nil
		}
		unmeasured = append(unmeasured, fmt.Sprintf("what it was (%s) cannot be measured any more: %s", old.Ref, oneLine(err)))
	} else {
		unmeasured = append(unmeasured, why)
	}
	n.Note(fmt.Sprintf("%s: the history shows %+.1f %%, and %s: measuring it against the reference again", s.Candidate, 100*suspicion.Seen, strings.Join(unmeasured, "; ")))
	spec.Pairs = spec.MaxPairs // the reference is known to differ: the stopping rule would end at once
	r, err := n.Measure(ctx, spec, []runner.Candidate{n.Candidates[0], candidate})
	switch {
	case ctx.Err() != nil:
		return c, errors.Join(err, context.Cause(ctx))
	case err == nil || measured(r, err):
		c.Verification, c.State = Relevelled(r, suspicion, spec)
		n.keep(&c, r, n.Candidates[0].Name, s.Candidate, spec.Seed)
	default:
		unmeasured = append(unmeasured, "nor could it be measured against the reference: "+oneLine(err))
	}
	c.Why = strings.Join(unmeasured, "; ")
	return c, nil
}

// measured reports whether a run that ended with an error compares two
// candidates all the same: one that is never ready has been found out about.
func measured(r *bench.Result, err error) bool {
	var never *bench.NeverReadyError
	if r == nil || !errors.As(err, &never) {
		return false
	}
	c := r.On(bench.MetricReady)
	return len(c) > 0 && c[0].Pairs > 0
}

// keep notes where the verification's result is, and how it is repeated.
func (n Night) keep(c *history.Change, r *bench.Result, old, candidate string, seed uint64) {
	path, err := n.Keep(r, name(r, history.New(r, "").ID))
	if err != nil {
		n.Note("the verification's result could not be kept")
	}
	c.Verification.Result = path
	if n.Repeat != nil {
		c.Verification.Command = n.Repeat(old, candidate, seed, c.Verification.Pairs)
	}
}

func moment(n history.Night) history.Moment {
	return history.Moment{Run: n.Run, StartedAt: n.StartedAt, Digest: n.Digest}
}

// old is the candidate as it was in a night, or why it is not to be had.
func (n Night) old(tonight runner.Candidate, before, now history.Night) (*runner.Candidate, string) {
	old := tonight.Clone()
	old.Name += " as it was on " + before.StartedAt.UTC().Format("2006-01-02")
	switch {
	case before.Digest != "" && before.Digest != now.Digest:
		old.Ref = before.Digest // the engine's own name of it, whatever the tag is now
	case before.Digest == "" && before.Ref != now.Ref:
		old.Ref = before.Ref
	case before.Digest != "":
		return nil, "the image is the same as before the change: what changed is outside of it, as are volumes, what it downloads, the host"
	default:
		return nil, "the command is the same as before the change, and what it starts is not kept"
	}
	return &old, ""
}

func oneLine(err error) string {
	if err == nil {
		return "no start counted"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
