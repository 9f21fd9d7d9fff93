package bench

import (
	"math"
	"slices"

	"mlbench/stats"
)

// MetricReady is what verdicts are about: the time to ready.
const MetricReady = "ready"

// Verdict is what a comparison says.
type Verdict string

// The verdicts, for an interval [L, U] of the change and a margin.
const (
	Regression   Verdict = "regression"    // L over the margin
	Slower       Verdict = "slower"        // L over 0
	Faster       Verdict = "faster"        // U under 0
	NoRegression Verdict = "no_regression" // U under the margin: proved not to be slower by more
	Undecided    Verdict = "inconclusive"
)

// verdictOf reads the verdict off an interval of log ratios, delta being the
// logarithm of 1 + margin; and whether a run with this goal ends with it.
func verdictOf(i stats.Interval, delta float64, goal Goal) (v Verdict, ends bool) {
	switch {
	case i.Low > delta:
		return Regression, true
	case i.Low > 0:
		// Stopping before the upper bound is known too would call most true
		// regressions merely slower.
		return Slower, i.High < delta
	case i.High < 0:
		return Faster, true
	case i.High < delta:
		return NoRegression, goal != Claim
	}
	return Undecided, false
}

// VerdictOf reads the verdict off a change and its interval, as every comparison's
// is.
func VerdictOf(c Change, margin float64) Verdict {
	v, _ := verdictOf(stats.Interval{Estimate: c.Estimate, Low: c.Low, High: c.High}, margin, Decide)
	return v
}

// compare holds one candidate against the baseline at the last look that the
// pairs so far allow, and says whether the run may end with it.
func (r *Result) compare(candidate int, schedule stats.Schedule) (c Comparison, ends bool) {
	return r.compareWith(0, candidate, schedule)
}

// compareWith is compare against any other candidate.
func (r *Result) compareWith(baseline, candidate int, schedule stats.Schedule) (c Comparison, ends bool) {
	pairs := r.pairsOf(baseline, candidate)
	c = Comparison{
		Baseline: baseline, Candidate: candidate, Metric: MetricReady, Pairs: len(pairs), Verdict: Undecided, Level: 1 - schedule.Alpha,
		PairingGain: pairingGain(pairs),
	}
	delta := math.Log1p(r.Spec.Margin)
	d := r.differences(pairs)
	var at look
	var chosen choice
	if last, ok := lastLook(schedule, len(pairs)); ok {
		chosen = d.choose(last.N)
	}
	for _, l := range schedule.Looks {
		if l.N <= len(pairs) {
			at = d.at(l, chosen).after(at)
		}
	}
	if at.pairs == 0 {
		// No look yet: what is known is an estimate without an interval.
		c.Change = relative(stats.HodgesLehmann(d.logs, 0))
		c.ShiftMS = Change(stats.HodgesLehmann(d.shifts, 0))
		c.NeedsPairs = pairsNeeded(d.logs, delta, schedule)
		return c, false
	}
	c.Pairs = at.pairs
	c.Change, c.ShiftMS = relative(at.change), Change(at.rawShift)
	c.Covariates = chosen.told(at.coefficients)
	if len(chosen.all) > 0 {
		c.ShiftMS = inMilliseconds(at.change, pairs)
		c.Raw = &RawChange{relative(at.rawChange), Change(at.rawShift)}
		c.CovariateGain = gain(at.rawChange, at.change)
	}
	c.Verdict, ends = verdictOf(at.change, delta, r.Spec.Goal)
	if c.Verdict == NoRegression && ends && fasterInReach(at.logs, schedule) {
		ends = false
	}
	if c.Verdict == Undecided {
		c.NeedsPairs = pairsNeeded(at.logs, delta, schedule)
	}
	return c, ends
}

// pairsNeeded is about how many pairs settle on which side of a bound the
// change lies, and no fewer than the first look that can decide anything.
func pairsNeeded(logs []float64, bound float64, schedule stats.Schedule) int {
	needs := stats.PairsNeeded(logs, bound, schedule.Last().Level())
	i := slices.IndexFunc(schedule.Looks, func(l stats.Look) bool { return l.C > 0 })
	if needs == 0 || i < 0 {
		return needs
	}
	return max(needs, schedule.Looks[i].N)
}

func lastLook(schedule stats.Schedule, pairs int) (last stats.Look, ok bool) {
	for _, l := range schedule.Looks {
		if l.N <= pairs {
			last, ok = l, true
		}
	}
	return last, ok
}

// A look is what is known of a comparison after so many pairs.
type look struct {
	pairs               int
	change              stats.Interval // of logarithms
	rawChange, rawShift stats.Interval // without covariates, and in milliseconds
	logs                []float64      // the differences that change rests on
	coefficients        []float64      // of the covariates that are used
}

// at looks at the first pairs.
//
// Where covariates are left out because the candidates are seen to influence
// them, the interval also holds the one that is had with all of them. Leaving
// them out alone would be a choice by the same coin flips as the differences:
// identical images would be told apart in up to 9 % of runs instead of 5. So
// claims are then made that hold with all of them as well as without.
func (d differences) at(l stats.Look, chosen choice) look {
	x := look{pairs: l.N, logs: d.logs[:l.N]}
	x.rawChange = stats.HodgesLehmann(x.logs, l.C)
	x.rawShift = stats.HodgesLehmann(d.shifts[:l.N], l.C)
	x.change = x.rawChange
	if len(chosen.used) > 0 {
		adjusted := stats.Adjust(x.logs, first(l.N, chosen.used)...)
		x.coefficients = adjusted.Coefficients
		x.change = adjusted.HodgesLehmann(l.C)
		x.logs = adjusted.Differences()
	}
	if len(chosen.used) < len(chosen.all) {
		with := stats.Adjust(d.logs[:l.N], first(l.N, chosen.all)...)
		x.change = x.change.Around(with.HodgesLehmann(l.C))
	}
	return x
}

// after is a look in the light of the one before it. All looks together cover
// the true change with the run's confidence, so what any of them excludes stays
// excluded, and a proof is not lost again by noise. It may be lost where the
// candidates are seen to influence a covariate only later: then all looks are
// taken anew without trusting it.
func (x look) after(earlier look) look {
	if earlier.pairs > 0 {
		x.change = x.change.Within(earlier.change)
		x.rawChange, x.rawShift = x.rawChange.Within(earlier.rawChange), x.rawShift.Within(earlier.rawShift)
	}
	return x
}

// fasterInReach reports whether the candidate is likely to be proved faster
// before the limit. A comparison that could say "not slower" then goes on for
// the answer that its reader hopes for; the interval being a repeated one, it
// holds whatever a run stops for.
func fasterInReach(logs []float64, schedule stats.Schedule) bool {
	last := schedule.Last()
	needs := stats.PairsNeeded(logs, 0, last.Level())
	return needs > 0 && needs <= last.N && stats.Median(logs) < 0
}

// relative turns an interval of log ratios into one of relative changes.
func relative(i stats.Interval) Change {
	return Change{math.Expm1(i.Estimate), math.Expm1(i.Low), math.Expm1(i.High)}
}

// A pair is one start of the baseline and one of a candidate, in one block. A Step
// takes the candidate before for its baseline.
type pair struct{ baseline, candidate *Start }

// pairs are those with the baseline.
func (r *Result) pairs(candidate int) []pair { return r.pairsOf(0, candidate) }

// pairsOf are those of every block that is complete as far as the two go.
func (r *Result) pairsOf(baseline, candidate int) []pair {
	var pairs []pair
	for _, b := range r.blocks(RolePair) {
		if b[baseline] != nil && b[candidate] != nil {
			pairs = append(pairs, pair{b[baseline], b[candidate]})
		}
	}
	return pairs
}

// differences are candidate minus baseline of every pair: of the logarithms
// of the times, of the times in milliseconds, and of what else is known.
type differences struct {
	pairs        []pair
	logs, shifts []float64
	covariates   []recorded
}

// differences takes a failed start for an infinite time, so a pair in which
// only one failed is infinitely different; one in which both failed says
// nothing and is 0.
func (r *Result) differences(pairs []pair) differences {
	d := differences{pairs: pairs}
	for _, p := range pairs {
		if p.baseline.Failed() && p.candidate.Failed() {
			d.logs, d.shifts = append(d.logs, 0), append(d.shifts, 0)
			continue
		}
		d.logs = append(d.logs, math.Log(p.candidate.Time())-math.Log(p.baseline.Time()))
		d.shifts = append(d.shifts, p.candidate.Time()-p.baseline.Time())
	}
	if !r.Spec.NoCovariate {
		d.covariates = r.recordedIn(pairs)
	}
	return d
}

// inMilliseconds is a change of logarithms as one of times about the geometric
// mean of these pairs' ready starts. It lies to the same side of 0.
func inMilliseconds(change stats.Interval, pairs []pair) Change {
	sum, n := 0.0, 0
	for _, p := range pairs {
		for _, s := range []*Start{p.baseline, p.candidate} {
			if !s.Failed() {
				sum += math.Log(s.Time())
				n++
			}
		}
	}
	middle := math.Exp(sum / float64(max(n, 1)))
	ms := func(log float64) float64 { return 2 * middle * math.Sinh(log/2) }
	return Change{ms(change.Estimate), ms(change.Low), ms(change.High)}
}

// pairingGain is the share of the variance of log times that comparing pair by
// pair has removed, because the two of a pair met the same host.
func pairingGain(pairs []pair) *float64 {
	var baseline, candidate []float64
	for _, p := range pairs {
		baseline, candidate = append(baseline, math.Log(p.baseline.Time())), append(candidate, math.Log(p.candidate.Time()))
	}
	return finite(stats.PairingGain(baseline, candidate))
}

// blocks are the starts of a role by block and, within it, by candidate.
func (r *Result) blocks(role Role) [][]*Start {
	var blocks [][]*Start
	at := make(map[int]int)
	for i := range r.Starts {
		s := &r.Starts[i]
		if s.Role != role {
			continue
		}
		k, ok := at[s.Block]
		if !ok {
			k = len(blocks)
			at[s.Block] = k
			blocks = append(blocks, make([]*Start, len(r.Candidates)))
		}
		blocks[k][s.Candidate] = s
	}
	return blocks
}
