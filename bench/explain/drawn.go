package explain

import (
	"strings"

	"mlbench/bench"
)

// How much of a candidate is kept to be drawn: deeper and smaller imports are
// not seen.
const (
	drawnDepth  = 14
	drawnShare  = 0.003 // of the time of all imports
	drawnOwners = 12
)

// Drawn is what of a candidate is drawn.
func (c *Candidate) Drawn(place int) bench.Explained {
	e := bench.Explained{Candidate: place}
	if i := c.Imports; i != nil {
		e.Imports = &bench.Imports{Modules: i.Modules, TotalMS: i.TotalMS, Largest: boxes([]bench.Import{}, i.Tree, 0, 0, drawnShare*i.TotalMS)}
	}
	if t := c.Touched; t != nil {
		last := t.Ready
		if t.FirstResponse != nil {
			last = *t.FirstResponse
		}
		e.Touched = &bench.Touched{Bytes: t.Bytes, TouchedBytes: last.Bytes, Owners: []bench.OwnerBytes{}, More: max(len(t.Owners)-drawnOwners, 0)}
		for _, o := range t.Owners[:min(len(t.Owners), drawnOwners)] {
			e.Touched.Owners = append(e.Touched.Owners, bench.OwnerBytes{Owner: strings.TrimSpace(string(o.Kind) + " " + o.Name), Bytes: o.Bytes, TouchedBytes: o.TouchedBytes})
		}
	}
	return e
}

// boxes are the imports of a tree, each where it stands.
func boxes(all []bench.Import, tree []Module, depth int, from, least float64) []bench.Import {
	for _, m := range tree {
		if m.CumulativeMS >= least && depth < drawnDepth {
			all = append(all, bench.Import{Module: m.Name, Depth: depth, FromMS: from, CumulativeMS: m.CumulativeMS, SelfMS: m.SelfMS})
			all = boxes(all, m.Imports, depth+1, from, least)
		}
		from += m.CumulativeMS
	}
	return all
}
