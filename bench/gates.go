package bench

import (
	"fmt"
	"slices"

	"mlbench/stats"
)

// The gates.
const (
	GateStarts     = "starts"     // no more failed starts than allowed
	GateRegression = "regression" // not slower than the baseline by more than the margin
	GateTarget     = "target"     // ready within the target at its quantile
	GateSize       = "size"       // unpacked bytes within the limit
)

// Inconclusive in Spec.FailOn makes an inconclusive gate count.
const Inconclusive = "inconclusive"

// GateVerdict is what a gate says, and the whole result.
type GateVerdict string

// The verdicts of gates.
const (
	Pass    GateVerdict = "pass"
	Fail    GateVerdict = "fail"
	Unknown GateVerdict = "inconclusive"
)

// A Gate is one question with a yes or no, for one candidate.
type Gate struct {
	Name      string      `json:"name"`
	Candidate int         `json:"candidate"`
	Verdict   GateVerdict `json:"verdict"`
	Why       string      `json:"why"`
	// Needs is how many more starts in time would settle an inconclusive
	// target gate; 0 where that is unknown.
	Needs int `json:"needs,omitempty"`
}

// gates asks every gate of every candidate that it applies to.
func (r *Result) gates() []Gate {
	var gates []Gate
	for i := range r.Candidates {
		gates = append(gates, r.startsGate(i))
	}
	for _, c := range r.Comparisons {
		gates = append(gates, r.regressionGate(c))
	}
	for _, i := range r.judged() {
		if r.Spec.TargetGates {
			gates = append(gates, r.targetGate(i))
		}
		if r.Spec.MaxBytes != nil {
			gates = append(gates, r.sizeGate(i))
		}
	}
	return gates
}

// judged are the candidates that have to meet targets: all but a baseline,
// which is what it is.
func (r *Result) judged() []int {
	if len(r.Candidates) == 1 {
		return []int{0}
	}
	var judged []int
	for i := 1; i < len(r.Candidates); i++ {
		judged = append(judged, i)
	}
	return judged
}

func (r *Result) startsGate(candidate int) Gate {
	s := r.Summary(candidate)
	g := Gate{Name: GateStarts, Candidate: candidate, Verdict: Pass,
		Why: fmt.Sprintf("%d of %d starts failed, %d allowed", s.Failed, s.Starts, r.Spec.AllowFailures)}
	switch {
	case s.Failed > r.Spec.AllowFailures:
		g.Verdict = Fail
	case s.Starts == 0:
		g.Verdict, g.Why = Unknown, "no measured start"
	}
	return g
}

func (r *Result) regressionGate(c Comparison) Gate {
	g := Gate{Name: GateRegression, Candidate: c.Candidate}
	margin := percent(r.Spec.Margin)
	switch {
	case c.Change.Low > r.Spec.Margin:
		g.Verdict, g.Why = Fail, fmt.Sprintf("slower by more than %s: at least %s", margin, percent(c.Change.Low))
	case c.Change.High < r.Spec.Margin:
		g.Verdict, g.Why = Pass, fmt.Sprintf("not slower by more than %s: at most %s", margin, percent(c.Change.High))
	default:
		g.Verdict, g.Why = Unknown, fmt.Sprintf("a slowdown of %s is neither proved nor excluded after %d pairs", margin, c.Pairs)
	}
	return g
}

func percent(x float64) string { return fmt.Sprintf("%.3g %%", 100*x) }

func (r *Result) targetGate(candidate int) Gate {
	g := Gate{Name: GateTarget, Candidate: candidate}
	t := r.Target(candidate)
	switch t.Decision {
	case stats.Above:
		g.Verdict = Pass
	case stats.Below:
		g.Verdict = Fail
	default:
		g.Verdict, g.Needs = Unknown, t.Needs
	}
	g.Why = fmt.Sprintf("%d of %d starts ready within %.4g ms, %s wanted with %s confidence",
		t.InTime.InTime, t.InTime.InTime+t.InTime.Missed, r.Spec.TargetMS, percent(r.Spec.Quantile), percent(1-r.Spec.Alpha))
	if g.Needs > 0 {
		g.Why += fmt.Sprintf("; needs %d more in time", g.Needs)
	}
	return g
}

// A Target says how a candidate stands to the target, gate or not.
type Target struct {
	InTime   stats.Share
	Decision stats.Decision // Above: met; Below: missed
	Needs    int            // more starts in time that would settle it; 0 where unknown or settled
}

// Target holds a candidate against the target. A number of pairs that was
// fixed beforehand and done takes the fixed-sample form, everything else the
// one that holds whenever a run may have stopped.
func (r *Result) Target(candidate int) Target {
	q, alpha, fixed := r.Spec.Quantile, r.Spec.Alpha, r.Ended == EndedFixed
	t := Target{InTime: r.Summary(candidate).InTime}
	if fixed {
		t.Decision = t.InTime.FixedDecision(q, alpha)
	} else {
		t.Decision = t.InTime.SequentialDecision(q, alpha)
	}
	if t.Decision == stats.Undecided {
		t.Needs = max(t.InTime.MoreNeeded(q, alpha, !fixed), 0)
	}
	return t
}

func (r *Result) sizeGate(candidate int) Gate {
	g := Gate{Name: GateSize, Candidate: candidate, Verdict: Pass}
	limit, size := *r.Spec.MaxBytes, r.Candidates[candidate].UnpackedBytes
	if size == nil {
		g.Verdict = Unknown
		g.Why = fmt.Sprintf("the unpacked size is not known on storage %q", r.Host.Storage)
		return g
	}
	if *size > limit {
		g.Verdict = Fail
	}
	g.Why = fmt.Sprintf("%.4g MB unpacked, at most %.4g MB wanted", float64(*size)/1e6, float64(limit)/1e6)
	return g
}

// overall is what the gates that the user named say together.
func (r *Result) overall() GateVerdict {
	verdict := Pass
	for _, g := range r.Gates {
		if !slices.Contains(r.Spec.FailOn, g.Name) {
			continue
		}
		switch g.Verdict {
		case Fail:
			return Fail
		case Unknown:
			verdict = Unknown
		}
	}
	return verdict
}
