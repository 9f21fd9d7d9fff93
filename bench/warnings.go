package bench

import (
	"fmt"
	"maps"
	"math"

	"mlbench/runner"
	"mlbench/stats"
)

const (
	// shown is the p-value under which a diagnostic is worth a line. They
	// are looked at in every run, so 5 % would cry wolf.
	shown = 0.01
	// resolved is the share of a start's time that its resolution may have.
	resolved = 0.01
	// severalModes is BenchmarkDotNet's bound for "bimodal"; a sample
	// needs modesFrom values before its histogram means anything.
	severalModes = 2.8
	modesFrom    = 20
)

// warnings are what a reader should know about the measurement. They change
// no verdict.
func (r *Result) warnings() []string {
	w := []string{}
	for i := range r.Candidates {
		w = append(w, r.failureWarning(i)...)
	}
	w = append(w, r.candidateWarnings()...)
	w = append(w, r.coldWarnings()...)
	for i := range r.Candidates {
		w = append(w, r.resolutionWarning(i)...)
		w = append(w, r.modesWarning(i)...)
	}
	for i := 1; i < len(r.Candidates); i++ {
		w = append(w, r.orderWarning(i)...)
	}
	return append(w, r.driftWarning()...)
}

func (r *Result) failureWarning(candidate int) []string {
	s := r.Summary(candidate)
	if s.Failed == 0 {
		return nil
	}
	failed := maps.Clone(s.Outcomes)
	delete(failed, runner.OutcomeReady)
	var last Start
	for _, x := range r.measured(candidate) {
		if x.Failed() {
			last = x
		}
	}
	line := fmt.Sprintf("%s: %d of %s failed (%s); the last one: %s",
		r.Candidates[candidate].Name, s.Failed, counted(s.Starts, "start"), Counts(failed), last.Error)
	if n := len(last.Log); n > 0 {
		line += "; its last line: " + last.Log[n-1]
	}
	return []string{Printable(line)}
}

func (r *Result) candidateWarnings() []string {
	var w []string
	base := r.baseline()
	for _, c := range r.Candidates[min(1, len(r.Candidates)):] {
		if c.Digest != "" && c.Digest == base.Digest {
			w = append(w, fmt.Sprintf("%s and %s are the same image: any difference between them is noise", base.Name, c.Name))
		}
		if base.Health != "" && c.Health != "" && c.Health != base.Health {
			w = append(w, fmt.Sprintf("%s is asked at %s and %s at %s: ready may not mean the same", base.Name, base.Health, c.Name, c.Health))
		}
	}
	if r.Host.Reach == "published" {
		w = append(w, "the containers' own addresses cannot be reached: they were asked through published ports, which blurs the phase boot")
	}
	return w
}

func (r *Result) baseline() runner.Candidate {
	if len(r.Candidates) == 0 {
		return runner.Candidate{}
	}
	return r.Candidates[0]
}

func (r *Result) coldWarnings() []string {
	var w []string
	if r.Cold.Level != Cache {
		return nil
	}
	for _, e := range r.Cold.Evidence {
		if float64(e.ResidentBytes) > coldEnough*float64(e.TouchedBytes) {
			w = append(w, fmt.Sprintf("%s was not quite cold: up to %s of the %s that a start touches were in memory before a start",
				r.Candidates[e.Candidate].Name, megabytes(e.ResidentBytes), megabytes(e.TouchedBytes)))
		}
	}
	return w
}

func (r *Result) resolutionWarning(candidate int) []string {
	blurred, worst, starts := 0, 0.0, r.measured(candidate)
	for _, s := range starts {
		if share := s.ResolutionMS / s.Time(); share > resolved {
			blurred++
			worst = max(worst, share)
		}
	}
	if blurred == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: the moment of ready is known only to more than 1 %% of the time in %d of %s (worst %s %%)",
		r.Candidates[candidate].Name, blurred, counted(len(starts), "start"), digits(100*worst, 2))}
}

func (r *Result) modesWarning(candidate int) []string {
	var times []float64
	for _, s := range r.measured(candidate) {
		if !s.Failed() {
			times = append(times, s.Time())
		}
	}
	if len(times) < modesFrom {
		return nil
	}
	if m := stats.MValue(times); m > severalModes {
		return []string{fmt.Sprintf("%s: its times fall into several groups (mValue %.2g): its starts take different paths, and one median hides that",
			r.Candidates[candidate].Name, m)}
	}
	return nil
}

// orderWarning says when it matters to be first in a pair. The order is drawn
// at random, so the comparison stays fair; but something is carried over.
func (r *Result) orderWarning(candidate int) []string {
	var first, second []float64
	for _, b := range r.blocks(RolePair) {
		x, y := b[0], b[candidate]
		if x == nil || y == nil || x.Failed() || y.Failed() {
			continue
		}
		d := math.Log(y.Time() / x.Time())
		if y.Position < x.Position {
			first = append(first, d)
		} else {
			second = append(second, d)
		}
	}
	if t := stats.OrderEffect(first, second); t.P < shown {
		return []string{fmt.Sprintf("running first in a pair makes a start %s (%s): the order is drawn at random, so this blurs the comparison but does not bend it",
			longer(math.Expm1(t.Effect)), chance(t.P))}
	}
	return nil
}

func (r *Result) driftWarning() []string {
	var means []float64
	for _, b := range r.blocks(RolePair) {
		sum := 0.0
		for _, s := range b {
			if s == nil || s.Failed() {
				sum = math.NaN()
				break
			}
			sum += math.Log(s.Time())
		}
		if !math.IsNaN(sum) {
			means = append(means, sum/float64(len(b)))
		}
	}
	if t := stats.Drift(means); t.P < shown {
		return []string{fmt.Sprintf("the host changed during the run: starts at its end were %s than those at its beginning (%s); the comparison is made pair by pair, so it holds, but the times themselves are of this session",
			longer(t.Change), chance(t.P))}
	}
	return nil
}

// longer words a relative change of a time.
func longer(change float64) string {
	if change < 0 {
		return digits(-100*change, 2) + " % shorter"
	}
	return digits(100*change, 2) + " % longer"
}

// chance words a p-value.
func chance(p float64) string {
	if p < 0.0001 {
		return "p < 0.0001"
	}
	return "p = " + digits(p, 1)
}
