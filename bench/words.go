package bench

import "strings"

// CovariateMeaning says what a covariate is, so that it can stand after
// "adjusted for".
func CovariateMeaning(name string) string {
	switch name {
	case CovariateCPUWait:
		return "waiting for a processor that others had"
	case CovariateSteal:
		return "processor time that the hypervisor gave to others"
	case CovariateProbe:
		return "a probe of the host's speed right before the start"
	case CovariateResident:
		return "the share of its files in memory"
	}
	return name
}

// WhyNot is Why with covariates called by what they mean.
func (u CovariateUse) WhyNot() string {
	why := u.Why
	for _, c := range covariates {
		why = strings.ReplaceAll(why, c.name, CovariateMeaning(c.name))
	}
	return why
}

// listed writes "a", "a and b", "a, b and c".
func listed(items []string) string {
	last := len(items) - 1
	if last < 1 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:last], ", ") + " and " + items[last]
}

// laterOrSooner words a change of a time to ready.
func laterOrSooner(change float64) string {
	if change < 0 {
		return share(-change) + " sooner"
	}
	return share(change) + " later"
}

// longer words a relative change of a time.
func longer(change float64) string {
	if change < 0 {
		return share(-change) + " shorter"
	}
	return share(change) + " longer"
}

// chance words a p-value.
func chance(p float64) string {
	if p < 0.0001 {
		return "p < 0.0001"
	}
	return "p = " + digits(p, 1)
}

// share writes a fraction that was measured, as roughly as warnings need it.
func share(x float64) string { return digits(100*x, 2) + " %" }
