package history

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"mlbench/bench"
)

// ChangeSchema is the form of a line that tells of a change that nights have
// found. It stands in the same file as the runs, whose readers pass over it
// where they do not know it.
const ChangeSchema = "mlbench.history.change/v1"

// A State is what is known of a change that was found in a series of nights.
type State string

// The states. The first two are no knowledge of a change, the others are.
const (
	Suspected      State = "suspected"       // not verified yet: tried again the next night
	Refuted        State = "refuted"         // measured afresh it was not there
	SlowDown       State = "slower"          // verified, and not proved to be within the margin: what nightly fails on
	SlightSlowDown State = "slightly_slower" // verified, and proved to be within the margin
	SpeedUp        State = "faster"          // verified
)

// Verified reports whether the change is known to be there, so that a new level
// begins with it.
func (s State) Verified() bool { return s == SlowDown || s == SlightSlowDown || s == SpeedUp }

// A Change is what became of a change that was found in a series. Of the same
// change there may be several in a history, one for each night in which it was
// looked at: the last counts.
type Change struct {
	Schema     string    `json:"schema"`
	ID         string    `json:"id"`
	AppendedAt time.Time `json:"appended_at"`

	Series    string `json:"series"` // ID of its Track
	Candidate string `json:"candidate"`
	Night     string `json:"night"` // the run after which it was looked at

	// Before is the last night that looks like those before the change, After
	// the first after it, and Nights how many those were then.
	Before Moment `json:"before"`
	After  Moment `json:"after"`
	Nights int    `json:"nights"`

	// Seen is by how much the level against the reference changed in the
	// history, as a fraction, and P how likely an order by chance shows so much.
	Seen float64 `json:"seen"`
	P    float64 `json:"p"`

	State State `json:"state"`
	// Verification is what was measured afresh; nil where nothing could be.
	Verification *Verification `json:"verification,omitempty"`
	Why          string        `json:"why,omitempty"` // what a reader should know of it
}

// A Moment is one night of a change.
type Moment struct {
	Run       string    `json:"run"`
	StartedAt time.Time `json:"started_at"`
	Digest    string    `json:"digest,omitempty"`
}

// A Verification is a measurement that was made because of a suspicion.
type Verification struct {
	// Against is what the candidate was held against.
	Against Against       `json:"against"`
	Old     string        `json:"old,omitempty"` // image or command, for AgainstOld
	New     string        `json:"new,omitempty"`
	Pairs   int           `json:"pairs"`
	Change  Interval      `json:"change"` // of the candidate, as a fraction of what it was
	ShiftMS Interval      `json:"shift_ms"`
	Level   float64       `json:"level"`
	Verdict bench.Verdict `json:"verdict"`
	// Phase is where most of the shift is; nil where that is not known.
	Phase  *PhaseShift `json:"phase,omitempty"`
	Result string      `json:"result,omitempty"` // the whole result file, as Entry.Result
	// Command repeats it, a word each; empty where nothing can.
	Command []string `json:"command,omitempty"`
}

// Against says what a change was verified by.
type Against string

// What a candidate is held against.
const (
	AgainstOld       Against = "old"       // the image before the change
	AgainstReference Against = "reference" // the reference, and the level that it had to that before
)

// A PhaseShift is by how much a phase became longer.
type PhaseShift struct {
	Name    string  `json:"name"`
	ShiftMS float64 `json:"shift_ms"`
	Share   float64 `json:"share"` // of the shifts of all phases in the same direction, over 0 to 1
}

// AppendChange adds a change to the history in a folder, as Append adds a run.
func AppendChange(ctx context.Context, dir string, c Change) (Appended, error) {
	c.Schema, c.ID = ChangeSchema, c.id()
	return underLock(ctx, dir, func(f *os.File, a *Appended) error {
		c.AppendedAt = appendedNow()
		if c.Verification != nil {
			v := *c.Verification
			v.Result = within(dir, v.Result)
			c.Verification = &v
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("not a change: %w", err)
		}
		return a.add(f, c, func(l line) bool {
			known := decodeChange(l)
			return known.check() == nil && known.ID == c.ID
		}, c.ID)
	})
}

// id is the same for what the same night finds of the same change.
func (c Change) id() string {
	sum := sha256.Sum256([]byte(c.Series + "\x00" + c.Night + "\x00" + c.After.Run + "\x00" + string(c.State)))
	return hex.EncodeToString(sum[:8])
}

// decodeChange is a zero Change, which check refuses, where it is none.
func decodeChange(l line) (c Change) {
	if l.long || json.Unmarshal(l.text, &c) != nil || c.Schema != ChangeSchema {
		return Change{}
	}
	return c
}

func (c Change) check() error {
	switch {
	case c.ID == "" || len(c.ID) > 64:
		return errors.New("id: missing or too long")
	case c.Series == "" || c.Candidate == "" || c.Night == "" || c.Before.Run == "" || c.After.Run == "":
		return errors.New("series, candidate, night, before, after: missing")
	case !slices.Contains([]State{Suspected, Refuted, SlowDown, SlightSlowDown, SpeedUp}, c.State):
		return fmt.Errorf("state: no state %q", c.State)
	case c.Nights < 0 || c.Seen < -1:
		return fmt.Errorf("nights, seen: %d and %v are none", c.Nights, c.Seen)
	}
	if v := c.Verification; v != nil {
		if err := v.Change.check(-1); err != nil {
			return fmt.Errorf("verification.change.%w", err)
		}
	}
	return nil
}
