package stats

import (
	"fmt"
	"slices"
)

// maxPairs bounds schedules: at two seconds a start it is half a day of runs.
const maxPairs = 10000

// Look is one moment at which a comparison may be decided.
type Look struct {
	N int // pairs run by then
	C int // order statistic for HodgesLehmann; 0: nothing can be excluded yet
}

// Level is the two-sided level of the interval at this look alone: 1 where
// nothing can be excluded. It is what PairsNeeded takes of a schedule's last
// look.
func (l Look) Level() float64 {
	if l.C < 1 || l.N < 1 {
		return 1
	}
	return min(2*tails([]int{l.N})[0].below(l.C), 1)
}

// Schedule lists the looks at which a comparison may be decided, and the
// level that they share: the intervals at all looks together fail to cover
// with probability at most Alpha. They are repeated confidence intervals
// (Jennison and Turnbull 1989, JRSS B 51, 305–361), so the one reported keeps
// its coverage whatever made the run stop.
type Schedule struct {
	Looks []Look  // by N, ascending
	Alpha float64 // two-sided, in (0, 1)
}

// defaultLooks are the looks of NewSchedule(8, 40, 0.05) by spending on the
// exact joint distribution, which the chain of spend stays a little below:
// the first four by enumerating all sign patterns, the last two by 1e9
// simulated runs (attained 4.956 % ± 0.001; 238 at the end would be 5.007 %).
var defaultLooks = []Look{{8, 1}, {12, 9}, {16, 22}, {20, 40}, {28, 99}, {40, 237}}

// NewSchedule plans the looks of a run of at least first and at most last
// pairs, at two-sided level alpha. The first look is after first pairs and
// the final one after last; those between are about 1.4 times apart. alpha
// is spent by Lan and DeMets's function α·ln(1 + (e−1)t) of the fraction t =
// N/last, and what the discrete ranks leave over is carried forward. Early
// looks for which too little is spent have C = 0 and decide nothing.
//
// The errors are first under 1, last under first or over 10000, and alpha
// outside (0, 1).
//
// The attained level is the chance that some look excludes 0 for identical
// images. The limits (8, 40) at 0.05 have tabled order statistics, found with
// the exact joint distribution, and attain 4.956 % (standard error 0.001).
// Others come from a slightly cautious approximation: at 0.05 they attain
// 4.70 % for (5, 20), 4.80 % for (8, 24), 4.89 % for (8, 60), 4.95 % for
// (8, 100) and 4.98 % for (20, 400), and at levels from 0.001 to 0.2 between
// 94 % and 100 % of alpha (1e7 to 5e5 simulated runs each; schedules up to 12
// pairs were enumerated). Each look by itself is exact on any host. All looks
// together are so where large differences come early as often as late; see
// [NewRobustSchedule] for noise that grows during the run.
func NewSchedule(first, last int, alpha float64) (Schedule, error) {
	if err := checkSchedule(first, last, alpha); err != nil {
		return Schedule{}, err
	}
	if first == 8 && last == 40 && alpha == 0.05 {
		return Schedule{Looks: slices.Clone(defaultLooks), Alpha: alpha}, nil
	}
	ns := lookPoints(first, last)
	s := Schedule{Alpha: alpha}
	for i, c := range spend(ns, alpha) {
		s.Looks = append(s.Looks, Look{N: ns[i], C: c})
	}
	return s, nil
}

func checkSchedule(first, last int, alpha float64) error {
	switch {
	case first < 1:
		return fmt.Errorf("first look after %d pairs: at least 1 is needed", first)
	case last < first:
		return fmt.Errorf("last look after %d pairs is before the first, after %d", last, first)
	case last > maxPairs:
		return fmt.Errorf("last look after %d pairs: at most %d can be planned", last, maxPairs)
	case !(alpha > 0 && alpha < 1):
		return fmt.Errorf("alpha %v is not between 0 and 1", alpha)
	}
	return nil
}

// lookPoints chooses when to look: after first pairs; then each time after
// 1.4 times as many, or 4 more where that is more, rounded down to a multiple
// of 4; then after last. A look is left out when last is less than a quarter
// beyond it, as it would cost level and save little.
func lookPoints(first, last int) []int {
	var ns []int
	for n := first; n < last; {
		ns = append(ns, n)
		n = max(n+4, n*7/5) / 4 * 4
		if 5*n > 4*last {
			break
		}
	}
	return append(ns, last)
}

// FixedSchedule is a single look after n pairs, a number fixed beforehand,
// with the plain interval at two-sided level alpha. n under 1 counts as 1;
// an alpha that is NaN or not positive excludes nothing.
func FixedSchedule(n int, alpha float64) Schedule {
	n = max(n, 1)
	return Schedule{Looks: []Look{{N: n, C: Cutoff(n, alpha/2)}}, Alpha: alpha}
}

// At returns the look after exactly n pairs, and whether there is one.
func (s Schedule) At(n int) (Look, bool) {
	for _, l := range s.Looks {
		if l.N == n {
			return l, true
		}
	}
	return Look{}, false
}

// Last returns the final look, or the zero Look if there is none.
func (s Schedule) Last() Look {
	if len(s.Looks) == 0 {
		return Look{}
	}
	return s.Looks[len(s.Looks)-1]
}
