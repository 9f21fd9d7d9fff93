package calibration

import (
	"fmt"
	"strings"

	"mlbench/bench/nightly"
)

// nightly holds the nights against the design's goals, which are set on the first
// host.
func (r *Report) nightly() []Finding {
	if len(r.Nights) == 0 {
		return nil
	}
	row := r.Nights[0]
	alerts := Finding{
		Goal: "nightly: false alerts in a year of an image", Wanted: "≤ 1", Measured: row.Year.Alerts.String(), Worst: row.Name,
		Met: row.Year.Alerts.Of > 0 && !row.Year.Alerts.Exceeds(1), Must: true,
	}
	step := Finding{Goal: fmt.Sprintf("nightly: a step of +10 %% alerted within %d nights", promisedNights), Wanted: "≥ 95 %", Worst: row.Name}
	for _, s := range row.Steps {
		if s.Effect == 0.10 {
			step.Measured, step.Met = s.Within.String(), s.Within.Of > 0 && !s.Within.FallsShort(0.95)
		}
	}
	return []Finding{alerts, step}
}

func (r *Report) nights(b *strings.Builder) {
	d := nightly.DefaultDetector()
	fmt.Fprintf(b, `
## Nights

What `+"`mlbench nightly`"+` tells of simulated histories: every night one image against a pinned reference, by the Hodges–Lehmann estimate of so many pairs in random order; the search for changes is mlbench's own (E-divisive on the newest %d nights, p < %g, segments of %d nights at least, %d permutations; from %d nights on), and each suspicion is measured afresh by its own experiment, old image against new (8 to %d pairs, margin 5 %%), and becomes what that says.
The image is another every night. Noise is that of a start; wobble is by how much the ratio of the two images differs from night to night though neither has changed, and is in the measurement that verifies too. The host's own speed goes up and down by %s from night to night and falls by %s during each night. All are normal and independent from night to night; failed nights and changes of the environment are not simulated.
`, d.Window, d.P, d.MinSize, d.Permutations, d.MinNights(), nightly.DefaultMaxPairs, percent(hostWander), percent(hostDrift))
	fmt.Fprintf(b, `
A year in which nothing changes, %d of them each: alerts (slow-downs that were verified), what else was told as verified (slow-downs within the margin, speed-ups), and what the suspicions cost.

`, r.Plan.Years)
	rows := [][]string{{"host", "alerts", "also told", "suspicions", "pairs to verify them", "pairs of the nights"}}
	for _, row := range r.Nights {
		y := row.Year
		rows = append(rows, []string{row.Name, fine(y.Alerts), fine(y.Slight), y.Suspicions.String(), y.Pairs.String(), fmt.Sprint(row.Pairs * yearNights)})
	}
	table(b, rows)
	fmt.Fprintf(b, `
A true change, at a random night after the %d that a history has to have and up to 90 more; %d histories each. Within %d nights: told, as a slow-down that fails (or a speed-up), by the third night that has it. In percent.

`, d.MinNights(), r.Plan.StepRepetitions, promisedNights)
	head := []string{"host"}
	for _, effect := range steps {
		head = append(head, signed(effect)+fmt.Sprintf(": within %d nights", promisedNights), fmt.Sprintf("within %d", mostNights), "nights until told")
	}
	rows = [][]string{head}
	for _, row := range r.Nights {
		line := []string{row.Name}
		for _, s := range row.Steps {
			line = append(line, s.Within.points(), s.Ever.points(), s.After.String())
		}
		rows = append(rows, line)
	}
	table(b, rows)
}

// fine is a Mean of what is rare.
func fine(m Mean) string {
	if m.Of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f ± %.3f", m.Value(), m.Half())
}
