package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mlbench/stats"
)

// The gates.
const (
	GateStarts     = "starts"     // no more failed starts than allowed
	GateRegression = "regression" // not slower than the baseline by more than the margin
	GateTarget     = "target"     // ready within the target at its quantile
	GateSize       = "size"       // unpacked bytes within the limit
	GateGPUMemory  = "gpu_memory" // the most memory on the GPUs within the limit
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
	if !r.Spec.Pinned {
		for _, c := range r.On(MetricReady) {
			gates = append(gates, r.regressionGate(c))
		}
	}
	for _, i := range r.judged() {
		if r.Spec.TargetGates {
			gates = append(gates, r.targetGate(i))
		}
		if r.Spec.MaxBytes != nil {
			gates = append(gates, r.sizeGate(i))
		}
		if r.Spec.MaxGPUBytes != nil && r.hasGPU(i) { // of one without there is nothing to ask
			gates = append(gates, r.gpuMemoryGate(i))
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
		Why: fmt.Sprintf("%d of %s failed, %d allowed", s.Failed, counted(s.Starts, r.one()), r.Spec.AllowFailures)}
	switch {
	case s.Failed > r.Spec.AllowFailures:
		g.Verdict = Fail
	case s.Starts == 0:
		g.Verdict, g.Why = Unknown, "no measured "+r.one()
	}
	return g
}

func (r *Result) regressionGate(c Comparison) Gate {
	g := Gate{Name: GateRegression, Candidate: c.Candidate}
	margin := setting(r.Spec.Margin)
	low, high := c.Change.Low, c.Change.High
	switch {
	case math.IsInf(low, 1):
		g.Verdict, g.Why = Fail, fmt.Sprintf("it fails where %s does not", r.Candidates[c.Baseline].Name)
	case low > r.Spec.Margin:
		g.Verdict, g.Why = Fail, fmt.Sprintf("slower by more than %s: by at least %s", margin, percent(low))
	case high < 0:
		g.Verdict, g.Why = Pass, fmt.Sprintf("not slower by more than %s: at least %s sooner", margin, percent(-high))
	case high < r.Spec.Margin:
		g.Verdict, g.Why = Pass, fmt.Sprintf("not slower by more than %s: by at most %s", margin, percent(high))
	default:
		g.Verdict, g.Why = Unknown, fmt.Sprintf("a slowdown of %s is neither proved nor excluded after %s", margin, counted(c.Pairs, "pair"))
	}
	return g
}

// percent writes a measured fraction, setting one that was chosen and is
// therefore told to its last digit.
func percent(x float64) string { return digits(100*x, 3) + " %" }
func setting(x float64) string { return digits(100*x, 9) + " %" }

// megabytes writes a size with four digits.
func megabytes(n int64) string { return digits(float64(n)/1e6, 4) + " MB" }

// memory writes what a GPU has, in the unit that flags name it in.
func memory(n int64) string {
	if n >= 1e9 {
		return digits(float64(n)/1e9, 4) + " GB"
	}
	return megabytes(n)
}

// digits rounds to so many significant digits, and writes no exponent.
func digits(x float64, n int) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', n-1, 64), 64)
	if err != nil {
		rounded = x
	}
	return strings.Replace(strconv.FormatFloat(rounded, 'f', -1, 64), "-", "−", 1)
}

func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

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
	g.Why = fmt.Sprintf("%d of %s within %s ms; %s wanted at %s confidence",
		t.InTime.InTime, counted(t.InTime.InTime+t.InTime.Missed, r.one()), digits(r.Spec.TargetMS, 9),
		setting(r.Spec.Quantile), setting(1-r.Spec.Alpha))
	if g.Needs > 0 {
		g.Why += fmt.Sprintf(": %d more in time would prove it", g.Needs)
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
	q, alpha := r.Spec.Quantile, r.Spec.Alpha
	t := Target{InTime: r.Summary(candidate).InTime}
	fixed := r.Spec.Pairs != chosenByRule && t.InTime.InTime+t.InTime.Missed == r.Spec.Pairs
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
	have, most := held(*size, limit, megabytes)
	g.Why = fmt.Sprintf("%s unpacked, at most %s wanted", have, most)
	return g
}

// held writes a size and the limit that it is held against, to the byte where
// the difference is in the digits that write leaves out.
func held(size, limit int64, write func(int64) string) (have, most string) {
	have, most = write(size), write(limit)
	if have == most && size > limit {
		return fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d bytes", limit)
	}
	return have, most
}

// overall is what the gates that the user named say together.
func (r *Result) overall() GateVerdict {
	verdict := Pass
	if r.Ended == EndedFailed || r.Ended == EndedInterrupted {
		verdict = Unknown // whatever passes so far, not all was asked
	}
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
