package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlbench/bench"
)

// witnesses is what stands beside a change as it was judged: the change by the
// times alone, where it was adjusted for what the host did, and that of the
// CPU time. It is a row a candidate; none where nothing stands beside any.
func witnesses(v view) table {
	level := " [" + changeConfidence(v) + "]"
	t := table{left: 1, head: []string{"candidate", "change" + level, "by times alone" + level, cpuTime + level, "pairs saved"}}
	const change, raw, cpu, saved = 1, 2, 3, 4
	anyRaw, anyCPU := false, false
	for _, c := range v.On(bench.MetricReady) {
		if c.Pairs == 0 {
			continue
		}
		judged := changeWithInterval(c.Change)
		row := []string{v.names[c.Candidate], judged, judged, unknown, unknown}
		if c.Raw != nil {
			row[raw], row[saved] = changeWithInterval(c.Raw.Change), pairsSaved(c.CovariateGain)
			anyRaw = true
		}
		for _, w := range v.On(bench.MetricCPU) {
			if w.Candidate == c.Candidate && !math.IsInf(w.Change.Estimate, 0) {
				row[cpu] = changeWithInterval(w.Change)
				anyCPU = true
			}
		}
		t.rows = append(t.rows, row)
	}
	switch {
	case !anyRaw && !anyCPU:
		return table{}
	case !anyRaw:
		t = t.without(saved).without(raw)
	case !anyCPU:
		t = t.without(cpu)
	}
	if t.width() > maxWidth {
		t = t.without(change) // it stands in the first table too
	}
	if t.width() > maxWidth && anyRaw {
		t = t.without(len(t.head) - 1)
	}
	return t
}

// atQuantile says how the slow starts changed, where there are enough of them
// to tell.
func atQuantile(v view) []string {
	var lines []string
	for _, c := range v.On(bench.MetricReady) {
		if c.AtQuantile != nil {
			lines = append(lines, fmt.Sprintf("%s of %s by times alone: %s (%s interval)",
				quantile(v.Spec.Quantile), v.names[c.Candidate], changeWithInterval(*c.AtQuantile), changeConfidence(v)))
		}
	}
	return lines
}

// pairsSaved writes the share of the pairs that adjusting made unnecessary; it
// may also have made some necessary.
func pairsSaved(gain *float64) string {
	if gain == nil {
		return unknown
	}
	share := plain(*gain)
	if *gain < 0 && share != plain(0) {
		return "none: " + share + " more"
	}
	return share
}

// timesAlone says that nothing was to be adjusted.
const timesAlone = "the times alone were judged, and not what is known of the host (--no-covariate)"

// covariates are those that some comparison knows.
func covariates(v view) []string {
	var names []string
	for _, c := range v.On(bench.MetricReady) {
		for _, use := range c.Covariates {
			names = appendNew(names, use.Name)
		}
	}
	return names
}

// adjustedFor says in a line what the changes are adjusted for; nothing where
// they are not. What they are not adjusted for is in warnings.
func adjustedFor(v view) string {
	compared := v.On(bench.MetricReady)
	if v.Spec.NoCovariate && len(compared) > 0 {
		return timesAlone
	}
	var parts []string
	for _, name := range covariates(v) {
		least, most, used := math.Inf(1), math.Inf(-1), 0
		for _, c := range compared {
			for _, use := range c.Covariates {
				if use.Name == name && use.Used {
					least, most, used = min(least, use.Coefficient), max(most, use.Coefficient), used+1
				}
			}
		}
		if used == 0 {
			continue
		}
		figure := number(least, 2)
		if most := number(most, 2); most != figure {
			figure += " to " + most
		}
		if used < len(compared) {
			figure += fmt.Sprintf(" in %d of %d comparisons", used, len(compared))
		}
		parts = append(parts, fmt.Sprintf("%s (coefficient %s)", bench.CovariateMeaning(name), figure))
	}
	if len(parts) == 0 {
		return ""
	}
	return "adjusted for " + strings.Join(parts, ", ")
}

// adjustments says of every covariate for which candidates their changes are
// adjusted for it, and why not for others.
func adjustments(v view) []string {
	if v.Spec.NoCovariate && len(v.On(bench.MetricReady)) > 0 {
		return []string{timesAlone}
	}
	var lines []string
	for _, name := range covariates(v) {
		lines = append(lines, adjustment(v, name)...)
	}
	return lines
}

// adjustment says of a covariate what became of it, each thing once.
func adjustment(v view, name string) []string {
	compared := v.On(bench.MetricReady)
	several := len(compared) > 1
	type fate struct {
		said    string
		figure  string   // what kind of figure tells it; none for ""
		details []string // of each candidate: its figure, and its name where there are others
	}
	var fates []*fate
	for _, c := range compared {
		for _, use := range c.Covariates {
			if use.Name != name {
				continue
			}
			said, figure, detail := became(use)
			switch {
			case several && detail != "":
				detail += " for " + v.names[c.Candidate]
			case several:
				detail = v.names[c.Candidate]
			}
			at := slices.IndexFunc(fates, func(f *fate) bool { return f.said == said })
			if at < 0 {
				at = len(fates)
				fates = append(fates, &fate{said: said, figure: figure})
			}
			fates[at].details = append(fates[at].details, detail)
		}
	}
	var lines []string
	for _, f := range fates {
		details := strings.TrimSpace(f.figure + " " + strings.Join(f.details, ", "))
		if details != "" {
			details = " (" + details + ")"
		}
		lines = append(lines, f.said+details)
	}
	return lines
}

// became is what is said of a covariate in one comparison, and its figure.
func became(use bench.CovariateUse) (said, figure, value string) {
	words := bench.CovariateMeaning(use.Name)
	switch {
	case use.Used:
		return "adjusted for " + words, "coefficient", number(use.Coefficient, 2)
	case use.Why != "":
		return "not adjusted for " + words + ", " + use.WhyNot(), "", ""
	}
	i := use.Imbalance
	return "not adjusted for " + words + ", as it depends on the image", "difference",
		fmt.Sprintf("%s [%s, %s]", number(i.Estimate, 3), number(i.Low, 3), number(i.High, 3))
}

// visible is from where on the estimates of a change, adjusted and not, differ
// so much that both are told in a sentence: both as parts of the baseline's
// time and as parts of each other, since neither alone suits both −84 % and +160 %.
const visible = 0.005

// adjusted says in a sentence that a change is not that of the times alone,
// where that one is another or would be judged in another way.
func adjusted(v view, c bench.Comparison) string {
	if c.Raw == nil {
		return ""
	}
	raw := changeWithInterval(c.Raw.Change)
	if where(c.Raw.Change, v.Spec.Margin) == where(c.Change, v.Spec.Margin) {
		x, y := c.Raw.Change.Estimate, c.Change.Estimate
		if !(math.Abs(x-y) >= visible && math.Abs(math.Log1p(x)-math.Log1p(y)) >= visible) {
			return ""
		}
		raw, _, _ = strings.Cut(raw, " [")
	}
	return ", adjusted for what the host did (raw " + raw + ")"
}

// where says on which side of nothing and of the margin the bounds lie, on
// which every verdict rests.
func where(c bench.Change, margin float64) [4]bool {
	return [4]bool{c.Low > 0, c.Low > margin, c.High < 0, c.High < margin}
}
