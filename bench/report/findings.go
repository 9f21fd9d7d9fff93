package report

import (
	"io"

	"mlbench/bench"
	"mlbench/runner"
)

// Findings renders what a host is like, the remedies below what they are for,
// and ends with a sentence.
func Findings(w io.Writer, found []runner.Finding) error {
	p := printer{w: w}
	t := table{left: 3, head: []string{"what", "is", "found"}}
	counts := make(map[runner.Grade]int)
	for _, f := range found {
		counts[f.Grade]++
		lines := wrapped(bench.Printable(f.Found), maxWhy)
		if f.Remedy != "" {
			lines = append(lines, wrapped("→ "+bench.Printable(f.Remedy), maxWhy)...)
		}
		for i, line := range lines {
			if i == 0 {
				t.rows = append(t.rows, []string{f.Subject, string(f.Grade), line})
			} else {
				t.rows = append(t.rows, []string{"", "", line})
			}
		}
	}
	p.table(t)
	p.line("")
	switch {
	case counts[runner.Missing] > 0:
		p.line(plural(counts[runner.Missing], "thing") + " missing, " + plural(counts[runner.Poor], "thing") + " poor: see the arrows")
	case counts[runner.Poor] > 0:
		p.line("this host gives figures to trust; " + plural(counts[runner.Poor], "thing") + " could be better: see the arrows")
	default:
		p.line("this host gives figures to trust")
	}
	return p.err
}
