package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlbench/stats"
)

// SeveralModes is BenchmarkDotNet's bound for "bimodal"; a sample needs
// modesFrom values before its histogram means anything.
const (
	SeveralModes = 2.8
	modesFrom    = 20
)

// modesWarning says where a candidate's times fall into groups, and what of
// all that was recorded tells the slow starts from the fast ones.
func (r *Result) modesWarning(candidate int) []string {
	var ready []Start
	var times []float64
	for _, s := range r.measured(candidate) {
		if !s.Failed() {
			ready, times = append(ready, s), append(times, s.Time())
		}
	}
	if len(times) < modesFrom {
		return nil
	}
	m := stats.MValue(times)
	if !(m > SeveralModes) {
		return nil
	}
	why := "its " + r.one() + "s take different paths"
	if causes := r.causes(candidate, ready, slowFrom(times)); len(causes) > 0 {
		why = strings.Join(causes, "; ")
	}
	return []string{fmt.Sprintf("%s: its times fall into several groups (mValue %.2g), and one median hides that: %s", r.Candidates[candidate].Name, m, why)}
}

// slowFrom cuts times in two: it is the shortest that counts as slow. The cut
// leaves the least squares of the logarithms about the means of the two groups
// (Fisher 1958, J. Am. Stat. Assoc. 53, 789–798), so that no single outlier
// makes a group, as one would at the largest gap.
func slowFrom(times []float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	total := 0.0
	for _, t := range sorted {
		total += math.Log(t)
	}
	below, most, at := 0.0, 0.0, math.Inf(1)
	for i := 1; i < len(sorted); i++ {
		below += math.Log(sorted[i-1])
		fast, slow := float64(i), float64(len(sorted)-i)
		apart := below/fast - (total-below)/slow
		if between := fast * slow * apart * apart; between > most {
			most, at = between, sorted[i]
		}
	}
	return at
}

// causes are the covariates in which slow starts differ from fast ones, the
// way in which it would slow them down, each in words with its medians.
func (r *Result) causes(candidate int, starts []Start, from float64) []string {
	var causes []string
	for _, c := range covariates {
		var slow, fast []float64
		for _, s := range starts {
			if s.Time() >= from {
				slow = append(slow, c.of(s))
			} else {
				fast = append(fast, c.of(s))
			}
		}
		slow, fast = slices.DeleteFunc(slow, math.IsNaN), slices.DeleteFunc(fast, math.IsNaN)
		t := stats.OrderEffect(slow, fast)
		slows := t.Effect > 0
		if c.name == CovariateResident {
			slows = t.Effect < 0
		}
		if slows && t.P < Noticed {
			causes = append(causes, difference(c.name, stats.Median(slow), stats.Median(fast))+r.adjustedFor(candidate, c.name))
		}
	}
	return causes
}

// difference says how slow starts differ from fast ones in a covariate.
func difference(covariate string, slow, fast float64) string {
	switch covariate {
	case CovariateCPUWait:
		return fmt.Sprintf("the slow ones waited for a processor for %s of their CPU time, the fast ones for %s", share(math.Expm1(slow)), share(math.Expm1(fast)))
	case CovariateSteal:
		return fmt.Sprintf("the hypervisor took %s of their CPU time from the slow ones, %s from the fast ones", share(math.Expm1(slow)), share(math.Expm1(fast)))
	case CovariateProbe:
		return fmt.Sprintf("a probe of the host's speed took %s ms before the slow ones, %s ms before the fast ones", digits(math.Exp(slow), 2), digits(math.Exp(fast), 2))
	case CovariateResident:
		return fmt.Sprintf("the slow ones found %s of their files in memory, the fast ones %s", share(slow), share(fast))
	}
	return fmt.Sprintf("%s is %s in the slow ones, %s in the fast ones", covariate, digits(slow, 2), digits(fast, 2))
}

// adjustedFor says whether the comparisons of a candidate, of the baseline all
// of them, are adjusted for a covariate; nothing where there are none.
func (r *Result) adjustedFor(candidate int, covariate string) string {
	all, adjusted := 0, 0
	for _, c := range r.On(MetricReady) {
		if candidate != c.Candidate && candidate != c.Baseline {
			continue
		}
		all++
		if slices.ContainsFunc(c.Covariates, func(u CovariateUse) bool { return u.Name == covariate && u.Used }) {
			adjusted++
		}
	}
	switch {
	case all == 0:
		return ""
	case adjusted == all:
		return " (this is adjusted for)"
	case adjusted == 0:
		return " (this is not adjusted for)"
	}
	return fmt.Sprintf(" (this is adjusted for in %d of %d comparisons)", adjusted, all)
}
