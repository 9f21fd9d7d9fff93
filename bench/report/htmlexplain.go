package report

import (
	"fmt"
	"io"

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
		drawn := c.Drawn(i)
		if c.Imports != nil {
			imports = append(imports, pageBlock{Heading: names[i], Figure: icicle(names[i], drawn.Imports)}, pageBlock{Fold: "Imports in figures", Table: tableOf("Imports of "+names[i], explainImports(c.Imports).table), List: explainImports(c.Imports).lines})
		}
		if c.Touched != nil {
			s := explainTouched(c.Touched)
			touched = append(touched, pageBlock{Heading: names[i], Text: s.title + ".", Figure: ownersFigure(drawn.Touched)}, pageBlock{Fold: "Bytes touched in figures", Table: tableOf("Bytes touched of "+names[i], s.table), List: s.lines})
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
