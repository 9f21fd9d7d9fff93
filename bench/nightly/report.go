package nightly

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/stats"
)

// Schema is the form of a Report's JSON. Fields are never renamed within it;
// readers ignore what they do not know.
const Schema = "mlbench.nightly/v1"

// A Report is what a night found.
type Report struct {
	Schema    string      `json:"schema"`
	Tool      bench.Tool  `json:"tool"`
	Folder    string      `json:"folder"`
	Run       string      `json:"run"` // in the history
	StartedAt time.Time   `json:"started_at"`
	Ended     bench.Ended `json:"ended"`
	Nights    int         `json:"nights"`           // in the history, this one among them
	Result    string      `json:"result,omitempty"` // the whole result file
	Spec      bench.Spec  `json:"spec"`

	Reference  history.Candidate `json:"reference"`
	Candidates []Standing        `json:"candidates"` // all others
	Changes    []history.Change  `json:"changes"`    // that were looked at tonight
	Failed     []Failed          `json:"failed_gates"`
	Warnings   []string          `json:"warnings"`
	// Verdict is fail for a slow-down that was verified tonight and where a gate
	// of Spec.FailOn fails, inconclusive where one is or a suspicion is open.
	Verdict bench.GateVerdict `json:"verdict"`
}

// State is how a candidate stands.
type State string

// The states, beside those of changes.
const (
	Learning   State = "learning"   // too few nights for any change to be found
	Steady     State = "steady"     // no change found
	Unmeasured State = "unmeasured" // tonight was not compared with the reference
)

func stateOf(s history.State) State { return State(s) }

// A Standing is how one candidate stands after the night.
type Standing struct {
	Candidate string            `json:"candidate"`
	Digest    string            `json:"digest,omitempty"`
	Ready     *history.Interval `json:"ready_ms"`
	// Change is against the reference, tonight; nil where that was not measured.
	Change *history.Interval `json:"change"`
	// SinceLevel is by how much tonight differs from the median of the nights
	// before it at the same level, as a fraction: of them the estimate is known
	// to no better than the night. Nil where there is none.
	SinceLevel *float64 `json:"since_level"`
	Nights     int      `json:"nights"`   // at this level
	LeftOut    int      `json:"left_out"` // of them, as they were not measured
	Needs      int      `json:"needs"`    // more before changes can be found
	State      State    `json:"state"`
	// Trend is the change against the reference, night by night, oldest first;
	// null where it is not known.
	Trend []*float64 `json:"trend"`
	// Open is what is known of the change that the last nights suspect or have
	// refuted; nil for none.
	Open *history.Change `json:"open,omitempty"`

	index   int
	track   *history.Track
	finding Finding
}

// A Failed gate is one that the night did not pass.
type Failed struct {
	Gate      string            `json:"gate"`
	Candidate string            `json:"candidate"`
	Verdict   bench.GateVerdict `json:"verdict"`
	Why       string            `json:"why"`
}

// Write writes the report as JSON.
func (r *Report) Write(w io.Writer) error { return bench.WriteJSON(w, r) }

// relative is a logarithm of a ratio as a relative change, without bounds.
func relative(log float64) stats.Interval {
	return stats.Interval{Estimate: math.Expm1(log), Low: math.Inf(-1), High: math.Inf(1)}
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// follow fills in what the search found.
func (s *Standing) follow(f Finding, changes []history.Change) {
	s.finding = f
	s.Nights, s.LeftOut, s.Needs = f.Nights, f.LeftOut, f.Needs
	nights := s.track.Nights
	for _, n := range nights {
		s.Trend = append(s.Trend, history.NewInterval(relative(n.Log)).Estimate)
	}
	tonight := nights[len(nights)-1]
	for _, c := range tonight.Entry.Comparisons {
		if c.Candidate == tonight.Candidate {
			s.Change = &c.Change
		}
	}
	var level []float64
	for _, n := range nights[since(s.track, changes) : len(nights)-1] {
		if x := history.NewInterval(relative(n.Log)).Estimate; x != nil {
			level = append(level, n.Log)
		}
	}
	if x := history.NewInterval(relative(tonight.Log)).Estimate; x != nil && len(level) > 0 {
		by := relative(tonight.Log - stats.Median(level)).Estimate
		s.SinceLevel = &by
	}
	switch {
	case f.Suspicion != nil:
		s.State = stateOf(history.Suspected)
	case f.Last != nil:
		s.State = stateOf(f.Last.State)
	case f.Needs > 0:
		s.State = Learning
	default:
		s.State = Steady
	}
	s.Open = f.Last
}

// gone says which candidates of the night before are not in this one.
func (r *Report) gone(nights []*history.Entry, at int) {
	if at == 0 {
		return
	}
	var now, gone []string
	for _, c := range nights[at].Candidates {
		now = append(now, c.Name)
	}
	for _, c := range nights[at-1].Candidates {
		if !slices.Contains(now, c.Name) && !r.never(c.Name) {
			gone = append(gone, c.Name)
		}
	}
	if len(gone) > 0 {
		r.warn("measured the night before and not tonight: %s. Under another name a candidate begins a series of its own", strings.Join(gone, ", "))
	}
	for i, c := range nights[at].Candidates[1:] {
		for was, b := range nights[at-1].Candidates {
			if was == 0 || b.Name != c.Name {
				continue
			}
			for _, d := range nights[at].SetupDiffers(i+1, nights[at-1], was) {
				r.warn("%s is started in another way than the night before: %s %s → %s. A new series begins", c.Name, d.What, orNone(d.From), orNone(d.To))
			}
		}
	}
}

// judge makes the verdict of what was measured and found.
func (r *Report) judge(res *bench.Result) {
	r.Verdict = res.Verdict
	if len(r.Failed) > 0 && slices.Contains(res.Spec.FailOn, bench.GateStarts) { // never ready
		r.Verdict = bench.Fail
	}
	for _, g := range res.Gates {
		if name := res.Candidates[g.Candidate].Name; g.Verdict != bench.Pass && slices.Contains(res.Spec.FailOn, g.Name) && !(g.Name == bench.GateStarts && r.never(name)) {
			r.Failed = append(r.Failed, Failed{g.Name, res.Candidates[g.Candidate].Name, g.Verdict, g.Why})
		}
	}
	for _, c := range r.Changes {
		if c.State == history.SlowDown && slices.Contains(res.Spec.FailOn, bench.GateRegression) {
			r.Verdict = bench.Fail
		}
	}
	for _, s := range r.Candidates {
		if s.State == stateOf(history.Suspected) && r.Verdict == bench.Pass {
			r.Verdict = bench.Unknown
		}
		if s.LeftOut > 0 {
			r.warn("%s: %d of %d nights at this level are left out of the search, as they did not get to their end, or most starts of the candidate or of the reference failed in them", s.Candidate, s.LeftOut, s.Nights)
		}
	}
}
