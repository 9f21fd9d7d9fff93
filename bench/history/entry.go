// Package history keeps what experiments found over time: a line of JSON for
// each in a file that only grows, with what its times depend on, so that they
// are compared with nothing that was measured elsewhere.
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"time"

	"mlbench/bench"
	"mlbench/stats"
)

// LineSchema is the form of a line. Fields are never renamed within it;
// readers ignore what they do not know, and pass over lines of other schemas.
const LineSchema = "mlbench.history.line/v1"

// An Entry is one experiment: its key figures, and what they depend on.
type Entry struct {
	Schema string `json:"schema"`
	// ID tells runs apart: of the same run it is the same, however often and
	// from wherever it is added.
	ID         string    `json:"id"`
	StartedAt  time.Time `json:"started_at"`
	AppendedAt time.Time `json:"appended_at"` // by the clock of whoever appended it

	Tool  bench.Tool  `json:"tool"`
	Seed  uint64      `json:"seed"`
	Ended bench.Ended `json:"ended"`
	// Nightly says that it is a night of mlbench nightly: its first candidate is
	// the pinned reference.
	Nightly     bool              `json:"nightly,omitempty"`
	Verdict     bench.GateVerdict `json:"verdict"`
	FailedGates []string          `json:"failed_gates,omitempty"`
	Fingerprint Fingerprint       `json:"fingerprint"`

	Candidates  []Candidate  `json:"candidates"`
	Comparisons []Comparison `json:"comparisons,omitempty"`

	// Result is the whole result file, where it was kept: its path, relative to
	// the history's folder where it lies in there.
	Result string `json:"result,omitempty"`

	line int // in its file, from 1; 0 where it was not read
}

// A Candidate is one of an experiment. Times are milliseconds.
type Candidate struct {
	Name  string `json:"name"`
	Ref   string `json:"ref,omitempty"` // where it is not the name
	Setup Setup  `json:"setup,omitempty"`

	Digest        string `json:"digest,omitempty"`
	UnpackedBytes *int64 `json:"unpacked_bytes,omitempty"`

	Starts int `json:"starts"`           // that count
	Failed int `json:"failed,omitempty"` // of them
	// NeverReady: not even unmeasured, and no start counts.
	NeverReady bool `json:"never_ready,omitempty"`

	Ready    *Interval          `json:"ready_ms,omitempty"` // median; nil where no start counts
	PhasesMS map[string]float64 `json:"phases_ms,omitempty"`
}

// A Comparison is what was found of the time to ready of two candidates.
type Comparison struct {
	Baseline  int           `json:"baseline"`
	Candidate int           `json:"candidate"`
	Pairs     int           `json:"pairs"`
	Change    Interval      `json:"change"` // as a fraction of the baseline
	ShiftMS   Interval      `json:"shift_ms"`
	Level     float64       `json:"level"`
	Verdict   bench.Verdict `json:"verdict"`
}

// An Interval is an estimate with its bounds. What is not known, and what is
// infinite, is null, as in result files.
type Interval struct {
	Estimate *float64 `json:"estimate"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

// NewInterval is an interval as lines have it.
func NewInterval(i stats.Interval) Interval { return interval(i.Estimate, i.Low, i.High) }

func interval(estimate, low, high float64) Interval {
	return Interval{finite(estimate), finite(low), finite(high)}
}

func finite(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}

// New makes an entry of a result, which is kept at the path, "" for nowhere.
func New(r *bench.Result, kept string) Entry {
	e := Entry{
		Schema: LineSchema, ID: id(r), StartedAt: r.StartedAt.UTC(),
		Tool: bench.Tool{Version: bounded(r.Tool.Version), Go: bounded(r.Tool.Go)},
		Seed: r.Spec.Seed, Ended: r.Ended, Nightly: r.Spec.Pinned, Verdict: r.Verdict,
		Fingerprint: fingerprint(r), Candidates: []Candidate{}, Result: kept,
	}
	for _, g := range r.Gates {
		if g.Verdict == bench.Fail {
			e.FailedGates = append(e.FailedGates, g.Name)
		}
	}
	for i := range r.Candidates {
		e.Candidates = append(e.Candidates, candidate(r, i))
	}
	for _, c := range r.On(bench.MetricReady) {
		if c.Pairs == 0 {
			continue
		}
		e.Comparisons = append(e.Comparisons, Comparison{
			Baseline: c.Baseline, Candidate: c.Candidate, Pairs: c.Pairs, Level: c.Level, Verdict: c.Verdict,
			Change:  interval(c.Change.Estimate, c.Change.Low, c.Change.High),
			ShiftMS: interval(c.ShiftMS.Estimate, c.ShiftMS.Low, c.ShiftMS.High),
		})
	}
	return e
}

func candidate(r *bench.Result, i int) Candidate {
	from, sum := r.Candidates[i], r.Summary(i)
	c := Candidate{
		Name: bounded(from.Name), Setup: setup(from), Digest: bounded(from.Digest), UnpackedBytes: from.UnpackedBytes,
		Starts: sum.Starts, Failed: sum.Failed,
	}
	if from.Ref != from.Name {
		c.Ref = bounded(from.Ref)
	}
	if sum.Starts > 0 {
		ready := interval(sum.Ready.Estimate, sum.Ready.Low, sum.Ready.High)
		c.Ready = &ready
	} else {
		for _, s := range r.Starts {
			if s.Candidate == i {
				c.NeverReady = s.Failed() // as the last of them ended
			}
		}
	}
	for _, p := range sum.Phases {
		if ms := finite(p.MS.Estimate); ms != nil {
			if c.PhasesMS == nil {
				c.PhasesMS = make(map[string]float64)
			}
			c.PhasesMS[p.Name] = *ms
		}
	}
	return c
}

// id is made of what no two runs have in common: when each start began, and
// when it was ready.
func id(r *bench.Result) string {
	h := sha256.New()
	write := json.NewEncoder(h)
	_ = write.Encode([]any{r.StartedAt.UTC(), r.Spec.Seed, r.Ended}) // nothing here that JSON lacks
	for _, c := range r.Candidates {
		_ = write.Encode([]string{c.Name, c.Digest})
	}
	for _, s := range r.Starts {
		_ = write.Encode([]any{s.Candidate, s.BeginAt.UTC(), s.ReadyMS})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// maxText is how many bytes of a text a line has. Names are short; command
// lines may be long.
const maxText = 1000

// bounded cuts text that is longer, so that texts that differ still do.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return string([]rune(s[:maxText-20])) + "…" + hex.EncodeToString(sum[:8])
}
