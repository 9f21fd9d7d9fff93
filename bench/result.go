package bench

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"mlbench/runner"
	"mlbench/stats"
)

// Schema is the form of result files. Fields are never renamed within it;
// readers ignore what they do not know.
const Schema = "mlbench.result/v1"

// A Result is everything that an experiment found, and the result file.
type Result struct {
	Schema      string             `json:"schema"`
	Tool        Tool               `json:"tool"`
	Spec        Spec               `json:"spec"`
	StartedAt   time.Time          `json:"started_at"`
	Ended       Ended              `json:"ended"`
	Cold        Cold               `json:"cold"`
	Host        runner.Host        `json:"host"`
	GPU         *GPUs              `json:"gpu"` // nil where no candidate got one
	Candidates  []runner.Candidate `json:"candidates"`
	Starts      []Start            `json:"starts"`
	Comparisons []Comparison       `json:"comparisons"`
	Steps       []Step             `json:"steps,omitempty"` // where the Spec asks for them
	Gates       []Gate             `json:"gates"`
	Warnings    []string           `json:"warnings"`
	Verdict     GateVerdict        `json:"verdict"`
	Wins        []Wins             `json:"wins,omitempty"`      // where --explain asked for them
	Explained   []Explained        `json:"explained,omitempty"` // likewise, of each candidate

	called string // what the starts are: Experiment.Called
}

// one is the word for a start in gates and warnings.
func (r *Result) one() string { return cmp.Or(r.called, "start") }

// Tool is the program that made a result.
type Tool struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	// Command is what it was called with, a word each and without its own
	// name, secrets left out; empty where nobody called it. It is for readers:
	// nothing rests on it.
	Command []string `json:"command,omitempty"`
}

// Ended says why an experiment ended.
type Ended string

// The ends.
const (
	EndedDecided     Ended = "decided"     // everything asked is known
	EndedLimit       Ended = "limit"       // the limit was reached first
	EndedFixed       Ended = "fixed"       // the fixed number of pairs was done
	EndedInterrupted Ended = "interrupted" // by the user
	EndedFailed      Ended = "failed"      // the environment failed, or a candidate is never ready
)

// Cold says what was made cold, how, and what proves it.
type Cold struct {
	Level    ColdLevel  `json:"level"`
	How      string     `json:"how"`
	Why      string     `json:"why,omitempty"` // why Auto did not become Cache
	Evidence []Evidence `json:"evidence,omitempty"`

	Pulls []PullEvidence `json:"pulls,omitempty"` // at level Pull, of every candidate
}

// PullEvidence is what the engine told of a candidate's pulls.
type PullEvidence struct {
	Candidate int `json:"candidate"`
	Layers    int `json:"layers"`
	// AlreadyHere layers were not pulled, as the engine had them: the most of
	// all measured starts. Cold is 0.
	AlreadyHere int `json:"already_here"`
	// HeldBy are other images in the engine that have some of the layers.
	HeldBy []string `json:"held_by,omitempty"`
}

// Evidence is what the page cache held of one candidate's files.
type Evidence struct {
	Candidate  int   `json:"candidate"`
	TotalBytes int64 `json:"total_bytes"` // all files of the image
	// Touched: in memory after a start from cold, readahead included.
	TouchedBytes int64 `json:"touched_bytes,omitempty"`
	// Resident: in memory right before a measured start, the most of all; at
	// level Warm the least.
	ResidentBytes int64 `json:"resident_bytes"`
}

// Role says what a start is for.
type Role string

// The roles.
const (
	RoleWarmup Role = "warmup" // unmeasured: warms up, and finds the health path
	RolePair   Role = "pair"   // counts for the comparisons and the target
	RoleTarget Role = "target" // counts for the target alone
	RoleLoad   Role = "load"   // counts for throughput and latency alone, see Load
)

// Measured reports whether the times of a start count.
func (r Role) Measured() bool { return r == RolePair || r == RoleTarget }

// A Start is one start of one candidate, as a result file has it.
type Start struct {
	Candidate int       `json:"candidate"`
	Role      Role      `json:"role"`
	Block     int       `json:"block"`    // from 0; of warm-up starts the attempt
	Position  int       `json:"position"` // in the block, from 0
	BeginAt   time.Time `json:"begin_at"`

	Outcome      runner.Outcome           `json:"outcome"`
	ReadyMS      *float64                 `json:"ready_ms"` // nil for a failed start
	ResolutionMS float64                  `json:"resolution_ms"`
	Marks        map[runner.MarkName]Mark `json:"marks"`
	PhasesMS     map[string]float64       `json:"phases_ms"`
	StopMS       float64                  `json:"stop_ms"` // to stop and remove it, after everything measured

	// Pull is how the image came into the engine; nil where it was there.
	Pull *PullTimes `json:"pull,omitempty"`

	// Resident is the share of the candidate's bytes that was in memory right
	// before the start; nil where it was not looked at. At level Warm that is
	// in the files that its unmeasured start left in memory.
	Resident *float64 `json:"resident,omitempty"`

	// Covariates tell how the host treated the start, in milliseconds: see
	// CovariateCPUWait, CovariateSteal and CovariateProbe.
	Covariates map[string]float64 `json:"covariates,omitempty"`

	// CPUMS is the CPU time that the candidate used until it was ready; nil
	// where it is not known. See runner.Start.
	CPUMS *float64 `json:"cpu_ms,omitempty"`

	// What else it took until it was ready, as runner.Cost has it; nil where
	// it is not known.
	ReadBytes       *int64 `json:"read_bytes,omitempty"`
	MajorFaults     *int64 `json:"major_faults,omitempty"`
	PeakMemoryBytes *int64 `json:"peak_memory_bytes,omitempty"`

	// GPUMemoryBytes is the memory that it had on the GPUs when it was ready;
	// nil where that is not known. GPU has the rest.
	GPUMemoryBytes *int64  `json:"gpu_memory_bytes,omitempty"`
	GPU            *GPUUse `json:"gpu,omitempty"`

	// Load is what it answered under load; nil for other roles than RoleLoad,
	// and where the start failed before.
	Load *Load `json:"load,omitempty"`

	// Host is how much was wanted of the host during the start; nil where
	// nothing tells it. Nothing is adjusted for it: the candidate's own part
	// is in it.
	Host *HostLoad `json:"host,omitempty"`

	Error     string   `json:"error,omitempty"`
	ExitCode  *int     `json:"exit_code,omitempty"`
	OOMKilled bool     `json:"oom_killed,omitempty"`
	Log       []string `json:"log,omitempty"` // last lines of a failed start
}

// HostLoad is a runner.HostLoad in milliseconds.
type HostLoad struct {
	CPUPressureMS    *float64 `json:"cpu_pressure_ms,omitempty"`
	IOPressureMS     *float64 `json:"io_pressure_ms,omitempty"`
	MemoryPressureMS *float64 `json:"memory_pressure_ms,omitempty"`
	Load             *float64 `json:"load,omitempty"` // average of the minute before
}

// PullTimes is a runner.Pull in milliseconds.
type PullTimes struct {
	// DownloadMS is until the last byte was here, and ExtractMS what was left
	// of the pull then; nil where the engine does not tell.
	DownloadMS  *float64 `json:"download_ms,omitempty"`
	ExtractMS   *float64 `json:"extract_ms,omitempty"`
	Layers      int      `json:"layers"`
	AlreadyHere int      `json:"already_here"` // of the layers, not pulled
	Bytes       int64    `json:"bytes"`        // downloaded, compressed
}

// Mark is a runner.Mark in milliseconds.
type Mark struct {
	MS           float64 `json:"ms"`
	ResolutionMS float64 `json:"resolution_ms"`
	Source       string  `json:"source"`
}

// Failed reports whether the candidate did not become ready.
func (s Start) Failed() bool { return s.ReadyMS == nil }

// Time is the time to ready in milliseconds; a failed start took forever.
func (s Start) Time() float64 {
	if s.ReadyMS == nil {
		return math.Inf(1)
	}
	return *s.ReadyMS
}

// record writes a runner's start down.
func record(s runner.Start, candidate int, role Role, block, position int) Start {
	r := Start{
		Candidate: candidate, Role: role, Block: block, Position: position,
		BeginAt: s.BeginAt.UTC(),
		Outcome: s.Outcome,
		Marks:   make(map[runner.MarkName]Mark, len(s.Marks)), PhasesMS: make(map[string]float64),
		StopMS: Millis(s.Stop),
		Error:  s.Problem,
		Log:    s.Log,
	}
	for name, m := range s.Marks {
		r.Marks[name] = Mark{Millis(m.At), Millis(m.Resolution), m.Source}
	}
	for _, p := range slices.Concat(s.Marks.Phases(), s.Marks.GPUPhases()) {
		r.PhasesMS[p.Name] = Millis(p.Took)
	}
	r.recordGPU(s)
	if at, ok := s.ReadyAt(); ok {
		ms := Millis(at)
		r.ReadyMS, r.ResolutionMS = &ms, Millis(s.Marks[runner.Ready].Resolution)
	}
	if p := s.Pull; p != nil {
		r.Pull = &PullTimes{Layers: p.Layers, AlreadyHere: p.AlreadyHere, Bytes: p.Bytes}
		if p.Download != nil && p.Extract != nil {
			download, extract := Millis(*p.Download), Millis(*p.Extract)
			r.Pull.DownloadMS, r.Pull.ExtractMS = &download, &extract
		}
	}
	r.CPUMS = optionalMillis(s.CPU)
	r.ReadBytes, r.MajorFaults, r.PeakMemoryBytes = s.ReadBytes, s.MajorFaults, s.PeakMemory
	host := HostLoad{optionalMillis(s.HostLoad.CPU), optionalMillis(s.HostLoad.IO), optionalMillis(s.HostLoad.Memory), s.HostLoad.Average}
	if host != (HostLoad{}) {
		r.Host = &host
	}
	if s.CPUWait != nil {
		r.note(CovariateCPUWait, *s.CPUWait)
	}
	if s.Steal != nil {
		r.note(CovariateSteal, *s.Steal)
	}
	if s.Exit != nil {
		r.ExitCode, r.OOMKilled = &s.Exit.Code, s.Exit.OOMKilled
	}
	return r
}

func optionalMillis(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	ms := Millis(*d)
	return &ms
}

// note writes down a covariate.
func (s *Start) note(covariate string, took time.Duration) {
	if s.Covariates == nil {
		s.Covariates = make(map[string]float64)
	}
	s.Covariates[covariate] = Millis(took)
}

// A Comparison is what the pairs say about one candidate against the baseline.
type Comparison struct {
	Baseline  int     `json:"baseline"`
	Candidate int     `json:"candidate"`
	Metric    string  `json:"metric"`            // MetricReady; others are Witnesses and LoadMetrics
	Pairs     int     `json:"pairs"`             // that the interval rests on
	Change    Change  `json:"change"`            // as a fraction of the baseline: -0.38 is 38 % sooner
	ShiftMS   Change  `json:"shift_ms"`          // in milliseconds; null for metrics that are no times
	Shift     *Change `json:"shift,omitempty"`   // of those: in bytes, or as a number
	Verdict   Verdict `json:"verdict,omitempty"` // of MetricReady alone
	// Level is the confidence of the intervals: with several candidates it is
	// higher than the run's, so that all of them together have that.
	Level float64 `json:"level"`
	// NeedsPairs is about how many pairs in all would settle an inconclusive
	// comparison; 0 where that is unknown.
	NeedsPairs int `json:"needs_pairs,omitempty"`
	// PairingGain is the share of the variance that pairing removed, negative
	// where it added some; nil where unknown.
	PairingGain *float64 `json:"pairing_gain,omitempty"`

	// AtQuantile is the change of the time at the target's quantile, by times
	// alone, as if the number of pairs had been fixed beforehand; nil for
	// fewer than 30 pairs, and where too few starts lie beyond.
	AtQuantile *Change `json:"at_quantile,omitempty"`

	// Raw is the change of the times as they were measured; nil where no
	// covariate was recorded, so that there was nothing to adjust by.
	Raw *RawChange `json:"raw,omitempty"`
	// Covariates are those that were recorded, with what became of them.
	Covariates []CovariateUse `json:"covariates,omitempty"`
	// CovariateGain is the share of the pairs that adjusting makes
	// unnecessary, 1 less the squared ratio of the two intervals' widths:
	// negative where it costs some; nil without Raw, and where a width is
	// not known.
	CovariateGain *float64 `json:"covariate_gain,omitempty"`
}

// RawChange is a change without adjustment, at the same look.
type RawChange struct {
	Change  Change `json:"change"`
	ShiftMS Change `json:"shift_ms"`
}

// Change is an estimate with its interval. An infinite bound is null in JSON.
type Change stats.Interval

type changeJSON struct {
	Estimate *float64 `json:"estimate"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

// MarshalJSON writes infinite numbers, which JSON does not have, as null.
func (c Change) MarshalJSON() ([]byte, error) {
	return json.Marshal(changeJSON{finite(c.Estimate), finite(c.Low), finite(c.High)})
}

// UnmarshalJSON reads null as the infinity that its place suggests. That of an
// estimate is not told, and Judge computes it again.
func (c *Change) UnmarshalJSON(b []byte) error {
	var j changeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
			kind.Offset = -1 // as that in the file is not known here
		}
		return err
	}
	c.Estimate, c.Low, c.High = orElse(j.Estimate, math.Inf(1)), orElse(j.Low, math.Inf(-1)), orElse(j.High, math.Inf(1))
	return nil
}

func finite(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}

func orElse(x *float64, or float64) float64 {
	if x == nil {
		return or
	}
	return *x
}
