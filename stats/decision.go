package stats

import "strconv"

// Decision says on which side of a limit a share lies.
type Decision int

const (
	Undecided Decision = iota // the data do not settle it
	Above                     // at least the limit
	Below                     // under the limit
)

// String returns the decision's name in lower case.
func (d Decision) String() string {
	switch d {
	case Undecided:
		return "undecided"
	case Above:
		return "above"
	case Below:
		return "below"
	}
	return "Decision(" + strconv.Itoa(int(d)) + ")"
}
