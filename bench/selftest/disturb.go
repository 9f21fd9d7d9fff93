package selftest

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mlbench/bench"
	"mlbench/stats"
)

// A Disturbance is something that makes starts of this host differ by nothing.
type Disturbance struct {
	Name string `json:"name"`
	// Size is by how much of its time a start is affected, as a fraction.
	Size float64 `json:"size"`
	// P is the chance of at least so much where there is none; nil where that
	// is no question.
	P *float64 `json:"p"`
	// Notable ones are more than chance, or more than 1 % of a start.
	Notable bool   `json:"notable"`
	Says    string `json:"says"`
}

// matters is the share of a start that a loss has to have.
const matters = 0.01

// disturbances are all that was looked for, worst first.
func disturbances(all, same *bench.Result) []Disturbance {
	d := []Disturbance{drifted(all), ordered(same), groups(all), neighbours(all)}
	for _, lost := range []struct{ covariate, name, says, unknown string }{
		{bench.CovariateCPUWait, "load", "a start stands waiting for a processor that others of this host have", "how long starts wait for processors that others have is not told"},
		{bench.CovariateSteal, "steal", "the hypervisor gives processors that a start could use to other guests", "how much processor time the hypervisor gives to others is not told"},
	} {
		d = append(d, loss(all, lost.covariate, lost.name, lost.says, lost.unknown))
	}
	if f, any := failures(all); any {
		d = append(d, f)
	}
	rank := func(d Disturbance) int {
		if d.Notable {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(d, func(a, b Disturbance) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Size, a.Size))
	})
	return d
}

// failures are worse than all else: the server that is started never fails by
// itself.
func failures(r *bench.Result) (d Disturbance, any bool) {
	starts, failed, last := measured(r), 0, ""
	for _, s := range starts {
		if s.Failed() {
			failed, last = failed+1, s.Error
		}
	}
	return Disturbance{
		Name: "failures", Size: 1, Notable: true,
		Says: bench.Printable(fmt.Sprintf("%d of %d starts of a program that does not fail did fail; the last one: %s", failed, len(starts), last)),
	}, failed > 0
}

// loss is time that a covariate says was lost in starts.
func loss(r *bench.Result, covariate, name, says, unknown string) Disturbance {
	var lost, took []float64
	worst := 0.0
	for _, s := range measured(r) {
		if ms, ok := s.Covariates[covariate]; ok && !s.Failed() {
			lost, took = append(lost, ms), append(took, s.Time())
			worst = max(worst, ms/s.Time())
		}
	}
	if len(lost) == 0 {
		return Disturbance{Name: name, Says: unknown}
	}
	plain := func(v float64) float64 { return v }
	average := mean(lost, plain)
	d := Disturbance{Name: name, Size: average / mean(took, plain)}
	d.Notable = d.Size >= matters
	d.Says = fmt.Sprintf("%s for %.1f ms of it on average, %s of its time, and %s at worst", says, average, percent(d.Size), percent(worst))
	return d
}

// drifted is a change of the host from the beginning of the run to its end.
func drifted(r *bench.Result) Disturbance {
	var means, block []float64
	at := 0
	flush := func() {
		if len(block) > 0 {
			means = append(means, mean(block, func(v float64) float64 { return v }))
		}
		block = nil
	}
	starts := slices.DeleteFunc(measured(r), bench.Start.Failed)
	for i, x := range residuals(r) {
		if starts[i].Block != at {
			flush()
			at = starts[i].Block
		}
		block = append(block, x)
	}
	flush()
	t := stats.Drift(means)
	d := Disturbance{Name: "drift", Size: math.Abs(t.Change), P: finite(t.P), Notable: t.P < bench.Noticed}
	d.Says = fmt.Sprintf("starts at the end of the run take %s than at its beginning (%s)", longer(t.Change), chance(t.P))
	return d
}

// ordered is what it matters to be first of two starts of one image.
func ordered(same *bench.Result) Disturbance {
	earlier := make(map[int]bench.Start) // of each block
	var first, second []float64
	for _, s := range same.Starts { // in the order of time
		before, paired := earlier[s.Block]
		earlier[s.Block] = s
		switch {
		case !paired || s.Failed() || before.Failed():
		case before.Candidate == baseline:
			second = append(second, math.Log(s.Time()/before.Time()))
		default:
			first = append(first, math.Log(before.Time()/s.Time()))
		}
	}
	t := stats.OrderEffect(first, second)
	change := math.Expm1(t.Effect)
	return Disturbance{
		Name: "order", Size: math.Abs(change), P: finite(t.P), Notable: t.P < bench.Noticed,
		Says: fmt.Sprintf("the earlier start of a pair takes %s than the later one (%s)", longer(change), chance(t.P)),
	}
}

// groups is whether starts of one program take different paths. The size is
// how far apart the quarters are, where they do.
func groups(r *bench.Result) Disturbance {
	x := residuals(r)
	m := stats.MValue(x)
	d := Disturbance{Name: "groups", Notable: m > bench.SeveralModes}
	if d.Notable {
		d.Size = math.Expm1(stats.Quantile(x, 0.75) - stats.Quantile(x, 0.25))
		d.Says = fmt.Sprintf("the times of one program fall into several groups (mValue %.1f, one group has 2), their quarters %s apart", m, percent(d.Size))
		return d
	}
	d.Says = fmt.Sprintf("the times of one program are one group (mValue %.1f, of several it is over %.1f)", m, bench.SeveralModes)
	return d
}

// neighbours is how much of the noise of a start the next one shares.
func neighbours(r *bench.Result) Disturbance {
	x := residuals(r)
	rho := stats.Autocorrelation(x)
	if math.IsNaN(rho) {
		return Disturbance{Name: "autocorrelation", Says: "how alike neighbouring starts are is not known: there are too few"}
	}
	// Of independent entries it is normal about −1/n with variance 1/n
	// (Bartlett 1946, Suppl. JRSS 8, 27–41).
	n := float64(len(x))
	p := math.Erfc(math.Abs(rho+1/n) * math.Sqrt(n/2))
	size := math.Abs(rho) * spread(x)
	d := Disturbance{Name: "autocorrelation", Size: size, P: finite(p), Notable: p < bench.Noticed}
	d.Says = fmt.Sprintf("neighbouring starts are alike (correlation %.2f, %s): pairing can take away up to %s of a start's time", rho, chance(p), percent(size))
	if rho <= 0 {
		d.Says = fmt.Sprintf("neighbouring starts are not alike (correlation −%.2f, %s): pairing has nothing to take away", -rho, chance(p))
	}
	return d
}

// longer words a relative change of a time.
func longer(change float64) string {
	if change < 0 {
		return percent(-change) + " less"
	}
	return percent(change) + " more"
}

// chance words a p-value; over the limit it says what that means.
func chance(p float64) string {
	switch {
	case p < 0.0001:
		return "p < 0.0001"
	case p < bench.Noticed:
		return fmt.Sprintf("p = %.1g", p)
	}
	return fmt.Sprintf("p = %.2g, so perhaps by chance", p)
}
