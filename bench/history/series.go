package history

import (
	"strings"
	"time"

	"mlbench/bench"
)

// A Filter chooses of a history. What is zero chooses everything.
type Filter struct {
	Candidate   string    // part of the name
	Since       time.Time // of the run's beginning
	Fingerprint string    // the beginning of its ID
}

// run reports whether a run is chosen, whatever its candidates are.
func (f Filter) run(e *Entry, fingerprint string) bool {
	return !e.StartedAt.Before(f.Since) && strings.HasPrefix(fingerprint, f.Fingerprint)
}

func (f Filter) candidate(c Candidate) bool { return strings.Contains(c.Name, f.Candidate) }

// A Series is one candidate over time, in one environment and started in one
// way. Other environments are other series.
type Series struct {
	Candidate     string      `json:"candidate"`
	FingerprintID string      `json:"fingerprint_id"`
	Fingerprint   Fingerprint `json:"fingerprint"`
	Setup         Setup       `json:"setup,omitempty"`
	Points        []Point     `json:"points"` // in the order in which the runs began
	// Differs is what is another than in the candidate's series before, by
	// when they began; none for the first.
	Differs []Difference `json:"differs,omitempty"`
}

// A Point is a candidate in one run. Times are milliseconds.
type Point struct {
	RunID     string      `json:"run"`
	StartedAt time.Time   `json:"started_at"`
	Ended     bench.Ended `json:"ended"`
	Digest    string      `json:"digest,omitempty"`
	Starts    int         `json:"starts"`
	Failed    int         `json:"failed,omitempty"`
	// Ready is nil for a candidate that was never ready in its run.
	Ready *Interval `json:"ready_ms"`
}

// series groups what is chosen. Runs in which a candidate was not started, as
// they were interrupted before, are no points; it says how many those were.
func series(entries []row, f Filter) (all []Series, without int) {
	at := make(map[string]int)
	newest := make(map[string]int) // of each candidate, the series that began last
	for _, e := range entries {
		for _, c := range e.Candidates {
			if !f.candidate(c) {
				continue
			}
			if c.Starts == 0 && !c.NeverReady {
				without++
				continue
			}
			key := c.Name + "\x00" + e.fingerprint + "\x00" + strings.Join(c.Setup, "\x00")
			i, ok := at[key]
			if !ok {
				i = len(all)
				at[key] = i
				all = append(all, Series{Candidate: c.Name, FingerprintID: e.fingerprint, Fingerprint: e.Fingerprint, Setup: c.Setup})
				if before, ok := newest[c.Name]; ok {
					all[i].Differs = differences(all[before].parts(), all[i].parts())
				}
				newest[c.Name] = i
			}
			all[i].Points = append(all[i].Points, Point{
				RunID: e.ID, StartedAt: e.StartedAt, Ended: e.Ended, Digest: c.Digest, Starts: c.Starts, Failed: c.Failed, Ready: c.Ready,
			})
		}
	}
	return all, without
}

func (s Series) parts() []part { return append(s.Fingerprint.parts(), s.Setup.parts()...) }
