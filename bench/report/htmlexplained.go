package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mlbench/bench"
)

// explainedBlocks are an icicle of what a candidate imports, and whose bytes it
// touches.
func explainedBlocks(v view) (imports, touched []pageBlock) {
	done := make(map[int]bool)
	for _, e := range v.Explained {
		if e.Candidate < 0 || e.Candidate >= len(v.names) || done[e.Candidate] {
			continue // a file that somebody else has made
		}
		done[e.Candidate] = true
		name := v.names[e.Candidate]
		if f := icicle(name, e.Imports); f != nil {
			imports = append(imports, pageBlock{Heading: name, Figure: f}, pageBlock{Fold: "Imports in figures", Table: icicleTable(name, e.Imports)})
		}
		if f := ownersFigure(e.Touched); f != nil {
			touched = append(touched, pageBlock{Heading: name, Text: fmt.Sprintf("%s of %s touched.", bytes(e.Touched.TouchedBytes), bytes(e.Touched.Bytes)), Figure: f})
		}
	}
	return imports, touched
}

// How much of an icicle is drawn, whoever has made the file: a few thousand
// boxes are more than are seen.
const (
	icicleRow      = 24
	icicleDepth    = 14
	mostModules    = 2000
	leastNamedPart = 0.045
)

// icicle draws who imports whom: each module as wide as it takes with all that
// it is the first to import, which stands below it; nil where nothing is known.
func icicle(name string, i *bench.Imports) *pageFigure {
	if i == nil || !(i.TotalMS > 0) || len(i.Largest) == 0 {
		return nil
	}
	d := drawing{label: fmt.Sprintf("Imports of %s: %s in %s; the largest are %s", name, milliseconds(i.TotalMS), plural(i.Modules, "module"), strings.Join(largest(i, 5), ", "))}
	deepest := 0
	for _, m := range i.Largest[:min(len(i.Largest), mostModules)] {
		if m.Depth < 0 || m.Depth >= icicleDepth || !(m.FromMS >= 0) || !(m.CumulativeMS > 0) || m.FromMS >= i.TotalMS {
			continue
		}
		from, to := m.FromMS/i.TotalMS, min((m.FromMS+m.CumulativeMS)/i.TotalMS, 1)
		class := "p2"
		switch own := m.SelfMS / m.CumulativeMS; {
		case own >= 0.5:
			class = "p4"
		case own >= 0.1:
			class = "p3"
		}
		y := float64(m.Depth * icicleRow)
		d.rect("module "+class, from, to, y, icicleRow, fmt.Sprintf("%s: %s, of it %s in itself", word(m.Module), milliseconds(m.CumulativeMS), milliseconds(m.SelfMS)))
		if to-from >= leastNamedPart {
			d.clipped("on", from, to, y, icicleRow, word(m.Module))
		}
		deepest = max(deepest, m.Depth+1)
	}
	if deepest == 0 {
		return nil
	}
	d.height = deepest * icicleRow
	row := figureRow{Name: plural(i.Modules, "module"), Value: milliseconds(i.TotalMS) + " in all", Plots: []markup{d.svg()}}
	return &pageFigure{Class: "icicle", Rows: []figureRow{row},
		Legend:  []legendKey{{"p2", "imports others"}, {"p3", "some time in itself"}, {"p4", "most of its time in itself"}},
		Caption: "Each box is a module, as wide as its import takes with all that it is the first to import; those stand below it. Pointing at a box tells its time. Profiled starts are slower than measured ones."}
}

// largest names the outermost imports that take longest.
func largest(i *bench.Imports, most int) []string {
	var names []string
	for _, m := range sorted(i, func(m bench.Import) float64 { return m.CumulativeMS }) {
		if m.Depth == 0 && len(names) < most {
			names = append(names, word(m.Module)+" "+milliseconds(m.CumulativeMS))
		}
	}
	return names
}

func sorted(i *bench.Imports, by func(bench.Import) float64) []bench.Import {
	all := slices.Clone(i.Largest)
	slices.SortStableFunc(all, func(a, b bench.Import) int { return cmp.Compare(by(b), by(a)) })
	return all
}

// icicleTable says what an icicle draws: those that take longest in themselves.
func icicleTable(name string, i *bench.Imports) *pageTable {
	t := table{left: 1, head: []string{"module", "in itself", "and all it imports first"}}
	all := sorted(i, func(m bench.Import) float64 { return m.SelfMS })
	for _, m := range all[:min(len(all), shownImports)] {
		t.rows = append(t.rows, []string{word(m.Module), milliseconds(m.SelfMS), milliseconds(m.CumulativeMS)})
	}
	return tableOf("Imports of "+name+" by what they take in themselves", t)
}

// ownersFigure draws whose bytes are in the image, and how many are touched;
// nil where it is not known.
func ownersFigure(t *bench.Touched) *pageFigure {
	if t == nil {
		return nil
	}
	most := int64(0)
	shown := t.Owners[:min(len(t.Owners), shownOwners)]
	for _, o := range shown {
		most = max(most, o.Bytes, o.TouchedBytes)
	}
	if most <= 0 {
		return nil
	}
	width := func(n int64) float64 { return math.Max(float64(n), 0) / float64(most) }
	f := &pageFigure{Class: "owners", Legend: []legendKey{{"size", "in the image"}, {"touched", "of it touched"}},
		Caption: "Bytes by owner, those with the most that were never touched first. Touched is what a start from cold left in memory, with what the kernel reads ahead."}
	for _, o := range shown {
		name, value := word(o.Owner), bytes(o.Bytes)+", "+part(o.TouchedBytes, o.Bytes)+" touched"
		d := drawing{height: 24, label: name + ": " + value}
		d.rect("size", 0, width(o.Bytes), 4, 16, bytes(o.Bytes))
		d.rect("touched", 0, width(o.TouchedBytes), 4, 16, bytes(o.TouchedBytes)+" touched")
		f.Rows = append(f.Rows, figureRow{Name: name, Value: value, Plots: []markup{d.svg()}})
	}
	if more := len(t.Owners) - len(shown) + max(t.More, 0); more > 0 {
		f.Note = fmt.Sprintf("%s more are not drawn.", plural(more, "owner"))
	}
	return f
}
