package nightly

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"slices"

	"mlbench/bench/history"
	"mlbench/stats"
)

// A Detector says how a Track is searched for changes. How soon the default finds
// them, and how often one that is none, is in docs/calibration-nights.md.
type Detector struct {
	// Window is how many of the newest nights are searched. Hunter searches 50
	// points too (Fleming et al. 2023, ICPE, 199–206); older nights tell little more
	// of tonight's level, and cost time with the square of their number.
	Window int
	// MinSize is how many nights a segment has at least: 2, so that one odd
	// night alone is no change.
	MinSize int
	// P is the level of each search. MongoDB searches at 0.05 too and has people
	// sort out what is found (Daly et al. 2020, ICPE, 67–75); Hunter takes 0.001 and
	// finds later. Here what is found is measured afresh before anybody is told.
	P float64
	// Permutations of each search.
	Permutations int
}

// DefaultDetector is what mlbench nightly searches with.
func DefaultDetector() Detector {
	return Detector{Window: 50, MinSize: 2, P: 0.05, Permutations: 399}
}

// MinNights is how many nights there have to be before a change can be found: so
// many that a change of the last MinSize nights, which as many at the other end
// would show as well, is rarer than P.
func (d Detector) MinNights() int {
	n := 2 * d.MinSize
	for 2/choose(n, d.MinSize) > d.P {
		n++
	}
	return n
}

func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c
}

// A Finding is how a Track stands after its last night.
type Finding struct {
	Nights  int // since the last change that was verified
	LeftOut int // of them, as nothing is known of the change against the reference
	Needs   int // more nights before changes can be found
	// Suspicion is the change that is to be measured afresh; nil for none.
	Suspicion *Suspicion
	// Last is what became of the same change when it was looked at before; nil
	// where it was not. Without a Suspicion it was refuted, and too little has
	// come to light since to try again.
	Last *history.Change
}

// A Suspicion is a change that was found in a Track.
type Suspicion struct {
	Before history.Night // the last that looks like those before the change
	After  history.Night // the first after it
	Nights int           // after it
	Level  []float64     // of the nights before, since the change before that; logarithms
	Since  []float64     // of the nights after it, likewise
	Seen   float64       // change of the level, as a fraction
	P      float64
}

// Search searches a Track for a change that has not been dealt with. Changes are
// all that the history has.
func (d Detector) Search(t *history.Track, changes []history.Change) Finding {
	nights := t.Nights[since(t, changes):]
	f := Finding{Nights: len(nights)}
	var known []history.Night
	for _, n := range nights {
		if math.IsInf(n.Log, 0) || math.IsNaN(n.Log) {
			f.LeftOut++
			continue
		}
		known = append(known, n)
	}
	if f.Needs = max(d.MinNights()-len(known), 0); f.Needs > 0 {
		return f
	}
	known = known[max(len(known)-d.Window, 0):]
	// A night that could not be measured is no night on which to suspect.
	if last := nights[len(nights)-1]; known[len(known)-1].Run != last.Run {
		return f
	}
	logs := make([]float64, len(known))
	for i, n := range known {
		logs[i] = n.Log
	}
	found := stats.Divisive{MinSize: d.MinSize, P: d.P, Permutations: d.Permutations, Seed: seed(t.ID)}.ChangePoints(logs)
	if len(found) == 0 {
		return f
	}
	// Tonight's image can be measured afresh, so the last change is the one that
	// can be dealt with.
	at, from := found[len(found)-1], 0
	if len(found) > 1 {
		from = found[len(found)-2].Index
	}
	s := &Suspicion{After: known[at.Index], Nights: len(known) - at.Index, Level: logs[from:at.Index], Since: logs[at.Index:], P: at.P}
	before, after := stats.Median(logs[from:at.Index]), stats.Median(logs[at.Index:])
	s.Seen = math.Expm1(after - before)
	// The place of a change is known to about a night: what was started before it
	// is sure to be of before where it looks like that.
	s.Before = known[at.Index-1]
	for i := at.Index - 1; i >= from; i-- {
		if math.Abs(logs[i]-before) <= math.Abs(logs[i]-after) {
			s.Before = known[i]
			break
		}
	}
	if f.Last = same(known, at.Index, d.MinSize, t.ID, changes); f.Last != nil && f.Last.State == history.Refuted && s.Nights < 2*f.Last.Nights {
		return f
	}
	f.Suspicion = s
	return f
}

// seed is that of a track's permutations, so that anybody finds the same again.
func seed(track string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, track) // a hash takes everything
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// since is the first night of the level that tonight's belongs to as far as is
// known: that with which the last verified change began.
func since(t *history.Track, changes []history.Change) int {
	for i := len(changes) - 1; i >= 0; i-- {
		if c := changes[i]; c.Series == t.ID && c.State.Verified() {
			for _, run := range []string{c.After.Run, c.Night} { // one line may be damaged
				if at := slices.IndexFunc(t.Nights, func(n history.Night) bool { return n.Run == run }); at >= 0 {
					return at
				}
			}
		}
	}
	return 0
}

// same is what became last of a change at this place, give or take so many
// nights.
func same(nights []history.Night, at, near int, track string, changes []history.Change) *history.Change {
	for i := len(changes) - 1; i >= 0; i-- {
		c := &changes[i]
		if c.Series != track || c.State.Verified() {
			continue
		}
		was := slices.IndexFunc(nights, func(n history.Night) bool { return n.Run == c.After.Run })
		if was >= 0 && max(was-at, at-was) <= near {
			return c
		}
	}
	return nil
}
