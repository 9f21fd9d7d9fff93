package runner

import "context"

// An Examiner is a Runner that can say what its host and engine allow, and
// what would make its figures better. It is an optional power.
type Examiner interface {
	// Examine starts no candidate. What does not work is a Finding; an error
	// means that ctx is done.
	Examine(ctx context.Context) ([]Finding, error)
}

// A Finding is what one thing is like that measuring depends on.
type Finding struct {
	Subject string // a word or two
	Grade   Grade
	Found   string // what it is like, for people
	Remedy  string // what would make it better; "" where Grade is Good
}

// Grade says whether a thing is as it should be.
type Grade string

// The grades.
const (
	Good    Grade = "good"
	Poor    Grade = "poor"    // it works, but figures are less exact, or less sure
	Missing Grade = "missing" // what needs it cannot be done
)
