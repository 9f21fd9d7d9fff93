package bench

import (
	"math"

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

// compare holds one candidate against the baseline at the last look that the
// pairs so far allow, and says whether the run may end with it.
func (r *Result) compare(candidate int, schedule stats.Schedule) (c Comparison, ends bool) {
	c = Comparison{Baseline: 0, Candidate: candidate, Metric: MetricReady, Verdict: Undecided}
	logs, shifts := r.differences(candidate)
	delta := math.Log1p(r.Spec.Margin)
	n, cut := 0, 0
	for _, look := range schedule.Looks {
		if look.N <= len(logs) {
			n, cut = look.N, look.C
		}
	}
	c.Pairs = n
	c.PairingGain = r.pairingGain(candidate)
	if n == 0 {
		// No look yet: what is known is an estimate without an interval.
		c.Pairs = len(logs)
		c.Change = relative(stats.HodgesLehmann(logs, 0))
		c.ShiftMS = Change(stats.HodgesLehmann(shifts, 0))
		c.NeedsPairs = stats.PairsNeeded(logs, delta, schedule.Last().Level())
		return c, false
	}
	logs, shifts = logs[:n], shifts[:n]
	raw := stats.HodgesLehmann(logs, cut)
	adjusted, uses := r.adjust(candidate, logs)
	interval := raw
	c.Covariates = uses
	if len(adjusted.Coefficients) > 0 {
		interval = adjusted.HodgesLehmann(cut)
		c.Raw = &RawChange{relative(raw), Change(stats.HodgesLehmann(shifts, cut))}
		c.CovariateGain = gain(raw, interval)
		logs = adjusted.Differences()
		shifts = r.rescaled(candidate, logs, shifts)
	}
	c.Change = relative(interval)
	c.ShiftMS = Change(stats.HodgesLehmann(shifts, cut))
	c.Verdict, ends = verdictOf(interval, delta, r.Spec.Goal)
	if c.Verdict == NoRegression && ends && fasterInReach(logs, schedule) {
		ends = false
	}
	if c.Verdict == Undecided {
		c.NeedsPairs = stats.PairsNeeded(logs, delta, schedule.Last().Level())
	}
	return c, ends
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

// differences are candidate minus baseline of every complete block, in order:
// of the logarithms of the times, and of the times in milliseconds. A failed
// start is an infinite time, so a pair in which only one failed is infinitely
// different; one in which both failed says nothing and is 0.
func (r *Result) differences(candidate int) (logs, shifts []float64) {
	for _, b := range r.blocks(RolePair) {
		x, y := b[0], b[candidate]
		if x == nil || y == nil {
			continue
		}
		if x.Failed() && y.Failed() {
			logs, shifts = append(logs, 0), append(shifts, 0)
			continue
		}
		logs = append(logs, math.Log(y.Time())-math.Log(x.Time()))
		shifts = append(shifts, y.Time()-x.Time())
	}
	return logs, shifts
}

// rescaled turns adjusted differences of logarithms into milliseconds: those
// between two times with that ratio and the geometric mean of the pair's.
// Infinite differences stay as they were.
func (r *Result) rescaled(candidate int, logs, shifts []float64) []float64 {
	ms := make([]float64, len(logs))
	i := 0
	for _, b := range r.blocks(RolePair) {
		if i == len(logs) {
			break
		}
		x, y := b[0], b[candidate]
		if x == nil || y == nil {
			continue
		}
		ms[i] = shifts[i]
		if !x.Failed() && !y.Failed() {
			ms[i] = 2 * math.Sqrt(x.Time()) * math.Sqrt(y.Time()) * math.Sinh(logs[i]/2)
		}
		i++
	}
	return ms
}

// pairingGain is the share of the variance of log times that comparing pair by
// pair has removed, because the two of a pair met the same host.
func (r *Result) pairingGain(candidate int) *float64 {
	var baseline, other []float64
	for _, b := range r.blocks(RolePair) {
		if x, y := b[0], b[candidate]; x != nil && y != nil {
			baseline, other = append(baseline, math.Log(x.Time())), append(other, math.Log(y.Time()))
		}
	}
	return finite(stats.PairingGain(baseline, other))
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
