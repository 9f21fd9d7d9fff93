package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/stats"
)

const (
	// coarse is the median time between two readings of the GPUs, in
	// milliseconds, over which what is seen of them is blurred: a context takes
	// some hundreds of milliseconds to be made.
	coarse = 50.0
	// dear is the share of a processor that reading the GPUs may take.
	dear = 0.02
	// mostNamed bounds the processes, and the problems, that a warning names.
	mostNamed = 3
	// maxProblem bounds the characters of a problem in a warning.
	maxProblem = 300
)

// GPUWarnings tell what a reader of the figures of the GPUs should know. Each
// is there once, whatever the number of starts and candidates.
func (r *Result) GPUWarnings() []string {
	var w []string
	w = append(w, r.persistenceWarning()...)
	w = append(w, r.mixedWarning()...)
	w = append(w, r.unwatchedWarning()...)
	w = append(w, r.unseenWarning()...)
	w = append(w, r.lazyWarning()...)
	w = append(w, r.byDeviceWarning()...)
	w = append(w, r.gpuSourceWarnings()...)
	w = append(w, r.othersWarning()...)
	w = append(w, r.samplerWarnings()...)
	return append(w, r.problemsWarning()...)
}

// watched are the starts whose GPUs were watched, those under load too.
func (r *Result) watched() []Start {
	var starts []Start
	for _, s := range r.Starts {
		if s.Role != RoleWarmup && s.GPU != nil {
			starts = append(starts, s)
		}
	}
	return starts
}

func (r *Result) persistenceWarning() []string {
	if r.GPU == nil {
		return nil
	}
	off := 0
	for _, d := range r.GPU.Devices {
		if d.Persistence != nil && !*d.Persistence {
			off++
		}
	}
	if off == 0 {
		return nil
	}
	return []string{fmt.Sprintf("persistence mode is off on %d of %s: where nothing holds a GPU open, the first to open it waits for seconds. mlbench has them open while it measures, so these starts most likely had no such wait, and others on this host have: %s",
		off, counted(len(r.GPU.Devices), "GPU"), gpu.RemedyAsleep)}
}

// mixedWarning says that candidates did not get the same GPUs, so that what is
// between them is not of their images alone.
func (r *Result) mixedWarning() []string {
	var parts []string
	differ := false
	for i, c := range r.Candidates {
		asked := "none"
		if c.GPUs != nil {
			asked = c.GPUs.String()
		}
		if other := r.Candidates[0].GPUs; (other == nil) != (c.GPUs == nil) || other != nil && other.String() != asked {
			differ = true
		}
		if i < mostNamed {
			parts = append(parts, fmt.Sprintf("%s %s", c.Name, asked))
		}
	}
	if !differ {
		return nil
	}
	if more := len(r.Candidates) - mostNamed; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return []string{Printable(fmt.Sprintf("candidates have different GPUs (%s): a change between them is that of the hardware too, not of the images alone", strings.Join(parts, ", ")))}
}

// hasGPU reports whether a candidate has GPUs, or none of them has and so nobody
// thought of that.
func (r *Result) hasGPU(candidate int) bool {
	return r.Candidates[candidate].GPUs != nil || !slices.ContainsFunc(r.Candidates, func(c runner.Candidate) bool { return c.GPUs != nil })
}

// unwatchedWarning says that GPUs were given and nothing is known of them.
func (r *Result) unwatchedWarning() []string {
	given := slices.ContainsFunc(r.Candidates, func(c runner.Candidate) bool { return c.GPUs != nil })
	if !given || !r.Measured() || len(r.watched()) > 0 {
		return nil
	}
	return []string{"what the candidates have on their GPUs is not known: NVIDIA's driver could not be asked here (mlbench gpu says why)"}
}

// unseenWarning names the candidates that got GPUs and used none.
func (r *Result) unseenWarning() []string {
	var names []string
	asked := true // every one of them a first request
	for i, c := range r.Candidates {
		if n := r.unseen(i); c.GPUs != nil && n > 0 {
			names = append(names, fmt.Sprintf("%s (%s, --gpus %s)", c.Name, counted(n, "start"), c.GPUs))
			asked = asked && c.Request != nil
		}
	}
	if len(names) == 0 {
		return nil
	}
	line := "got GPUs and was never seen on one: " + listed(names) + ". Ran it on the CPU? Check whether its framework is built for CUDA and finds the GPU (of PyTorch torch.cuda.is_available()), whether its CUDA fits the driver (mlbench gpu IMAGE)"
	if !asked {
		line += ", and whether it loads its model only when it is asked (--request asks it)"
	}
	return []string{Printable(line)}
}

// unseen are how many starts of a candidate were ready and watched; 0 where
// it was seen on a GPU in any.
func (r *Result) unseen(candidate int) int {
	ready := 0
	for _, s := range r.measured(candidate) {
		switch {
		case s.seenOnGPU():
			return 0
		case s.GPU != nil && !s.Failed():
			ready++
		}
	}
	return ready
}

// lazyWarning says whose GPU memory still grows after it was ready: ready does
// not mean then that the weights are there.
func (r *Result) lazyWarning() []string {
	var found []string
	for i := range r.Candidates {
		if s := r.lazy(i); s != "" {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return []string{Printable("ready comes before the GPU memory stands: " + strings.Join(found, "; ") + ". What is loaded then, such as weights, or what the first request takes, is not in the time to ready")}
}

// lazy says by how much a candidate is ready too early, where it mostly is.
func (r *Result) lazy(candidate int) string {
	var late, ready, peak []float64
	known := 0
	for _, s := range r.measured(candidate) {
		plateau, ok := s.Marks[runner.GPUPlateau]
		if s.Failed() || !ok || !s.seenOnGPU() {
			continue
		}
		known++
		if plateau.MS-plateau.ResolutionMS <= s.Time() { // it may have stood by then
			continue
		}
		late = append(late, plateau.MS-s.Time())
		peak = append(peak, float64(s.GPU.PeakBytes))
		if s.GPUMemoryBytes != nil {
			ready = append(ready, float64(*s.GPUMemoryBytes))
		}
	}
	if 2*len(late) <= known { // now and then is no habit
		return ""
	}
	line := fmt.Sprintf("of %s by %s (median) in %d of %s", r.Candidates[candidate].Name, duration(stats.Median(late)), len(late), counted(known, "start"))
	if len(ready) > 0 {
		line += fmt.Sprintf(", with %s when ready and %s at the most", memory(int64(stats.Median(ready))), memory(int64(stats.Median(peak))))
	}
	return line
}

// duration writes a time in milliseconds.
func duration(ms float64) string {
	if ms >= 1000 {
		return digits(ms/1000, 3) + " s"
	}
	return digits(ms, 3) + " ms"
}

// byDeviceWarning says where memory is not told of processes.
func (r *Result) byDeviceWarning() []string {
	all, byDevice := 0, 0
	for _, s := range r.watched() {
		if s.seenOnGPU() {
			all++
			if s.GPU.Source == gpu.ByDevice {
				byDevice++
			}
		}
	}
	if byDevice == 0 {
		return nil
	}
	return []string{fmt.Sprintf("GPU memory is told by device only, in %d of %s: it is by how much the memory in use of the GPUs changed, by whomever, as none of the processes that the driver names is known to be the candidate's, or the driver tells no memory of them (WSL): run mlbench in the host's pid namespace, as a container with --pid=host",
		byDevice, counted(all, "start"))}
}

// gpuSourceWarnings say which candidates are not compared by what is on the
// GPUs, as that was told in different ways.
func (r *Result) gpuSourceWarnings() []string {
	var names []string
	for _, c := range r.On(MetricReady) {
		if len(r.gpuSources(c.Baseline, c.Candidate)) > 1 {
			names = append(names, r.Candidates[c.Candidate].Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{Printable(fmt.Sprintf("what %s and %s have on the GPUs is not compared: it was told by process in some starts and by device in others, and the two differ",
		r.baseline().Name, listed(names)))}
}

// othersWarning tells of processes that were not of a start, on its GPUs
// meanwhile.
func (r *Result) othersWarning() []string {
	watched := r.watched()
	with, byDevice := 0, false
	most := make(map[int]*int64) // by process; nil where none tells
	for _, s := range watched {
		if len(s.GPU.Others) == 0 {
			continue
		}
		with++
		byDevice = byDevice || s.GPU.Source != gpu.ByProcess
		for _, p := range s.GPU.Others {
			if had, seen := most[p.PID]; !seen || had == nil || p.Memory != nil && *p.Memory > *had {
				most[p.PID] = cmp.Or(p.Memory, had)
			}
		}
	}
	if with == 0 {
		return nil
	}
	of := func(pid int) int64 {
		if n := most[pid]; n != nil {
			return *n
		}
		return -1
	}
	pids := slices.Sorted(maps.Keys(most))
	slices.SortStableFunc(pids, func(a, b int) int { return cmp.Compare(of(b), of(a)) })
	var parts []string
	for _, pid := range pids[:min(len(pids), mostNamed)] {
		size := "memory not told"
		if n := most[pid]; n != nil {
			size = "up to " + memory(*n)
		}
		parts = append(parts, fmt.Sprintf("pid %d (%s)", pid, size))
	}
	line := fmt.Sprintf("others were on the same GPUs in %d of %s: %s", with, counted(len(watched), "start"), strings.Join(parts, ", "))
	if more := len(pids) - mostNamed; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	if byDevice {
		return []string{line + ": they take time and memory of the GPUs, and what they took or gave back meanwhile is in the memory that is told by device"}
	}
	return []string{line + ": they take time and memory of the GPUs, so what is measured there is noisier"}
}

// samplerWarnings say where the GPUs were read too seldom, or at a price.
func (r *Result) samplerWarnings() []string {
	var every []float64
	took, span := 0.0, 0.0
	for _, s := range r.watched() {
		if u := s.GPU; u.Samples > 1 {
			every = append(every, u.EveryMS)
			took += u.SamplerMS
			span += u.EveryMS * float64(u.Samples)
		}
	}
	if len(every) == 0 {
		return nil
	}
	var w []string
	if median := stats.Median(every); median > coarse {
		w = append(w, fmt.Sprintf("the GPUs were read only every %s (median): moments there are known no better, and a peak of memory between two readings was not seen; the driver is slow to answer, or the host is busy", duration(median)))
	}
	if took > dear*span {
		w = append(w, fmt.Sprintf("to read the GPUs took %s of a processor while starts were watched, which these may have lacked", share(took/span)))
	}
	return w
}

// problemsWarning tells what of the GPUs could not be read, each thing once.
func (r *Result) problemsWarning() []string {
	watched := r.watched()
	with := 0
	var problems []string
	told := make(map[string]bool)
	for _, s := range watched {
		if len(s.GPU.Problems) > 0 {
			with++
		}
		for _, p := range s.GPU.Problems {
			if !told[p] {
				told[p] = true
				problems = append(problems, p)
			}
		}
	}
	if with == 0 {
		return nil
	}
	var parts []string
	for _, p := range problems[:min(len(problems), mostNamed)] {
		if c := []rune(Printable(p)); len(c) > maxProblem {
			p = string(c[:maxProblem]) + "…"
		}
		parts = append(parts, p)
	}
	line := fmt.Sprintf("not all of the GPUs could be read in %d of %s: %s", with, counted(len(watched), "start"), strings.Join(parts, "; "))
	if more := len(problems) - mostNamed; more > 0 {
		line += fmt.Sprintf("; and %d more", more)
	}
	return []string{Printable(line)}
}
