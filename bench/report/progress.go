package report

import (
	"fmt"
	"strings"
	"time"

	"mlbench/bench"
)

// ProgressLine is the live line of a run, e.g.
// "pair 14/40 │ change −38.2 % [−41.0 %, −35.1 %] │ next look 16 │ ≈2 min left".
func ProgressLine(p bench.Progress) string {
	var parts []string
	switch p.Stage {
	case bench.RoleWarmup:
		parts = append(parts, fmt.Sprintf("warm-up %d/%d", p.Done, p.Limit), shorten(bench.Printable(p.Candidate), maxName))
	case bench.RolePair:
		parts = append(parts, fmt.Sprintf("pair %d/%d", p.Done, p.Limit))
	default:
		parts = append(parts, fmt.Sprintf("target %d/%d", p.Done, p.Limit))
	}
	if c := p.Change; c != nil && c.Pairs > 0 {
		s := "change " + percent(c.Change.Estimate)
		if isKnown(c.Change.Low, c.Change.High) {
			s += " [" + percent(c.Change.Low) + ", " + percent(c.Change.High) + "]"
		}
		parts = append(parts, s)
	}
	if p.NextLook > 0 {
		parts = append(parts, fmt.Sprintf("next look %d", p.NextLook))
	}
	if p.Left > 0 {
		parts = append(parts, "≈"+about(p.Left)+" left")
	}
	return strings.Join(parts, " │ ")
}

// about rounds a duration as people say it.
func about(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second)/time.Second))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
}
