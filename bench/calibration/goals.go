package calibration

import (
	"fmt"
	"strings"
)

// A Finding is one goal of the design, and how it was met.
type Finding struct {
	Goal     string
	Wanted   string
	Measured string // in the worst regime, with its interval
	Worst    string // that regime
	Met      bool
	Must     bool // an error rate that mlbench promises
	Open     bool // no goal is set: it is shown all the same
}

// quiet4 is the host on which the design sets its goals of power, bimodal4 that
// on which it sets one for stratification.
var (
	quiet4   = Regimes(0.04)[0].Name
	bimodal4 = Bimodal(0.04, 0.20).Name + ", noise 4 %"
)

// Findings holds a report against the design's goals. A goal is not met where
// some regime is off it by more than its interval allows; each of them alone
// would be so in 2.5 % of calibrations if it were exactly on the goal. What was
// not measured is not met.
func (r *Report) Findings() []Finding {
	findings := []Finding{
		r.errors("A/A: says `slower` or `regression`", 0.025, 0, func(c Cell) Rate { return c.Slower }),
		r.errors("A/A: any difference claimed, at any look", 0.05, 0, func(c Cell) Rate { return c.Claimed }),
		r.errors("true change = margin: false `no_regression`", 0.025, 0.05, func(c Cell) Rate { return c.NoRegression }),
	}
	for _, effect := range Effects {
		findings = append(findings, r.errors(
			fmt.Sprintf("interval at the stop misses a true %s", signed(effect)), 0.05, effect, Cell.missed))
	}
	for _, t := range r.Targets {
		independent := strings.HasPrefix(t.Regime, "quiet")
		f := Finding{
			Goal: "target gate: false pass at p90 = limit", Wanted: "≤ 5 %",
			Measured: t.Passed.String(), Worst: t.Regime, Met: t.Passed.Of > 0 && !t.Passed.Exceeds(0.05), Must: independent,
		}
		if !independent {
			f.Wanted, f.Open = "–", true // the gate supposes independent starts
		}
		findings = append(findings, f)
	}
	for _, row := range r.Rows {
		if row.Loaded {
			for _, effect := range searched {
				findings = append(findings,
					saved(row, effect, "times alone", 0.70, "starts needed with covariates against without"),
					saved(row, effect, "U test", 0.60, "starts needed against a fixed-n U test on alternating runs"))
			}
		}
		if row.Name == bimodal4 {
			findings = append(findings, atMost(row, "bimodal A/A: inconclusive", 0.30, row.cell(0).Undecided))
		}
		if row.Name != quiet4 {
			continue
		}
		findings = append(findings,
			power(row, "+5 % found (L > 0 at some look)", 0.92, row.cell(0.05).Found),
			power(row, "+10 % found", 0.99, row.cell(0.10).Found),
			pairs(row, "+10 % found: pairs", 13, row.cell(0.10).FoundAfter),
			power(row, "+10 % named `regression`", 0.93, row.cell(0.10).Regression),
			pairs(row, "+10 %: pairs to the end", 23, row.cell(0.10).Pairs),
			pairs(row, "A/A: pairs to the end", 22, row.cell(0).Pairs),
		)
	}
	return findings
}

// errors finds the regime in which an error is most frequent, among those on
// which mlbench promises anything.
func (r *Report) errors(goal string, most, effect float64, pick func(Cell) Rate) Finding {
	f := Finding{Goal: goal, Wanted: "≤ " + percent(most), Met: len(r.Rows) > 0, Must: true}
	var worst Rate
	for _, row := range r.Rows {
		if row.Influence != 0 {
			continue
		}
		rate := pick(row.cell(effect))
		f.Met = f.Met && rate.Of > 0 && !rate.Exceeds(most)
		if rate.Of > 0 && (worst.Of == 0 || rate.Share() > worst.Share()) {
			worst, f.Worst = rate, row.Name
		}
	}
	f.Measured = worst.String()
	return f
}

// A Known is a way of judging that is wrong, or a host that deceives, of which
// the calibration has to show it: one that saw nothing there would measure
// nothing.
type Known struct {
	What     string
	Measured Rate
	Over     float64 // what the rate has to be beyond
}

// Seen reports whether the calibration shows it.
func (k Known) Seen() bool { return k.Measured.Of > 0 && k.Measured.Exceeds(k.Over) }

// Known are the known wrong answers.
func (r *Report) Known() []Known {
	var all []Known
	for _, row := range r.Rows {
		if row.Name == quiet4 {
			all = append(all, Known{"looking at p < 0.05 after every pair, " + row.Name + ": identical images told apart", row.Peeks, 0.05})
		}
		if row.Influence != 0 {
			all = append(all, Known{row.Name + ": true change = margin, called `no_regression`", row.cell(0.05).NoRegression, 0.025})
		}
	}
	return all
}

func power(row Row, goal string, least float64, rate Rate) Finding {
	return Finding{
		Goal: goal, Wanted: "≥ " + percent(least),
		Measured: rate.String(), Worst: row.Name, Met: rate.Of > 0 && !rate.FallsShort(least),
	}
}

func pairs(row Row, goal string, most float64, mean Mean) Finding {
	return Finding{
		Goal: goal, Wanted: fmt.Sprintf("≤ %g", most),
		Measured: mean.String(), Worst: row.Name, Met: mean.Of > 0 && !mean.Exceeds(most),
	}
}

func atMost(row Row, goal string, most float64, rate Rate) Finding {
	return Finding{
		Goal: goal, Wanted: "≤ " + percent(most),
		Measured: rate.String(), Worst: row.Name, Met: rate.Of > 0 && !rate.Exceeds(most),
	}
}

// saved compares the pairs that mlbench needs with another judge's.
func saved(row Row, effect float64, judge string, most float64, goal string) Finding {
	f := Finding{Goal: goal + ", " + signed(effect), Wanted: "≤ " + percent(most), Worst: row.Name}
	with, without := row.pairsFor(effect, "mlbench"), row.pairsFor(effect, judge)
	if with == 0 || without == 0 {
		f.Measured = "not found"
		return f
	}
	ratio := float64(with) / float64(without)
	f.Measured = fmt.Sprintf("%.0f %% (%d against %d pairs)", 100*ratio, with, without)
	f.Met = ratio <= most
	return f
}

// signed writes a change of few digits, e.g. "+5 %".
func signed(effect float64) string {
	if effect == 0 {
		return "0 %"
	}
	return strings.Replace(fmt.Sprintf("%+.3g %%", 100*effect), "-", "−", 1)
}
