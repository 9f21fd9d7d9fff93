package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
)

// maxProgressName is how many characters of a candidate's name the live line
// shows, so that one of several still fits a terminal of 80 columns.
const maxProgressName = 16

// ProgressLine is the live line of a run, in at most so many columns, e.g.
// "pair 14/40 │ change −38.2 % [−41.0, −35.1] │ next look 16 │ ≈2 min left".
// Of several comparisons it shows those that the run goes on for:
// "pair 14/40 │ 1/2 decided │ new:tag +0.3 % [−3.0, +4.1] │ next look 16 │ ≈2 min left".
// Where that is too long it first leaves out intervals, then changes.
func ProgressLine(p bench.Progress, width int) string {
	line := progressLine(p, len(p.Standings), true)
	for most := len(p.Standings); most >= 0 && twwidth.Width(line) > width; most-- {
		line = progressLine(p, most, false)
	}
	if twwidth.Width(line) > width {
		return twwidth.Truncate(line, width, "…")
	}
	return line
}

// progressLine shows so many changes at most.
func progressLine(p bench.Progress, most int, intervals bool) string {
	var parts []string
	switch p.Stage {
	case bench.RoleWarmup:
		parts = append(parts, fmt.Sprintf("warm-up %d/%d", p.Done, p.Limit), shorten(bench.Printable(p.Candidate), maxName))
	case bench.RolePair:
		parts = append(parts, fmt.Sprintf("pair %d/%d", p.Done, p.Limit))
	case bench.RoleLoad:
		parts = append(parts, fmt.Sprintf("load %d/%d", p.Done, p.Limit), shorten(bench.Printable(p.Candidate), maxName))
	default:
		parts = append(parts, fmt.Sprintf("target %d/%d", p.Done, p.Limit))
	}
	if len(p.Standings) == 1 {
		if s := p.Standings[0]; s.Pairs > 0 && most > 0 {
			parts = append(parts, "change "+changeSoFar(s, intervals))
		}
	} else {
		parts = append(parts, severalChanges(p.Standings, most, intervals)...)
	}
	if p.NextLook > 0 {
		parts = append(parts, fmt.Sprintf("next look %d", p.NextLook))
	}
	if p.Left > 0 {
		parts = append(parts, "≈"+about(p.Left)+" left")
	}
	return strings.Join(parts, " │ ")
}

// severalChanges counts the comparisons that are decided, and shows so many of
// the others.
func severalChanges(standings []bench.Standing, most int, intervals bool) []string {
	var parts, open []string
	decided := 0
	for _, s := range standings {
		switch {
		case s.Settled:
			decided++
		case s.Pairs > 0:
			open = append(open, ending(bench.Printable(s.Name), maxProgressName)+" "+changeSoFar(s, intervals))
		}
	}
	if decided > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d decided", decided, len(standings)))
	}
	if hidden := len(open) - most; hidden > 0 {
		open = append(open[:most], fmt.Sprintf("%d more", hidden))
	}
	if len(open) > 0 {
		parts = append(parts, strings.Join(open, ", "))
	}
	return parts
}

// changeSoFar is a change, with its interval once there is one.
func changeSoFar(s bench.Standing, interval bool) string {
	full := changeWithInterval(s.Change)
	change, bounds, _ := strings.Cut(full, " [")
	if interval && bounds != notYet+"]" {
		return full
	}
	return change
}

// ending keeps the last characters of text: candidates differ in tags and
// arguments, and begin alike.
func ending(s string, limit int) string {
	c := []rune(s)
	if len(c) <= limit {
		return s
	}
	return "…" + string(c[len(c)-limit+1:])
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
