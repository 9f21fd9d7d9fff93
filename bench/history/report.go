package history

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mlbench/bench"
)

// Schema is the form of a Report's JSON. Fields are never renamed within it;
// readers ignore what they do not know.
const Schema = "mlbench.history/v1"

// A Report is what of a history was asked for.
type Report struct {
	Schema   string     `json:"schema"`
	Tool     bench.Tool `json:"tool"`
	Folder   string     `json:"folder"`
	Runs     int        `json:"runs"` // in the history
	Entries  []Entry    `json:"entries"`
	Series   []Series   `json:"series"`
	Passed   Passed     `json:"passed_over"`
	Clocks   []Clock    `json:"clocks"`
	Warnings []string   `json:"warnings"`

	// List is how many of the newest runs people are shown; 0 for some.
	List int `json:"-"`
}

// row is an entry with the ID of its fingerprint, which is long in the making.
type row struct {
	*Entry
	fingerprint string
}

// Look chooses of a history, and groups that into series: each candidate's
// together, in the order in which they began.
func Look(dir string, log *Log, f Filter, tool bench.Tool) *Report {
	r := &Report{
		Schema: Schema, Tool: tool, Folder: dir, Runs: len(log.Entries), Entries: make([]Entry, 0, len(log.Entries)), Series: []Series{},
		Passed: log.Passed, Clocks: log.Clocks, Warnings: []string{},
	}
	if r.Clocks == nil {
		r.Clocks = []Clock{}
	}
	if r.Passed.Lines == nil {
		r.Passed.Lines = []int{}
	}
	rows := make([]row, 0, len(log.Entries))
	id := ""
	for i := range log.Entries {
		e := &log.Entries[i]
		if i == 0 || !e.Fingerprint.same(log.Entries[i-1].Fingerprint) {
			id = e.Fingerprint.ID()
		}
		if f.run(e, id) && slices.ContainsFunc(e.Candidates, f.candidate) {
			rows = append(rows, row{e, id})
			r.Entries = append(r.Entries, *e)
		}
	}
	all, without := series(rows, f)
	r.Series = append(r.Series, all...)
	slices.SortStableFunc(r.Series, func(a, b Series) int { return strings.Compare(a.Candidate, b.Candidate) })
	r.warn(without)
	return r
}

// warn says what a reader of the trend has to know.
func (r *Report) warn(without int) {
	say := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	p, file := r.Passed, filepath.Join(r.Folder, FileName)
	if p.Damaged+p.Long > 0 {
		n, are := lines(p.Damaged + p.Long)
		say("%s of %s cannot be read, and %s passed over: %s", n, file, are, numbers(p.Lines, p.Damaged+p.Long))
	}
	if p.CutOff {
		say("the last line is cut off, as by a crash: the next run that is appended begins a new one, and leaves that in its place")
	}
	if p.Others > 0 {
		n, are := lines(p.Others)
		say("%s %s of another schema than %s, as of another mlbench, and passed over", n, are, LineSchema)
	}
	if p.Duplicates > 0 {
		n, are := lines(p.Duplicates)
		say("%s %s of runs that are there already, and passed over", n, are)
	}
	for i, c := range r.Clocks {
		if i == 5 {
			say("and %d more such places", len(r.Clocks)-i)
			break
		}
		by := time.Duration(c.BackMS) * time.Millisecond
		if c.Ahead {
			say("line %d: the run began %v after it was appended: a clock went back, or those of two hosts differ; the order of the runs may be another", c.Line, by)
		} else {
			say("line %d: a clock went back by %v, or those of two hosts differ: the order of the runs may be another", c.Line, by)
		}
	}
	if without > 0 {
		say("%d times a candidate was not started in its run, as that ended before: no point of its series", without)
	}
}

func lines(n int) (counted, are string) {
	if n == 1 {
		return "1 line", "is"
	}
	return fmt.Sprintf("%d lines", n), "are"
}

func numbers(lines []int, all int) string {
	var s []string
	for _, n := range lines {
		s = append(s, fmt.Sprint(n))
	}
	text := "line " + strings.Join(s, ", ")
	if all > len(lines) {
		text += ", …"
	}
	return text
}

// Write writes the report as JSON.
func (r *Report) Write(w io.Writer) error { return bench.WriteJSON(w, r) }
