package explain

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"mlbench/bench"
	"mlbench/runner/image"
)

// wins takes the difference between a candidate and the first one apart.
func (r *Report) wins(candidate int) bench.Wins {
	before, after := &r.Candidates[0], &r.Candidates[candidate]
	w := bench.Wins{Baseline: 0, Candidate: candidate}
	if before.image != nil && after.image != nil {
		w.Size = bench.Rank(sizes(before.image, after.image), "unpacked bytes of the two images, every file with one owner: as `mlbench inspect` has them")
	}
	if before.Starts > 0 && after.Starts > 0 {
		parts, basis := times(before, after)
		w.Time = bench.Rank(parts, basis)
	}
	return w
}

// sizes are the reasons for which something is in either image, with what they
// changed and whose bytes those are.
func sizes(before, after *image.Report) []bench.Part {
	owners := make(map[string]map[string]int64) // bytes that came, by reason and owner
	for _, side := range []struct {
		r    *image.Report
		sign int64
	}{{before, -1}, {after, 1}} {
		for _, o := range side.r.Owners {
			if owners[o.Reason] == nil {
				owners[o.Reason] = make(map[string]int64)
			}
			owners[o.Reason][o.Name] += side.sign * o.Bytes
		}
	}
	var parts []bench.Part
	for _, r := range image.Diff(before, after).Reasons {
		parts = append(parts, bench.Part{Kind: bench.PartReason, Name: r.Reason, Change: float64(r.Bytes.Bytes()), Of: greatest(owners[r.Reason])})
	}
	return parts
}

// greatest are the names with the greatest changes, mostNames at most.
func greatest(changes map[string]int64) []string {
	names := slices.SortedFunc(maps.Keys(changes), func(a, b string) int {
		x, y := changes[a], changes[b]
		return cmp.Or(cmp.Compare(max(y, -y), max(x, -x)), cmp.Compare(a, b))
	})
	names = names[:min(len(names), mostNames)]
	return slices.DeleteFunc(names, func(name string) bool { return changes[name] == 0 })
}

// times are the phases with what they changed; of the program's own, boot and
// warmup, the imports by package and what is left.
func times(before, after *Candidate) ([]bench.Part, string) {
	const medians = "differences of the medians of the measured starts"
	split := before.Imports != nil && after.Imports != nil
	var parts []bench.Part
	program := 0.0
	for _, name := range phaseNames(before, after) {
		if name == "first_request" {
			continue // after ready
		}
		change := after.phase(name) - before.phase(name)
		if split && (name == "boot" || name == "warmup") {
			program += change
			continue
		}
		parts = append(parts, bench.Part{Kind: bench.PartPhase, Name: name, Change: change})
	}
	if !split {
		return parts, medians
	}
	imports := make(map[string]float64)
	for _, side := range []struct {
		c    *Candidate
		sign float64
	}{{before, -1}, {after, 1}} {
		scale := side.c.scale()
		for _, p := range side.c.Imports.Packages {
			imports[p.Name] += side.sign * scale * p.SelfMS
		}
	}
	rest := program
	for name, change := range imports {
		rest -= change
		parts = append(parts, bench.Part{Kind: bench.PartImport, Name: name, Change: change})
	}
	parts = append(parts, bench.Part{Kind: bench.PartCode, Name: "what the program does besides importing", Change: rest})
	slices.SortFunc(parts, func(a, b bench.Part) int { // the order of a map is not one
		return cmp.Or(cmp.Compare(math.Abs(b.Change), math.Abs(a.Change)), cmp.Compare(a.Name, b.Name))
	})
	return parts, fmt.Sprintf("%s; an import is the time in the package's own modules in profiled starts of each (median), times %.2f and %.2f as profiling slows starts down", medians, before.scale(), after.scale())
}

// scale is what makes times of the profiled start those of a measured one.
func (c *Candidate) scale() float64 {
	program := c.phase("boot") + c.phase("warmup")
	if c.Imports.ProgramMS <= 0 {
		return 1
	}
	return min(program/c.Imports.ProgramMS, 1)
}

// phase is the median of that phase; 0 where there was none.
func (c *Candidate) phase(name string) float64 {
	for _, p := range c.Phases {
		if p.Name == name {
			return p.MS
		}
	}
	return 0
}

func phaseNames(candidates ...*Candidate) []string {
	var names []string
	for _, c := range candidates {
		for _, p := range c.Phases {
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	return names
}
