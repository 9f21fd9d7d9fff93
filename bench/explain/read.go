package explain

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"mlbench/bench"
	"mlbench/stats"
)

// smallImport is the share of the total below which an import is left out of
// the tree.
const smallImport = 0.01

// A printed is what one start printed until it was ready, and until its first
// response, which is nil where none was asked.
type printed struct {
	ready, response []byte
}

var errNoImports = errors.New("the program said nothing of imports with PYTHONPROFILEIMPORTTIME=1: it is not Python 3.7 or newer, clears or ignores its environment (python -E, -I), or does not log to its standard error")

// readImports finds the imports in what at least one start has printed.
func readImports(starts []printed, sources func([]*imported) map[string]source) (*Imports, error) {
	var logs, later []*importLog
	for _, p := range starts {
		if l := parseImports(p.ready); l.lines > 0 {
			logs = append(logs, l)
		}
		if rest, ok := bytes.CutPrefix(p.response, p.ready); ok && len(rest) > 0 {
			if l := parseImports(rest); l.lines > 0 {
				later = append(later, l)
			}
		}
	}
	if len(logs) == 0 {
		return nil, errNoImports
	}
	l := steady(logs)
	i := &Imports{Starts: len(logs), Tree: []Module{}, Warnings: l.warnings()}
	i.Packages = packages(l.roots, sources(l.roots))
	for _, p := range i.Packages {
		i.Modules += p.Modules
		i.TotalMS += p.SelfMS
	}
	i.Tree = append(i.Tree, pruned(l.roots, smallImport*i.TotalMS*1000)...)
	if len(later) > 0 {
		l := steady(later)
		i.Later = packages(l.roots, sources(l.roots))
		for _, p := range i.Later {
			i.LaterMS += p.SelfMS
		}
	}
	return i, nil
}

// warnings say where a log is not whole.
func (l *importLog) warnings() []string {
	var w []string
	if l.headers == 0 {
		w = append(w, "the beginning of the log is missing, so imports are")
	}
	if l.headers > 1 {
		w = append(w, fmt.Sprintf("%d Python programs ran one after the other or at once: a module that several of them import counts once, for the slowest", l.headers))
	}
	if l.broken > 0 {
		w = append(w, fmt.Sprintf("%d lines about imports cannot be read: several programs wrote at once, or the log is cut off", l.broken))
	}
	if l.mixed > 0 {
		w = append(w, fmt.Sprintf("the times of %d of %d imports do not add up: several threads or processes imported at once, so who imported what is uncertain", l.mixed, l.lines))
	}
	if l.cut {
		w = append(w, fmt.Sprintf("there are more than %d imports: the rest is left out", maxImports))
	}
	return w
}

// middle is the median over the measured starts of a candidate of what is
// known of them, and of how many it is.
func middle(r *bench.Result, candidate int, of func(*bench.Start) (float64, bool)) (n int, median float64) {
	var all []float64
	for i := range r.Starts {
		s := &r.Starts[i]
		if s.Candidate != candidate || !s.Role.Measured() {
			continue
		}
		if x, ok := of(s); ok {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return len(all), stats.Median(all)
}
