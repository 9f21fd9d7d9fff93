package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"mlbench/runner"
	"mlbench/stats"
)

const (
	// Noticed is the p-value under which a diagnostic is worth a line. They
	// are looked at in every run, so 5 % would cry wolf.
	Noticed = 0.01
	// resolved is the share of a start's time that its resolution may have.
	resolved = 0.01
)

// warnings are what a reader should know about the measurement. They change
// no verdict.
func (r *Result) warnings() []string {
	w := []string{}
	for i := range r.Candidates {
		w = append(w, r.failureWarning(i)...)
	}
	w = append(w, r.candidateWarnings()...)
	w = append(w, r.coldWarnings()...)
	w = append(w, r.sourceWarning()...)
	w = append(w, r.GPUWarnings()...)
	for i := range r.Candidates {
		w = append(w, r.resolutionWarning(i)...)
		w = append(w, r.modesWarning(i)...)
	}
	for _, i := range r.judged() {
		w = append(w, r.clusterWarning(i)...)
	}
	w = append(w, r.orderWarning()...)
	w = append(w, r.covariateWarnings()...)
	for _, c := range r.On(MetricReady) {
		w = append(w, r.cpuWarning(c)...)
	}
	w = append(w, r.driftWarning()...)
	return append(w, r.loadWarnings()...)
}

func (r *Result) failureWarning(candidate int) []string {
	s := r.Summary(candidate)
	if s.Failed == 0 {
		return nil
	}
	failed := maps.Clone(s.Outcomes)
	delete(failed, runner.OutcomeReady)
	var last Start
	for _, x := range r.measured(candidate) {
		if x.Failed() {
			last = x
		}
	}
	line := fmt.Sprintf("%s: %d of %s failed (%s); the last one: %s",
		r.Candidates[candidate].Name, s.Failed, counted(s.Starts, r.one()), Counts(failed), last.Error)
	if n := len(last.Log); n > 0 {
		line += "; its last line: " + last.Log[n-1]
	}
	return []string{Printable(line)}
}

func (r *Result) candidateWarnings() []string {
	var w []string
	base := r.baseline()
	for i, c := range r.Candidates {
		if i == 0 {
			continue
		}
		if c.Digest != "" && c.Digest == base.Digest {
			w = append(w, fmt.Sprintf("%s and %s are the same image: any difference between them is noise%s", base.Name, c.Name, r.noiseFloor(i)))
		}
		if base.Health != "" && c.Health != "" && c.Health != base.Health {
			w = append(w, fmt.Sprintf("%s is asked at %s and %s at %s: ready may not mean the same", base.Name, base.Health, c.Name, c.Health))
		}
	}
	if r.Host.Reach == "published" {
		w = append(w, "the containers' own addresses cannot be reached: they were asked through published ports, which blurs the phase boot")
	}
	return w
}

func (r *Result) baseline() runner.Candidate {
	if len(r.Candidates) == 0 {
		return runner.Candidate{}
	}
	return r.Candidates[0]
}

const (
	// muchRead is how many bytes a warm start may read from disk: what takes
	// some tens of milliseconds.
	muchRead = 10e6
	// hardlyRead is the share of the bytes that a start touches which one that
	// was cold has to read from disk at least.
	hardlyRead = 0.1
)

// coldWarnings tell where starts were not as the level says: by what was in
// memory before them, and by what they then read from disk.
func (r *Result) coldWarnings() []string {
	var w []string
	for _, e := range r.Cold.Pulls {
		name := r.Candidates[e.Candidate].Name
		if e.Layers == 0 && slices.ContainsFunc(r.measured(e.Candidate), func(s Start) bool { return s.Pull != nil }) {
			w = append(w, name+" was pulled, and the engine told of no layer: nothing proves that it was cold")
		}
		if e.AlreadyHere == 0 {
			continue
		}
		how := fmt.Sprintf("only partly cold: up to %d of its", e.AlreadyHere)
		if e.AlreadyHere >= e.Layers {
			how = "not cold in some start: all of its"
		}
		why := "and nothing tells why"
		if len(e.HeldBy) > 0 {
			why = fmt.Sprintf("held by %s: remove what holds them, or leave --registry away", listed(e.HeldBy[:min(len(e.HeldBy), mostHolders)]))
		}
		w = append(w, fmt.Sprintf("%s was %s %s were in the engine before a pull, %s", name, how, counted(e.Layers, "layer"), why))
	}
	if r.Cold.Level == Warm {
		for i, c := range r.Candidates {
			if read, known := r.MiddleRead(i); known && read > muchRead {
				w = append(w, fmt.Sprintf("%s was not quite warm: its starts read %s from disk (median), which were not in memory or never stay there",
					c.Name, megabytes(int64(read))))
			}
		}
	}
	if r.Cold.Level != Cache {
		return w
	}
	if len(r.Cold.Evidence) == 0 { // nothing could count what stayed
		for i, c := range r.Candidates {
			if read, known := r.MiddleRead(i); known && read == 0 {
				w = append(w, c.Name+" read nothing from disk (median), so it was not cold, or its files are on no disk of this host")
			}
		}
	}
	for _, e := range r.Cold.Evidence {
		name := r.Candidates[e.Candidate].Name
		if float64(e.ResidentBytes) > coldEnough*float64(e.TouchedBytes) {
			w = append(w, fmt.Sprintf("%s was not quite cold: up to %s of the %s that a start touches were in memory before a start; what a running program has mapped cannot be dropped (a container of the same image?)",
				name, megabytes(e.ResidentBytes), megabytes(e.TouchedBytes)))
		}
		absent := float64(e.TouchedBytes - e.ResidentBytes)
		if read, known := r.MiddleRead(e.Candidate); known && absent > muchRead && read < hardlyRead*absent {
			w = append(w, fmt.Sprintf("%s read %s %% of the %s that a start touches and that were not in memory from disk (median): its files come past this host's disks, as over a network, or from a cache of the file system's own, which was not made cold",
				name, digits(100*read/absent, 2), megabytes(int64(absent))))
		}
	}
	return w
}

// MiddleRead is the median of the bytes that a candidate's measured starts read
// from disk; known is false where none tells it.
func (r *Result) MiddleRead(candidate int) (read float64, known bool) {
	var all []float64
	for _, s := range r.measured(candidate) {
		if x, ok := s.Of(MetricReadBytes); ok {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	return stats.Median(all), true
}

func (r *Result) resolutionWarning(candidate int) []string {
	blurred, worst, starts := 0, 0.0, r.measured(candidate)
	for _, s := range starts {
		if share := s.ResolutionMS / s.Time(); share > resolved {
			blurred++
			worst = max(worst, share)
		}
	}
	if blurred == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: the moment of ready is known only to more than 1 %% of the time in %d of %s (worst %s %%)",
		r.Candidates[candidate].Name, blurred, counted(len(starts), "start"), digits(100*worst, 2))}
}

// sourceWarning says when the starts that are compared were not all watched in
// the same way: to try to connect slows a start on a busy host, and to be told
// by the kernel does not.
func (r *Result) sourceWarning() []string {
	sources := make(map[string]int)
	for _, s := range r.Starts {
		if m, ok := s.Marks[runner.Listening]; ok && s.Role.Measured() {
			sources[m.Source]++
		}
	}
	if len(sources) < 2 {
		return nil
	}
	var parts []string
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		parts = append(parts, fmt.Sprintf("%s %d", source, sources[source]))
	}
	return []string{Printable("the starts were not all watched in the same way, which may bend what is compared: listening was seen by " + listed(parts))}
}

// clusterWarning says where misses of the target follow each other. The starts
// that prove it are counted as if each were a draw of its own.
func (r *Result) clusterWarning(candidate int) []string {
	if !r.Spec.TargetGates {
		return nil
	}
	var missed, afterMiss, afterHit []float64 // 1 for a miss
	for i, s := range r.measured(candidate) {
		miss := 0.0
		if s.Time() > r.Spec.TargetMS {
			miss = 1
		}
		switch {
		case i == 0:
		case missed[i-1] == 1:
			afterMiss = append(afterMiss, miss)
		default:
			afterHit = append(afterHit, miss)
		}
		missed = append(missed, miss)
	}
	rho := stats.Autocorrelation(missed)
	if t := stats.OrderEffect(afterMiss, afterHit); rho > 0 && t.P < Noticed {
		return []string{fmt.Sprintf("%s: misses of the target come in clusters (autocorrelation %s): the confidence behind the target supposes independent %ss; it holds on this host, in this session",
			r.Candidates[candidate].Name, digits(rho, 1), r.one())}
	}
	return nil
}

// orderWarning says when it matters to be first in a pair. The order is drawn
// at random, so the comparison stays fair; but something is carried over.
func (r *Result) orderWarning() []string {
	var found []string
	compared := r.On(MetricReady)
	for _, c := range compared {
		t := r.orderEffect(c.Candidate)
		if !(t.P < Noticed) {
			continue
		}
		effect := fmt.Sprintf("%s (%s)", longer(math.Expm1(t.Effect)), chance(t.P))
		if len(compared) > 1 {
			effect += " with " + r.Candidates[c.Candidate].Name
		}
		found = append(found, effect)
	}
	if len(found) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("running first in a pair makes a %s %s: the order is drawn at random, so this blurs what is compared but does not bend it", r.one(), listed(found))}
}

// orderEffect is what it means to a candidate and the baseline to run first.
func (r *Result) orderEffect(candidate int) stats.OrderTest {
	var first, second []float64
	for _, p := range r.pairs(candidate) {
		if p.baseline.Failed() || p.candidate.Failed() {
			continue
		}
		d := math.Log(p.candidate.Time() / p.baseline.Time())
		if p.candidate.Position < p.baseline.Position {
			first = append(first, d)
		} else {
			second = append(second, d)
		}
	}
	return stats.OrderEffect(first, second)
}

func (r *Result) driftWarning() []string {
	var means []float64
	for _, b := range r.blocks(RolePair) {
		sum := 0.0
		for _, s := range b {
			if s == nil || s.Failed() {
				sum = math.NaN()
				break
			}
			sum += math.Log(s.Time())
		}
		if !math.IsNaN(sum) {
			means = append(means, sum/float64(len(b)))
		}
	}
	if t := stats.Drift(means); t.P < Noticed {
		return []string{fmt.Sprintf("the host changed during the run: %ss at its end were %s than those at its beginning (%s); what is compared began at nearly the same time, so verdicts hold, but the times themselves are of this session",
			r.one(), longer(t.Change), chance(t.P))}
	}
	return nil
}
