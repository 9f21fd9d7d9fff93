package history

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mlbench/bench"
)

// A Track is one candidate night after night, held against the same reference in
// the same environment: what may be searched for a change.
type Track struct {
	ID        string
	Candidate string
	Reference Candidate // as it was in the last night
	Nights    []Night   // in the order in which they were appended
}

// A Night is one point of a Track.
type Night struct {
	Run       string
	StartedAt time.Time
	Digest    string
	Ref       string
	// Log is ln(1 + change) against the reference. It is not finite where
	// either failed too often for that to be known, and of a night that did not get
	// to its end.
	Log   float64
	Entry *Entry // nil where nights are simulated
	// Candidate is its place in the Entry.
	Candidate int
}

// Nights are the entries of nightly runs in the order in which they were
// appended: what a clock says that went back changes nothing of that.
func (log *Log) Nights() []*Entry {
	var nights []*Entry
	for i := range log.Entries {
		if log.Entries[i].Nightly {
			nights = append(nights, &log.Entries[i])
		}
	}
	slices.SortStableFunc(nights, func(a, b *Entry) int { return cmp.Compare(a.line, b.line) })
	return nights
}

// Tracks are those of all nights, in the order in which they began.
func (log *Log) Tracks() []*Track {
	var all []*Track
	at := make(map[string]*Track)
	for _, e := range log.Nights() {
		for _, c := range e.Comparisons {
			if c.Baseline != 0 {
				continue
			}
			id := e.TrackID(c.Candidate)
			t := at[id]
			if t == nil {
				t = &Track{ID: id, Candidate: e.Candidates[c.Candidate].Name}
				at[id] = t
				all = append(all, t)
			}
			from := e.Candidates[c.Candidate]
			n := Night{Run: e.ID, StartedAt: e.StartedAt, Digest: from.Digest, Ref: from.ref(), Log: math.Inf(1), Entry: e, Candidate: c.Candidate}
			// Where most starts of either failed the estimate is null, or −1; that of
			// a few pairs before an interruption is no night's.
			if x := c.Change.Estimate; x != nil && *x > -1 && e.Ended != bench.EndedInterrupted && e.Ended != bench.EndedFailed {
				n.Log = math.Log1p(*x)
			}
			t.Nights = append(t.Nights, n)
			t.Reference = e.Candidates[0]
		}
	}
	return all
}

// ref is what is started.
func (c Candidate) ref() string {
	if c.Ref == "" {
		return c.Name
	}
	return c.Ref
}

// What is what a candidate was, as far as that is known: of a command, the
// command line.
func (c Candidate) What() string {
	if c.Digest != "" {
		return c.Digest
	}
	return c.ref()
}

// TrackID is that of the Track that a candidate's comparison with the reference
// belongs to: the same where the candidate's name, its setup, the reference with
// its digest and setup, and the environment are.
func (e *Entry) TrackID(candidate int) string {
	c, reference := e.Candidates[candidate], e.Candidates[0]
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q %s", c.Name, c.Setup, reference.Name, reference.What(), reference.Setup, e.Fingerprint.ID())
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// ReferenceDiffers is what is another of the reference and the environment than
// in an entry before; none where candidates of the same name are in the same
// Track.
func (e *Entry) ReferenceDiffers(before *Entry) []Difference {
	was, is := before.Candidates[0], e.Candidates[0]
	from := append([]part{{"reference", was.Name}, {"its digest", was.What()}}, was.Setup.parts()...)
	to := append([]part{{"reference", is.Name}, {"its digest", is.What()}}, is.Setup.parts()...)
	return differences(append(from, before.Fingerprint.parts()...), append(to, e.Fingerprint.parts()...))
}

// SetupDiffers is what is another of how a candidate was started.
func (e *Entry) SetupDiffers(candidate int, before *Entry, was int) []Difference {
	return differences(before.Candidates[was].Setup.parts(), e.Candidates[candidate].Setup.parts())
}

// lockName is the file by which nights keep out of each other's way.
const lockName = "nightly.lock"

// Occupy keeps other nights out of a history until release is called, or the
// process ends: two that measure at once disturb each other, and would verify
// the same change twice. It does not wait.
func Occupy(dir string) (release func(), err error) {
	if err := Prepare(dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("history %s cannot be written: %w", dir, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := lock(ctx, f); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("history %s: locking %s: %w", dir, lockName, err)
		}
		by := ""
		if b, readErr := os.ReadFile(f.Name()); readErr == nil && len(b) < 100 {
			by = ": " + strings.TrimSpace(string(b))
		}
		return nil, fmt.Errorf("history %s: another night is being measured%s: wait for it, or end it", dir, by)
	}
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "process %d since %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339)) // for people alone
	}
	return func() { _ = f.Close() }, nil
}
