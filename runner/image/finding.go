package image

import (
	"cmp"
	"slices"
)

// A Severity says how much a finding matters.
type Severity string

// The severities, from the least on.
const (
	Note   Severity = "note" // worth knowing, nobody's fault
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Severities are all of them, from the least on.
func Severities() []Severity { return []Severity{Note, Low, Medium, High} }

// rank is a severity's place among all: the higher the worse.
func (s Severity) rank() int { return slices.Index(Severities(), s) }

// A Finding is one thing about an image that could be better.
type Finding struct {
	ID       string   `json:"id"` // of the check, e.g. build-tools
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`    // what was found, in one line
	Bytes    int64    `json:"bytes"`    // what the remedy would save at most
	Evidence []string `json:"evidence"` // paths, packages or lines, the heaviest first; cut with a count
	Remedy   string   `json:"remedy"`   // what to do, in one line
}

// worseFirst is the order of findings: the most severe first, and of these the
// heaviest.
func worseFirst(a, b Finding) int {
	return cmp.Or(cmp.Compare(b.Severity.rank(), a.Severity.rank()), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.ID, b.ID))
}
