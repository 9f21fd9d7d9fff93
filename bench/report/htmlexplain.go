package report

import (
	"fmt"
	"html/template"
	"io"
	"strings"

	"mlbench/bench/explain"
)

// explanationHTML renders where a start goes: its phases, an icicle of its
// imports, whose bytes it touches.
func explanationHTML(w io.Writer, r *explain.Report) error {
	p := page{
		Title: "mlbench: where a start goes – " + shorten(explainedNames(r), 2*maxName), Kind: "mlbench explain", Heading: "Where a start goes",
		About: []string{r.StartedAt.UTC().Format("2006-01-02 15:04 MST"), "cold: " + brief(string(r.Cold.Level)+" – "+r.Cold.How, maxLine)},
		Made:  "mlbench " + word(r.Tool.Version) + ". Times are medians of few starts, and tell where to look: compare measures how much a change is worth.",
	}
	for _, c := range r.Candidates {
		p.Said = append(p.Said, fmt.Sprintf("%s is ready in %s (median of %s).", word(c.Name), milliseconds(c.ReadyMS), plural(c.Starts, "start")))
	}
	names := explainNames(r)
	p.add("phases", "Phases", append([]pageBlock{{Figure: explainedBars(r)}, {Table: tableOf("Phases, medians", explainPhases(r).table)}}, onGPUBlocks(r)...)...)
	var imports, touched, gained []pageBlock
	for i := range r.Candidates {
		c := &r.Candidates[i]
		if c.Imports != nil {
			imports = append(imports, pageBlock{Heading: names[i], Figure: icicle(names[i], c.Imports)}, pageBlock{Fold: "Imports in figures", Table: tableOf("Imports of "+names[i], explainImports(c.Imports).table), List: explainImports(c.Imports).lines})
		}
		if c.Touched != nil {
			s := explainTouched(c.Touched)
			touched = append(touched, pageBlock{Heading: names[i], Text: s.title + ".", Figure: ownersFigure(c.Touched)}, pageBlock{Fold: "Bytes touched in figures", Table: tableOf("Bytes touched of "+names[i], s.table), List: s.lines})
		}
		if len(c.Opportunities) > 0 && i == len(r.Candidates)-1 { // what the old one could gain is past
			gained = append(gained, pageBlock{List: couldBeGained(c, "").lines})
		}
	}
	if r.Difference != nil {
		var blocks []pageBlock
		for _, s := range explainDifference(r) {
			blocks = append(blocks, sectionBlocks(s)...)
		}
		p.add("difference", "What differs", blocks...)
	}
	if r.Wins != nil {
		p.add("wins", "Biggest wins", winBlocks(*r.Wins, names, nil)...)
	}
	p.add("imports", "What is imported", imports...)
	p.add("touched", "What is touched", touched...)
	p.add("gained", "What could be gained", gained...)
	var missing []pageBlock
	for i, c := range r.Candidates {
		if len(c.Missing) > 0 {
			missing = append(missing, pageBlock{Heading: names[i], List: briefly(c.Missing)})
		}
	}
	p.add("missing", "What is not known", missing...)
	p.add("warnings", "Warnings", pageBlock{List: capped(briefly(r.Warnings), mostWarnings)})
	return p.write(w)
}

func explainedBars(r *explain.Report) *pageFigure {
	times, readies := make([]map[string]float64, len(r.Candidates)), make([]string, len(r.Candidates))
	for i, c := range r.Candidates {
		times[i], readies[i] = make(map[string]float64), milliseconds(c.ReadyMS)
		for _, p := range c.Phases {
			times[i][p.Name] = p.MS
		}
	}
	return phaseBars(explainNames(r), times, readies)
}

func onGPUBlocks(r *explain.Report) []pageBlock {
	var blocks []pageBlock
	for _, s := range explainOnGPU(r) {
		blocks = append(blocks, sectionBlocks(s)...)
	}
	return blocks
}

// How much of an icicle is drawn: what is narrower is not seen, and deeper
// imports are in the JSON.
const (
	icicleDepth    = 14
	leastModule    = 0.003
	icicleRow      = 24
	leastNamedPart = 0.045
)

// icicle draws who imports whom: each module as wide as it takes with all that
// it is the first to import, which stands below it.
func icicle(name string, i *explain.Imports) *pageFigure {
	if !(i.TotalMS > 0) || len(i.Tree) == 0 {
		return nil
	}
	d := drawing{label: fmt.Sprintf("Imports of %s: %s in %s; %s", name, milliseconds(i.TotalMS), plural(i.Modules, "module"), strings.Join(treeLines(i.Tree, "", i.TotalMS/10), "; "))}
	deepest := d.modules(i.Tree, 0, 0, i.TotalMS)
	d.height = deepest * icicleRow
	row := figureRow{Name: plural(i.Modules, "module"), Value: milliseconds(i.TotalMS) + " in all", Plots: []template.HTML{d.svg()}}
	return &pageFigure{Class: "icicle", Rows: []figureRow{row},
		Legend:  []legendKey{{"p2", "imports others"}, {"p3", "some time in itself"}, {"p4", "most of its time in itself"}},
		Caption: "Each box is a module, as wide as its import takes with all that it is the first to import; those stand below it. Pointing at a box tells its time. Profiled starts are slower than measured ones."}
}

// modules draws modules side by side from a place on, and what they import
// below; it returns how many rows it took.
func (d *drawing) modules(all []explain.Module, depth int, from, total float64) int {
	deepest := depth
	if depth >= icicleDepth {
		return deepest
	}
	for _, m := range all {
		width := m.CumulativeMS / total
		if width >= leastModule && from < 1 {
			to := min(from+width, 1)
			class := "p2"
			switch own := m.SelfMS / max(m.CumulativeMS, 1e-9); {
			case own >= 0.5:
				class = "p4"
			case own >= 0.1:
				class = "p3"
			}
			y := float64(depth * icicleRow)
			d.rect("module "+class, from, to, y, icicleRow, fmt.Sprintf("%s: %s, of it %s in itself", word(m.Name), milliseconds(m.CumulativeMS), milliseconds(m.SelfMS)))
			if width >= leastNamedPart {
				d.clipped("on", from, to, y, icicleRow, word(m.Name))
			}
			deepest = max(deepest, depth+1, d.modules(m.Imports, depth+1, from, total))
		}
		from += width
	}
	return deepest
}

// ownersFigure draws whose bytes are in the image, and how many are touched.
func ownersFigure(t *explain.Touched) *pageFigure {
	largest := int64(0)
	shown := t.Owners[:min(len(t.Owners), shownOwners)]
	for _, o := range shown {
		largest = max(largest, o.Bytes)
	}
	if largest <= 0 {
		return nil
	}
	f := &pageFigure{Class: "owners", Legend: []legendKey{{"size", "in the image"}, {"touched", "of it touched"}},
		Caption: "Bytes by owner, those with the most that were never touched first. Touched is what a start from cold left in memory."}
	for _, o := range shown {
		name := word(strings.TrimSpace(string(o.Kind) + " " + o.Name))
		value := bytes(o.Bytes) + ", " + part(o.TouchedBytes, o.Bytes) + " touched"
		d := drawing{height: 24, label: name + ": " + value}
		d.rect("size", 0, float64(o.Bytes)/float64(largest), 4, 16, bytes(o.Bytes))
		d.rect("touched", 0, float64(o.TouchedBytes)/float64(largest), 4, 16, bytes(o.TouchedBytes)+" touched")
		f.Rows = append(f.Rows, figureRow{Name: name, Value: value, Plots: []template.HTML{d.svg()}})
	}
	if more := len(t.Owners) - len(shown); more > 0 {
		f.Note = fmt.Sprintf("%s more are in the JSON.", plural(more, "owner"))
	}
	return f
}
