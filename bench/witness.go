package bench

import (
	"fmt"
	"math"
	"slices"

	"mlbench/runner"
	"mlbench/stats"
)

// The witnesses: what a candidate took until it was ready, beside the time. A
// phase is a witness too, by its name in runner.PhaseNames or, beside those, in
// runner.GPUPhaseNames. They say where a change comes from, and have no verdict.
const (
	// MetricCPU is the CPU time: waiting, for processors, files or others,
	// lengthens the time to ready and not this one; a slower processor
	// lengthens both.
	MetricCPU = "cpu"
	// MetricFloor is the engine floor: what the engine took for its create
	// and start calls, which no image can change.
	MetricFloor = "engine_floor"

	// MetricDownload and MetricExtract are the parts of the phase pull, see
	// PullTimes.
	MetricDownload = "download"
	MetricExtract  = "extract"

	MetricReadBytes   = "read_bytes"        // Start.ReadBytes
	MetricMajorFaults = "major_faults"      // Start.MajorFaults
	MetricPeakMemory  = "peak_memory_bytes" // Start.PeakMemoryBytes

	MetricGPUMemory = "gpu_memory_bytes" // Start.GPUMemoryBytes
	MetricGPUPeak   = "gpu_peak_bytes"   // GPUUse.PeakBytes, until the end of the start
)

// Witnesses are the metrics beside MetricReady, in the order in which they are
// shown.
func Witnesses() []string {
	phases := runner.PhaseNames()
	at := slices.Index(phases, "pull") + 1
	phases = slices.Insert(phases, at, MetricDownload, MetricExtract)
	return slices.Concat([]string{MetricFloor}, phases, []string{MetricCPU, MetricReadBytes, MetricMajorFaults, MetricPeakMemory}, GPUWitnesses())
}

// GPUWitnesses are those of the Witnesses that tell of GPUs. Their phases
// overlap with the others and do not add up with them.
func GPUWitnesses() []string {
	return append(runner.GPUPhaseNames(), MetricGPUMemory, MetricGPUPeak)
}

// IsTime reports whether a metric is a time in milliseconds; the others are
// bytes or numbers, MetricThroughput a number per second.
func IsTime(metric string) bool {
	switch metric {
	case MetricReadBytes, MetricMajorFaults, MetricPeakMemory, MetricGPUMemory, MetricGPUPeak, MetricThroughput:
		return false
	}
	return true
}

// Of is a start's value of a metric; ok is false where it is not known, and
// for a failed start.
func (s Start) Of(metric string) (value float64, ok bool) {
	if s.Failed() {
		return 0, false
	}
	count := func(n *int64) (float64, bool) {
		if n == nil {
			return 0, false
		}
		return float64(*n), true
	}
	switch metric {
	case MetricReady:
		return s.Time(), true
	case MetricCPU:
		if s.CPUMS == nil {
			return 0, false
		}
		return *s.CPUMS, true
	case MetricFloor:
		create, created := s.PhasesMS["create"]
		start, started := s.PhasesMS["start"]
		return create + start, created && started
	case MetricDownload, MetricExtract:
		if s.Pull == nil || s.Pull.DownloadMS == nil || s.Pull.ExtractMS == nil {
			return 0, false
		}
		if metric == MetricDownload {
			return *s.Pull.DownloadMS, true
		}
		return *s.Pull.ExtractMS, true
	case MetricReadBytes:
		return count(s.ReadBytes)
	case MetricMajorFaults:
		return count(s.MajorFaults)
	case MetricPeakMemory:
		return count(s.PeakMemoryBytes)
	case MetricGPUMemory, MetricGPUPeak:
		if !s.seenOnGPU() {
			return 0, false
		}
		if metric == MetricGPUMemory {
			return count(s.GPUMemoryBytes)
		}
		return float64(s.GPU.PeakBytes), true
	}
	value, ok = s.PhasesMS[metric]
	return value, ok
}

// On are the comparisons by one metric, in the order of the candidates.
func (r *Result) On(metric string) []Comparison {
	return slices.DeleteFunc(slices.Clone(r.Comparisons), func(c Comparison) bool { return c.Metric != metric })
}

// witness compares by another metric in the pairs that a comparison of the time
// to ready rests on; ok is false where no pair has it, and for what was told of
// the GPUs in different ways.
//
// Its interval is of the same look and level as the comparison's, so each one
// covers by itself as surely as that, whenever the run stops; all of them
// together do not: of ten witnesses of identical images, one may well exclude
// 0. They are to be read after the verdict, to see where a change comes from
// and not whether there is one. Nor do the shifts of the phases add up to that
// of the whole: they are medians.
//
// Change is known only where every value is over 0. Phases may be shorter than
// they can be measured, and of what was in memory nothing is read, so Shift,
// which can always be had, is what to look at there.
func (r *Result) witness(metric string, ready Comparison, schedule stats.Schedule) (c Comparison, ok bool) {
	c = Comparison{Candidate: ready.Candidate, Metric: metric, Level: ready.Level}
	if slices.Contains(GPUWitnesses(), metric) && len(r.gpuSources(ready.Baseline, ready.Candidate)) > 1 {
		return c, false
	}
	var logs, shifts []float64
	positive := true
	pairs := r.pairs(ready.Candidate)
	for _, p := range pairs[:min(ready.Pairs, len(pairs))] {
		x, known := p.baseline.Of(metric)
		y, alsoKnown := p.candidate.Of(metric)
		if known && alsoKnown {
			logs, shifts = append(logs, math.Log(y/x)), append(shifts, y-x)
			positive = positive && x > 0 && y > 0
		}
	}
	if c.Pairs = len(shifts); c.Pairs == 0 {
		return c, false
	}
	level := 1.0 // no look yet
	if look, looked := schedule.At(ready.Pairs); looked {
		level = look.Level()
	}
	cut := 0
	if level < 1 {
		cut = stats.Cutoff(len(shifts), level/2)
	}
	c.Change = unknownChange
	if positive {
		c.Change = relative(stats.HodgesLehmann(logs, cut))
	}
	shift := Change(stats.HodgesLehmann(shifts, cut))
	if IsTime(metric) {
		c.ShiftMS = shift
	} else {
		c.ShiftMS, c.Shift = unknownChange, &shift
	}
	return c, true
}

// unknownChange is null in JSON.
var unknownChange = Change{math.Inf(1), math.Inf(-1), math.Inf(1)}

// cpuWarning tells where the two witnesses disagree: a change of the time to
// ready that leaves no trace in what was computed. A pull is computed by the
// engine, so at level Pull nothing follows from that.
func (r *Result) cpuWarning(ready Comparison) []string {
	i := slices.IndexFunc(r.Comparisons, func(c Comparison) bool {
		return c.Metric == MetricCPU && c.Candidate == ready.Candidate
	})
	if i < 0 || r.Cold.Level == Pull || ready.Change.Low <= 0 && ready.Change.High >= 0 {
		return nil
	}
	cpu := r.Comparisons[i].Change
	apart := ready.Change.Low > cpu.High || ready.Change.High < cpu.Low
	if !apart || cpu.Low > 0 || cpu.High < 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s is ready %s, and the CPU time that it takes for that does not show it (change between %s and %s): the difference is in waiting, for files, the network or a timer, or the host was noisy",
		r.Candidates[ready.Candidate].Name, laterOrSooner(ready.Change.Estimate), percent(cpu.Low), percent(cpu.High))}
}

// covariateWarnings tell which covariates the candidates influence, one for all
// candidates of which the same is to be said.
func (r *Result) covariateWarnings() []string {
	type finding struct {
		covariate string
		more      bool // of it than with the baseline
	}
	var found []finding
	names := make(map[finding][]string)
	for _, c := range r.On(MetricReady) {
		for _, use := range c.Covariates {
			if use.Used || use.Why != "" {
				continue
			}
			f := finding{use.Name, use.Imbalance.Low > 0}
			if names[f] == nil {
				found = append(found, f)
			}
			names[f] = append(names[f], r.Candidates[c.Candidate].Name)
		}
	}
	var w []string
	for _, f := range found {
		starts, others := "starts of "+listed(names[f]), "those of "+r.baseline().Name
		switch {
		case f.covariate == CovariateCPUWait && f.more:
			w = append(w, fmt.Sprintf("%s wait for processors for longer than %s, beside what they compute: they use more of them at a time, or need them when others do, so a busy host slows them down by more; no change is claimed that does not hold with and without adjusting for what the host did (--no-covariate judges the times alone)", starts, others))
		case f.covariate == CovariateCPUWait:
			w = append(w, fmt.Sprintf("%s wait for processors for less long than %s, beside what they compute, so a busy host slows them down by less; no change is claimed that does not hold with and without adjusting for what the host did (--no-covariate judges the times alone)", starts, others))
		default:
			w = append(w, fmt.Sprintf("%s differ from %s in %s: it is not of the host alone, so no change is claimed that does not hold with and without adjusting for what the host did (--no-covariate judges the times alone)", starts, others, CovariateMeaning(f.covariate)))
		}
	}
	return w
}
