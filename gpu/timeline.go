package gpu

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// keep keeps a point that differs from the one before.
func (t *track) keep(p point) {
	if n := len(t.points); n > 0 {
		q := t.points[n-1]
		if p.own == q.own && p.rise == q.rise && equal(p.busy, q.busy) {
			return
		}
	}
	t.points = append(t.points, p)
	for t.width = max(t.width, 1); len(t.points) > mostPoints; {
		if t.points = thin(t.points, t.width); len(t.points) > mostPoints/2 {
			t.width *= 2
		}
	}
}

// thin leaves out points: of the points among so many samples that follow each
// other the first, the last and those with the least and the most memory stay,
// so that no peak is lost and nothing that leaves a plateau. A point after a gap
// says how long the gap is.
func thin(points []point, width int) []point {
	var kept []point
	left := time.Time{} // the earliest moment from which on points were left out
	for len(points) > 0 {
		n := 1
		for n < len(points) && points[n].sample/width == points[0].sample/width {
			n++
		}
		group := points[:n]
		points = points[n:]
		stay := map[int]bool{0: true, len(group) - 1: true}
		for _, memory := range []func(point) int64{func(p point) int64 { return p.own }, func(p point) int64 { return p.rise }} {
			least, most := 0, 0
			for i, p := range group {
				if memory(p) < memory(group[least]) {
					least = i
				}
				if memory(p) > memory(group[most]) {
					most = i
				}
			}
			stay[least], stay[most] = true, true
		}
		for i, p := range group {
			switch {
			case !stay[i] && left.IsZero():
				left = p.at.Add(-p.gap)
			case stay[i]:
				if !left.IsZero() {
					p.gap, left = p.at.Sub(left), time.Time{}
				}
				kept = append(kept, p)
			}
		}
	}
	return kept
}

// use says what the samples have shown.
func (t *track) use() *Use {
	u := &Use{Source: ByProcess, Samples: t.samples, Every: t.gaps.median(), Context: t.seen, Problems: slices.Clone(t.problems)}
	switch {
	// As under WSL; or with 0 for each, as in a container by drivers that tell ids
	// as they are there and look memory up by those of the host (seen with 560.35;
	// open-gpu-kernel-modules, pull request 614).
	case t.seen != nil && !t.sized:
		u.Source = ByDevice
	case t.seen == nil && (t.rose != nil || !t.told):
		u.Source, u.Context = ByDevice, t.rose
	}
	memory := func(p point) int64 { return p.own }
	if u.Source == ByDevice {
		memory = func(p point) int64 { return max(p.rise, 0) }
	}
	u.Peak = memory(t.peak)
	if t.ready != nil {
		u.Ready = new(memory(*t.ready))
	}
	for i, p := range t.points {
		q := Point{At: p.at, Memory: memory(p), Busy: p.busy}
		if i > 0 {
			if last := u.Points[len(u.Points)-1]; last.Memory == q.Memory && equal(last.Busy, q.Busy) {
				continue // what differs is not shown
			}
		}
		u.Points = append(u.Points, q)
	}
	u.Plateau = t.plateau(memory, u.Context)
	u.Others = t.strangers(u)
	return u
}

// plateau is since when memory has been within 1 % of its last value.
func (t *track) plateau(memory func(point) int64, context *Moment) *Moment {
	n := len(t.points)
	if n == 0 || context == nil {
		return nil
	}
	last := memory(t.points[n-1])
	if last <= 0 {
		return nil
	}
	first := n - 1
	for first > 0 && near(memory(t.points[first-1]), last) {
		first--
	}
	p := t.points[first]
	if p.at.Before(context.At) { // memory in use may rise before the driver names the process
		return new(*context)
	}
	return &Moment{p.at, p.gap}
}

func near(a, b int64) bool {
	d := float64(a) - float64(b)
	return max(d, -d) <= 0.01*float64(b)
}

func equal(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// strangers are the processes of others, those with the most memory first. Where
// none is known to be the start's, what came after its begin may well be: the
// driver names it as it is called in another namespace.
func (t *track) strangers(u *Use) []Process {
	var all []Process
	for _, pid := range slices.Sorted(maps.Keys(t.others)) {
		if o := t.others[pid]; t.seen != nil || u.Source == ByProcess || o.before {
			all = append(all, o.Process)
		}
	}
	slices.SortStableFunc(all, func(a, b Process) int { return cmp.Compare(size(b), size(a)) })
	return all
}

func size(p Process) int64 {
	if p.Memory == nil {
		return -1
	}
	return *p.Memory
}

// gaps are the times between samples, for their median: all of them, then every
// second, every fourth and so on, as they become many.
type gaps struct {
	kept  []time.Duration
	every int // one in so many is kept; 0 is 1
	count int
}

func (g *gaps) add(d time.Duration) {
	const most = 4096
	g.every = max(g.every, 1)
	if g.count++; g.count%g.every != 0 {
		return
	}
	if g.kept = append(g.kept, d); len(g.kept) < most {
		return
	}
	for i := range most / 2 {
		g.kept[i] = g.kept[2*i+1]
	}
	g.kept, g.every = g.kept[:most/2], 2*g.every
}

// median is 0 where there are none.
func (g *gaps) median() time.Duration {
	if len(g.kept) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(g.kept))
	return sorted[len(sorted)/2]
}
