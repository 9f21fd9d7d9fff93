// Package bench is the experiment: a Spec says what is asked, Run starts the
// candidates in random order until the answer is known, and the Result holds
// every start, so that Judge can come to the same verdict again at any time.
package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"mlbench/runner"
	"mlbench/stats"
)

// ColdLevel says what is made cold before every start.
type ColdLevel string

// The cold levels. Auto is a wish, not a level: a Result names another.
const (
	Auto  ColdLevel = "auto"  // Cache where it can be proved, else Warm
	Warm  ColdLevel = "warm"  // nothing; one unmeasured start of each candidate first
	Cache ColdLevel = "cache" // the candidates' pages are dropped from memory
	Pull  ColdLevel = "pull"  // the image is not in the engine, and is pulled
)

// ColdLevels are what --cold takes.
func ColdLevels() []ColdLevel { return []ColdLevel{Auto, Warm, Cache, Pull} }

// Goal says when a comparison has found out enough.
type Goal string

// The goals.
const (
	Decide Goal = "decide" // stop at any verdict
	Claim  Goal = "claim"  // go on from "no regression" to try for "faster"
)

// Goals are all of them.
func Goals() []Goal { return []Goal{Decide, Claim} }

// FailOn are what --fail-on takes: the gates, and Inconclusive.
func FailOn() []string {
	return []string{GateStarts, GateRegression, GateTarget, GateSize, GateGPUMemory, Inconclusive}
}

// chosenByRule is the value of Spec.Pairs that leaves the number to the stopping rule.
const chosenByRule = 0

// A Spec says what an experiment asks and how sure it has to be. It is part
// of the result file, as everything that a verdict rests on.
type Spec struct {
	Runner string    `json:"runner"`
	Cold   ColdLevel `json:"cold"`
	// Registry is where level Pull pulls from, host[/path]; "" for one that the
	// runner serves for the run.
	Registry string `json:"registry,omitempty"`

	// Margin is the relative slowdown that counts as a regression: 0.05 is 5 %.
	Margin float64 `json:"margin"`
	// Alpha is the two-sided error rate of the intervals of all comparisons
	// together, and the one-sided one of each target gate.
	Alpha float64 `json:"alpha"`
	Goal  Goal    `json:"goal"`

	// MinPairs and MaxPairs bound the stopping rule; Pairs fixes the number
	// instead unless it is 0. Looks are the numbers of pairs after which the
	// rule looks, written down for readers.
	MinPairs int   `json:"min_pairs"`
	MaxPairs int   `json:"max_pairs"`
	Pairs    int   `json:"pairs,omitempty"`
	Looks    []int `json:"looks"`

	// A candidate meets its target when it is ready within TargetMS at the
	// given Quantile of its starts. TargetGates says that the user gave the
	// target, so that it is a gate and not only reported.
	TargetMS    float64 `json:"target_ms"`
	Quantile    float64 `json:"quantile"`
	TargetGates bool    `json:"target_gates"`

	// NoCovariate judges the times alone, and leaves out the probes of the
	// host's speed between the starts.
	NoCovariate bool `json:"no_covariate,omitempty"`

	// Steps compares each of several candidates also with the one named before
	// it: Result.Steps.
	Steps bool `json:"steps,omitempty"`

	// LoadMS is for how long each candidate is loaded with its request in each
	// of LoadBlocks starts after the others: whole seconds, 0 for none. Rate is
	// in requests per second, 0 for as many as Connections allow. LoadBlocks
	// follows from the other fields and is written down for readers.
	LoadMS      float64 `json:"load_ms,omitempty"`
	Rate        int     `json:"rate,omitempty"`
	Connections int     `json:"connections,omitempty"`
	LoadBlocks  int     `json:"load_blocks,omitempty"`

	MaxBytes    *int64 `json:"max_bytes"`               // size gate; nil for none
	MaxGPUBytes *int64 `json:"max_gpu_bytes,omitempty"` // GPU memory gate; nil for none
	// Pinned says that the baseline is a pinned reference, by which candidates
	// are followed over time: they are as they are to it, and the gate regression
	// is not asked.
	Pinned bool `json:"pinned,omitempty"`

	AllowFailures int      `json:"allow_failures"`
	FailOn        []string `json:"fail_on"`

	TimeoutMS float64 `json:"timeout_ms"`
	Seed      uint64  `json:"seed"`
}

// DefaultSpec is what a comparison asks when no flag says otherwise. The seed
// is the caller's to choose.
func DefaultSpec() Spec {
	return Spec{
		Runner:    "docker",
		Cold:      Auto,
		Margin:    0.05,
		Alpha:     0.05,
		Goal:      Decide,
		MinPairs:  8,
		MaxPairs:  40,
		TargetMS:  1000,
		Quantile:  0.9,
		FailOn:    []string{GateStarts, GateRegression, GateTarget, GateSize, GateGPUMemory},
		TimeoutMS: Millis(runner.DefaultTimeout),
	}
}

// PullTimeout bounds a start at level Pull where nothing else is said: images
// of some gigabytes take minutes to unpack.
const PullTimeout = 10 * time.Minute

// MaxSeed is the largest seed: every JSON reader keeps whole numbers up to it.
const MaxSeed = 1<<53 - 1

// Validate checks everything that a Spec says, also one that was read from a
// file. Its errors name the field as the file and the flags do.
func (s Spec) Validate() error {
	known := FailOn()
	for _, f := range s.FailOn {
		if !slices.Contains(known, f) {
			return fmt.Errorf("fail_on: no gate %q: there are %v", f, known)
		}
	}
	for _, check := range []struct {
		ok   bool
		says string
	}{
		{s.Margin > 0 && s.Margin <= 10, fmt.Sprintf("margin: %v is not between 0 and 1000 %%: e.g. 5%%", s.Margin)},
		{s.Alpha > 0 && s.Alpha < 0.5, fmt.Sprintf("alpha: %v is not between 0 and 0.5", s.Alpha)},
		{s.Quantile > 0 && s.Quantile < 1, fmt.Sprintf("quantile: %v is not between 0 and 1: e.g. 0.9", s.Quantile)},
		{s.TargetMS > 0 && !math.IsInf(s.TargetMS, 0), fmt.Sprintf("target: %v ms is not a time: e.g. 1s or 800ms", s.TargetMS)},
		{s.TimeoutMS >= 1 && s.TimeoutMS <= Millis(24*time.Hour), fmt.Sprintf("timeout: %v ms is not between 1ms and 24h: e.g. 60s", s.TimeoutMS)},
		{!s.TargetGates || s.TargetMS <= s.TimeoutMS, fmt.Sprintf("target: %v ms is longer than the timeout, %v ms, so a start past that could still be in time: raise --timeout", s.TargetMS, s.TimeoutMS)},
		{s.startsForTarget() <= MaxPairs, fmt.Sprintf("quantile: %v needs %d starts without a miss to be proved, and there are %d at most: e.g. 0.99", s.Quantile, s.startsForTarget(), MaxPairs)},
		{s.Pairs >= 0 && s.Pairs <= MaxPairs, fmt.Sprintf("pairs: %d is not between 1 and %d", s.Pairs, MaxPairs)},
		{s.MinPairs >= 1 && s.MinPairs <= s.MaxPairs, fmt.Sprintf("min_pairs: %d is not between 1 and max_pairs, which is %d", s.MinPairs, s.MaxPairs)},
		{s.MaxPairs <= MaxPairs, fmt.Sprintf("max_pairs: %d is over %d", s.MaxPairs, MaxPairs)},
		{s.AllowFailures >= 0, fmt.Sprintf("allow_failures: %d is negative", s.AllowFailures)},
		{s.MaxBytes == nil || *s.MaxBytes > 0, "max_bytes: not a size: e.g. 800MB"},
		{s.MaxGPUBytes == nil || *s.MaxGPUBytes > 0, "max_gpu_bytes: not a size: e.g. 10GB"},
		{s.Seed <= MaxSeed, fmt.Sprintf("seed: %d is over %d", s.Seed, uint64(MaxSeed))},
		{slices.Contains(ColdLevels(), s.Cold), fmt.Sprintf("cold: no level %q: there are auto, warm, cache and pull", s.Cold)},
		{s.Registry == "" || s.Cold == Pull, "registry: nothing is pulled without --cold pull: add that, or leave --registry away"},
		{slices.Contains(Goals(), s.Goal), fmt.Sprintf("goal: no goal %q: there are decide and claim", s.Goal)},
	} {
		if !check.ok {
			return errors.New(check.says)
		}
	}
	return s.checkLoad()
}

// MaxPairs bounds what can be asked for: the stopping rule plans no further,
// and a thousand pairs take about an hour.
const MaxPairs = 1000

// schedule is when the comparisons are looked at. With k of them each gets an
// equal part of alpha, so that the chance of any false difference stays alpha.
func (s Spec) schedule(comparisons int) (stats.Schedule, error) {
	alpha := s.Alpha / float64(max(comparisons, 1))
	if s.Pairs != chosenByRule {
		return stats.FixedSchedule(s.Pairs, alpha), nil
	}
	// The robust schedule keeps alpha on hosts whose noise grows during the
	// run too; that costs less than one pair on average.
	return stats.NewRobustSchedule(s.MinPairs, s.MaxPairs, alpha)
}

// startsForTarget is how many starts, all in time, prove the target where the
// run may stop at any of them.
func (s Spec) startsForTarget() int {
	return stats.Share{}.MoreNeeded(s.Quantile, s.Alpha, true)
}

func (s Spec) timeout() time.Duration {
	return time.Duration(s.TimeoutMS * float64(time.Millisecond))
}

// Millis is a duration in milliseconds, as result files have it.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
