package bench

import (
	"cmp"
	"math"
	"slices"
)

// Wins are the changes between two candidates that account for most of the
// difference between them, in bytes and in milliseconds. They are found by
// looking at the candidates and not by starting them in pairs, and no verdict
// rests on them.
type Wins struct {
	Baseline  int      `json:"baseline"`
	Candidate int      `json:"candidate"`
	Size      *Ranking `json:"size_bytes"` // nil where one of the images cannot be read
	Time      *Ranking `json:"time_ms"`    // nil where either was never ready
}

// A Ranking is a difference taken apart: Changes and Rest add up to Change, all
// in the same unit and negative where the candidate has less than the baseline.
type Ranking struct {
	Change  float64 `json:"change"`
	Changes []Part  `json:"changes"` // the greatest first
	Rest    float64 `json:"rest"`    // of those that are left out
	Left    int     `json:"left_out"`
	Basis   string  `json:"basis"` // what the figures rest on
}

// A Part is one part of a difference.
type Part struct {
	Kind   PartKind `json:"kind"`
	Name   string   `json:"name"`
	Change float64  `json:"change"`
	Of     []string `json:"of,omitempty"` // the packages that it is made of, the greatest change first
}

// PartKind says what sort of thing a part is. The list is open.
type PartKind string

// The kinds of parts.
const (
	PartReason PartKind = "reason" // what is in an image for one reason, such as a toolchain
	PartPhase  PartKind = "phase"  // of the start
	PartImport PartKind = "import" // a top-level package's own modules
	PartCode   PartKind = "code"   // what a program does at its start besides importing
)

const (
	leastParts = 3   // what a user is asked to write down
	mostParts  = 8   // more are no summary
	enough     = 0.9 // of all changes, up or down
)

// Rank takes the greatest parts of a difference, by how much they change it in
// either direction, until they make up most of it.
func Rank(parts []Part, basis string) *Ranking {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(math.Abs(b.Change), math.Abs(a.Change)) })
	r := &Ranking{Changes: []Part{}, Basis: basis}
	whole := 0.0
	for _, p := range parts {
		r.Change += p.Change
		whole += math.Abs(p.Change)
	}
	taken := 0.0
	for _, p := range parts {
		n := len(r.Changes)
		switch {
		case p.Change == 0:
		case n == mostParts, n >= leastParts && taken >= enough*whole:
			r.Rest += p.Change
			r.Left++
		default:
			r.Changes = append(r.Changes, p)
			taken += math.Abs(p.Change)
		}
	}
	return r
}
