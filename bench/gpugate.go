package bench

import (
	"fmt"
	"math"

	"mlbench/gpu"
)

// gpuMemoryGate holds the most memory that a candidate was seen to have on the
// GPUs, in any of its starts but the unmeasured ones, against the limit. Those
// under load count: that is when a service has the most. It speaks of these
// starts alone: the next one may take more.
//
// Told by process, the figure is the candidate's own. Told by device it is the
// change M(t) of what is in use of the GPUs, by whomever: with c(t) the
// candidate's memory and o(t) that of others, M(t) = c(t) + o(t) − o(0), so that
// the largest c lies within O of the largest M, where O adds up the most that
// each of the others had. These are the processes that were there before the
// start; one that came later cannot be told from the candidate, and counts as
// it. So with others there, by device, the gate fails where M−O is over the
// limit, passes where M+O is not, and is inconclusive in between: their part
// alone could explain on which side it is.
func (r *Result) gpuMemoryGate(candidate int) Gate {
	g := Gate{Name: GateGPUMemory, Candidate: candidate, Verdict: Unknown}
	t := r.gpuPeak(candidate)
	limit := float64(*r.Spec.MaxGPUBytes)
	if t.seen == 0 {
		g.Why = r.noGPUMemory(candidate)
		return g
	}
	have, most := held(t.peak, *r.Spec.MaxGPUBytes, memory)
	g.Why = fmt.Sprintf("%s at the most in %s%s, at most %s wanted", have, counted(t.seen, "start"), t.underLoad(), most)
	switch {
	case t.least > limit:
		g.Verdict = Fail
	case t.most <= limit && t.whole > 0:
		g.Verdict = Pass
	}
	if t.byDevice > 0 {
		g.Why += fmt.Sprintf("; in %d of them told by device, so by whomever", t.byDevice)
	}
	if t.others > 0 {
		g.Why += fmt.Sprintf(", while others had %s there", mayBe(t.others))
		if g.Verdict == Unknown && t.whole > 0 {
			g.Why += ", which alone could decide it"
		}
	}
	switch missing := t.starts - t.whole; {
	case t.whole == 0:
		g.Why += "; of no start all could be read"
	case missing > 0:
		g.Why += fmt.Sprintf("; of %s it is not known, or not wholly", counted(missing, "other"))
	}
	return g
}

// mayBe writes memory of others, of which there may be more than is told.
func mayBe(bytes float64) string {
	if math.IsInf(bytes, 1) {
		return "some, nobody knows how much,"
	}
	return "up to " + memory(int64(min(bytes, 1e18)))
}

// gpuPeak is what the starts of a candidate tell of its most memory on the GPUs.
type gpuPeak struct {
	starts int // all but the unmeasured
	seen   int // of them on a GPU
	loaded int // of these, under load
	whole  int // of these, those of which everything could be read

	peak        int64   // the largest, as it was told
	least, most float64 // between which the candidate's own largest lies, as far as it was read
	byDevice    int     // of those seen
	others      float64 // the most that others had in a start that was told by device; infinite where some did not tell
}

func (r *Result) gpuPeak(candidate int) gpuPeak {
	var t gpuPeak
	for _, s := range r.Starts {
		if s.Candidate != candidate || s.Role == RoleWarmup {
			continue
		}
		t.starts++
		if !s.seenOnGPU() {
			continue
		}
		t.seen++
		if s.Role == RoleLoad {
			t.loaded++
		}
		if len(s.GPU.Problems) == 0 {
			t.whole++
		}
		others := 0.0
		if s.GPU.Source != gpu.ByProcess {
			t.byDevice++
			others = s.GPU.ofOthers()
		}
		peak := float64(s.GPU.PeakBytes)
		t.peak, t.others = max(t.peak, s.GPU.PeakBytes), max(t.others, others)
		t.least, t.most = max(t.least, peak-others), max(t.most, peak+others)
	}
	return t
}

// underLoad tells of the starts under load.
func (t gpuPeak) underLoad() string {
	if t.loaded == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of them under load)", t.loaded)
}

// ofOthers adds up the most memory of each process that is not known to be the
// candidate's; infinite where one of them does not tell it.
func (u GPUUse) ofOthers() float64 {
	sum := 0.0
	for _, p := range u.Others {
		if p.Memory == nil {
			return math.Inf(1)
		}
		sum += float64(*p.Memory)
	}
	return sum
}

// noGPUMemory says why no start of a candidate tells what it has on a GPU.
func (r *Result) noGPUMemory(candidate int) string {
	watched, starts := 0, r.measured(candidate)
	for _, s := range starts {
		if s.GPU != nil {
			watched++
		}
	}
	switch {
	case len(starts) == 0:
		return "no measured start"
	case watched > 0:
		return fmt.Sprintf("none of %s was seen on a GPU", counted(watched, "watched start"))
	case r.Candidates[candidate].GPUs == nil:
		return "nothing tells its GPU memory: no GPU was asked for (--gpus)"
	}
	return "nothing tells its GPU memory: NVIDIA's driver could not be asked (mlbench gpu says why)"
}
