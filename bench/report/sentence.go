package report

import (
	"fmt"
	"math"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

// Sentence says, for people to paste, what was found: in one line, or in one
// for every candidate that is compared with the baseline.
func Sentence(r *bench.Result) string { return strings.Join(sentences(look(r)), "\n") }

func sentences(v view) []string {
	var lines []string
	for _, i := range judged(v) {
		var parts []string
		if len(v.Candidates) == 1 {
			parts = append(parts, alone(v))
		}
		for _, c := range v.On(bench.MetricReady) {
			if c.Candidate == i {
				parts = append(parts, comparison(v, c))
			}
		}
		for _, s := range []string{target(v, i), gpuMemory(v, i)} {
			if s != "" {
				parts = append(parts, s)
			}
		}
		if s := underLoad(v, i); s != "" {
			parts = append(parts, s)
		}
		if len(parts) > 0 {
			lines = append(lines, strings.Join(parts, " "))
		}
	}
	if len(lines) == 0 {
		return []string{"Nothing was measured."}
	}
	return lines
}

// judged are the candidates that a target is for: all but a baseline.
func judged(v view) []int {
	var judged []int
	for i := range v.Candidates {
		if i > 0 || len(v.Candidates) == 1 {
			judged = append(judged, i)
		}
	}
	return judged
}

// comparison is what was found about one candidate, with the number of pairs
// and why there were not more.
func comparison(v view, c bench.Comparison) string {
	name := v.names[c.Candidate]
	if c.Pairs == 0 {
		return fmt.Sprintf("%s was not compared: no pair is complete%s.", name, ended(v))
	}
	pairs := plural(c.Pairs, "pair") + ended(v)
	if v.Spec.Pairs == 0 && c.Pairs < v.Spec.MaxPairs && ended(v) == "" {
		pairs += ", stopped early"
	}
	pairs += adjusted(v, c)
	interval := "no interval yet"
	if isKnown(c.Change.Low, c.Change.High) {
		interval = changeConfidence(v) + " interval " + between(c.Change)
	}
	size := plain(c.Change.Estimate)
	change := fmt.Sprintf("(%s; %s)", milliseconds(math.Abs(c.ShiftMS.Estimate)), interval)
	sooner := fmt.Sprintf("%s %s %s sooner %s", name, v.is, size, change)
	later := fmt.Sprintf("%s %s %s later %s", name, v.is, size, change)
	switch { // of failed starts no time can be compared
	case math.IsInf(c.Change.Estimate, 1):
		later = fmt.Sprintf("%s fails in most pairs and %s does not", name, v.names[c.Baseline])
	case c.Change.Estimate <= -1:
		sooner = fmt.Sprintf("%s %s in most pairs and %s fails", name, v.is, v.names[c.Baseline])
	}
	margin := chosen(v.Spec.Margin)
	switch c.Verdict {
	case bench.Faster:
		return sooner + ", " + pairs + "."
	case bench.Regression:
		return later + ", a regression beyond " + margin + ", " + pairs + "."
	case bench.Slower:
		if c.Change.High < v.Spec.Margin {
			return later + ", within the margin of " + margin + ", " + pairs + "."
		}
		return later + ", by the margin of " + margin + " or more is not sure, " + pairs + "."
	case bench.NoRegression:
		return fmt.Sprintf("%s is not slower by more than %s (change %s; %s), %s.", name, margin, percent(c.Change.Estimate), interval, pairs)
	}
	s := fmt.Sprintf("Inconclusive: %s changes by %s (%s), %s", name, percent(c.Change.Estimate), interval, pairs)
	if math.IsInf(c.Change.Estimate, 1) || c.Change.Estimate <= -1 {
		s = fmt.Sprintf("Inconclusive: %s or %s fails in most pairs (%s), %s", name, v.names[c.Baseline], interval, pairs)
	}
	if c.NeedsPairs > c.Pairs {
		s += fmt.Sprintf("; about %d would settle it", c.NeedsPairs)
		switch {
		case c.NeedsPairs > bench.MaxPairs:
		case v.Spec.Pairs > 0:
			s += fmt.Sprintf(" (--pairs %d)", c.NeedsPairs)
		case c.NeedsPairs > v.Spec.MaxPairs:
			s += fmt.Sprintf(" (--max-pairs %d)", c.NeedsPairs)
		}
	}
	return s + "."
}

// ended says why there are fewer starts than were asked for, if there are.
func ended(v view) string {
	switch v.Ended {
	case bench.EndedInterrupted:
		return ", interrupted"
	case bench.EndedFailed:
		return ", then it failed"
	}
	return ""
}

// confidence is the level of a median's interval.
func confidence(v view) string { return chosen(1 - v.Spec.Alpha) }

// changeConfidence is the level of each comparison's interval: they share
// alpha, so that all of them together hold with confidence(v). Of more digits
// than two after the point the rest is cut off, as no interval may promise
// more than it holds.
func changeConfidence(v view) string {
	compared := v.On(bench.MetricReady)
	if len(compared) == 0 {
		return confidence(v)
	}
	return levelOf(compared[0])
}

// levelOf is the level of a comparison's interval, cut off so.
func levelOf(c bench.Comparison) string {
	const steps = 1e4
	return chosen(math.Floor(c.Level*steps+1e-6) / steps) // 0.975·10⁴ may be just under 9750
}

// together says how the levels of several comparisons' intervals go with that
// of all; nothing where there is one interval.
func together(v view) string {
	k := len(v.On(bench.MetricReady))
	if k < 2 {
		return ""
	}
	all := "both"
	if k > 2 {
		all = fmt.Sprintf("all %d", k)
	}
	return fmt.Sprintf("each change has a %s interval, so that %s hold together with %s", changeConfidence(v), all, confidence(v))
}

// between writes an interval of changes; of one sign as "35–41 %".
func between(c bench.Change) string {
	if c.High < 0 {
		return span(plain(c.High), plain(c.Low))
	}
	if c.Low > 0 && !math.IsInf(c.High, 0) {
		return span(plain(c.Low), plain(c.High))
	}
	return "[" + percent(c.Low) + ", " + percent(c.High) + "]"
}

// span writes "35–41 %" of "35 %" and "41 %".
func span(low, high string) string {
	if _, unit, _ := strings.Cut(high, " "); unit != "" {
		low = strings.TrimSuffix(low, " "+unit)
	}
	return low + "–" + high
}

func alone(v view) string {
	s := v.sums[0]
	if s.Starts == 0 {
		return fmt.Sprintf("%s was not measured%s.", v.names[0], ended(v))
	}
	starts := plural(s.Starts, v.one) + ended(v)
	if math.IsInf(s.Ready.Estimate, 1) {
		return fmt.Sprintf("%s failed %d of %s.", v.names[0], s.Failed, starts)
	}
	interval := "no interval yet"
	switch {
	case math.IsInf(s.Ready.High, 1) && isKnown(s.Ready.Low, s.Ready.High):
		interval = confidence(v) + " sure: at least " + milliseconds(s.Ready.Low)
	case isKnown(s.Ready.Low, s.Ready.High):
		interval = confidence(v) + " interval " + span(milliseconds(s.Ready.Low), milliseconds(s.Ready.High))
	}
	return fmt.Sprintf("%s %s in %s (median; %s), %s.", v.names[0], v.is, milliseconds(s.Ready.Estimate), interval, starts)
}

// target says whether a candidate meets its target.
func target(v view, candidate int) string {
	on := v.Target(candidate)
	all := on.InTime.InTime + on.InTime.Missed
	if all == 0 {
		return ""
	}
	head := fmt.Sprintf("%s ≤ %s: ", quantile(v.Spec.Quantile), limit(v.Spec.TargetMS))
	counts := fmt.Sprintf("%d of %d in time", on.InTime.InTime, all)
	switch on.Decision {
	case stats.Above:
		return head + "met (" + counts + ")."
	case stats.Below:
		return head + "missed (" + counts + ")."
	}
	switch {
	case on.Needs > 0 && on.InTime.Missed == 0:
		counts += fmt.Sprintf("; %d needed", all+on.Needs)
	case on.Needs > 0:
		counts += fmt.Sprintf("; %d more needed", on.Needs)
	}
	return head + "not yet proved (" + counts + ")."
}
