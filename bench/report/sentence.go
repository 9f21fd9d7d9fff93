package report

import (
	"fmt"
	"math"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

// Sentence says in a line, for people to paste, what was found.
func Sentence(r *bench.Result) string {
	var parts []string
	for _, c := range r.Comparisons {
		parts = append(parts, comparison(r, c)+", "+pairs(r, c)+".")
	}
	if len(r.Candidates) == 1 {
		parts = append(parts, alone(r))
	}
	for i := range r.Candidates {
		if i > 0 || len(r.Candidates) == 1 {
			if s := target(r, i); s != "" {
				parts = append(parts, s)
			}
		}
	}
	if len(parts) == 0 {
		return "Nothing was measured."
	}
	return strings.Join(parts, " ")
}

func comparison(r *bench.Result, c bench.Comparison) string {
	name := bench.Printable(r.Candidates[c.Candidate].Name)
	change := fmt.Sprintf("(%s; %s interval %s)", milliseconds(math.Abs(c.ShiftMS.Estimate)), confidence(r), between(c.Change))
	margin := plain(r.Spec.Margin)
	switch c.Verdict {
	case bench.Faster:
		return fmt.Sprintf("%s is ready %s sooner %s", name, plain(c.Change.Estimate), change)
	case bench.Regression:
		return fmt.Sprintf("%s is ready %s later %s, a regression beyond %s", name, plain(c.Change.Estimate), change, margin)
	case bench.Slower:
		if c.Change.High < r.Spec.Margin {
			return fmt.Sprintf("%s is ready %s later %s, within the margin of %s", name, plain(c.Change.Estimate), change, margin)
		}
		return fmt.Sprintf("%s is ready %s later %s, by the margin of %s or more is not sure", name, plain(c.Change.Estimate), change, margin)
	case bench.NoRegression:
		return fmt.Sprintf("%s is not slower by more than %s (change %s; %s interval %s)",
			name, margin, percent(c.Change.Estimate), confidence(r), between(c.Change))
	}
	s := fmt.Sprintf("Inconclusive: %s changes by %s (%s interval %s)", name, percent(c.Change.Estimate), confidence(r), between(c.Change))
	if c.NeedsPairs > c.Pairs {
		s += fmt.Sprintf("; about %d pairs would settle it (--max-pairs %d)", c.NeedsPairs, c.NeedsPairs)
	}
	return s
}

func confidence(r *bench.Result) string { return plain(1 - r.Spec.Alpha) }

// between writes an interval of changes; of one sign as "35–41 %".
func between(c bench.Change) string {
	if c.High < 0 && !math.IsInf(c.Low, 0) {
		return strings.TrimSuffix(plain(c.High), " %") + "–" + plain(c.Low)
	}
	if c.Low > 0 && !math.IsInf(c.High, 0) {
		return strings.TrimSuffix(plain(c.Low), " %") + "–" + plain(c.High)
	}
	return "[" + percent(c.Low) + ", " + percent(c.High) + "]"
}

// pairs says how many there were, and why not more.
func pairs(r *bench.Result, c bench.Comparison) string {
	s := plural(c.Pairs, "pair")
	switch {
	case r.Ended == bench.EndedInterrupted:
		return s + ", interrupted"
	case r.Ended == bench.EndedFailed:
		return s + ", then it failed"
	case r.Spec.Pairs == 0 && c.Pairs < r.Spec.MaxPairs:
		return s + ", stopped early"
	}
	return s
}

func alone(r *bench.Result) string {
	s := r.Summary(0)
	if s.Starts == 0 {
		return "Nothing was measured."
	}
	return fmt.Sprintf("%s is ready in %s (median; %s interval %s), %s.", bench.Printable(r.Candidates[0].Name),
		milliseconds(s.Ready.Estimate), confidence(r), interval(s.Ready.Low, s.Ready.High), plural(s.Starts, "start"))
}

// target says whether a candidate meets its target.
func target(r *bench.Result, candidate int) string {
	on := r.Target(candidate)
	if on.InTime.InTime+on.InTime.Missed == 0 {
		return ""
	}
	head := fmt.Sprintf("%s ≤ %s: ", quantile(r.Spec.Quantile), milliseconds(r.Spec.TargetMS))
	if len(r.Candidates) > 2 {
		head = bench.Printable(r.Candidates[candidate].Name) + " " + head
	}
	counts := fmt.Sprintf("%d of %d in time", on.InTime.InTime, on.InTime.InTime+on.InTime.Missed)
	switch on.Decision {
	case stats.Above:
		return head + "met (" + counts + ")."
	case stats.Below:
		return head + "missed (" + counts + ")."
	}
	if on.Needs > 0 {
		return head + fmt.Sprintf("not yet proved (%s; %d more in time needed).", counts, on.Needs)
	}
	return head + "not yet proved (" + counts + ")."
}
