package report

import (
	"io"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/image"
)

// Coloured is a writer to a terminal that shows colours. Tables for terminals
// have their verdicts in colour there; the text stays the same, and whatever
// else is written goes through as it is.
func Coloured(w io.Writer) io.Writer { return coloured{w} }

type coloured struct{ io.Writer }

// paints are how verdicts look. The words say it all, and the colours tell them
// apart for those too who see no difference between red and green: what is bad is
// bold besides, and what is good blue.
// https://en.wikipedia.org/wiki/ANSI_escape_code#Select_Graphic_Rendition_parameters
const (
	bad  = "1;31" // bold red
	soso = "33"   // yellow
	fine = "34"   // blue
)

// verdictHeads are the columns that hold verdicts.
var verdictHeads = []string{"verdict", "is", "severity"}

// paint is that of a word in such a column, "" for none.
func paint(word string) string {
	switch word {
	case string(bench.Fail), string(runner.Missing), string(image.High), string(bench.Regression):
		return bad
	case string(bench.Unknown), string(runner.Poor), string(image.Medium), string(bench.Slower), string(gpu.Warn):
		return soso
	case string(bench.Pass), string(runner.Good), string(bench.Faster), string(bench.NoRegression):
		return fine
	}
	return ""
}

// painted is the table with its verdicts in colour.
func (t table) painted() table {
	t.rows = slices.Clone(t.rows)
	for column, head := range t.head {
		if !slices.Contains(verdictHeads, head) {
			continue
		}
		for i, row := range t.rows {
			word, rest, more := strings.Cut(row[column], " ")
			if more {
				rest = " " + rest
			}
			if p := paint(word); p != "" {
				t.rows[i] = slices.Clone(row)
				t.rows[i][column] = "\x1b[" + p + "m" + word + "\x1b[0m" + rest
			}
		}
	}
	return t
}
