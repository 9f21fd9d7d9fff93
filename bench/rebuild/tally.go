package rebuild

import (
	"slices"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/stats"
)

// A tally counts what became of the steps of a folder's rebuilds.
type tally struct {
	rebuilds int
	all      []counted
}

type counted struct {
	Step
	times []float64
}

// add counts one rebuild. BuildKit tells of steps in the order in which it comes
// to them, which differs where it does several at once; the first one's is kept.
func (t *tally) add(steps []runner.Step) {
	t.rebuilds++
	for _, s := range steps {
		i := slices.IndexFunc(t.all, func(c counted) bool { return c.Name == s.Name })
		if i < 0 {
			i = len(t.all)
			t.all = append(t.all, counted{Step: Step{Name: s.Name}})
		}
		if s.Cached {
			t.all[i].Cached++
		} else {
			t.all[i].Executed++
			t.all[i].times = append(t.all[i].times, bench.Millis(s.Took))
		}
	}
}

func (t *tally) steps() []Step {
	steps := []Step{}
	for _, c := range t.all {
		if len(c.times) > 0 {
			median := stats.Median(c.times)
			c.MedianMS = &median
		}
		steps = append(steps, c.Step)
	}
	return steps
}

// uneven reports whether rebuilds did not all do the same steps.
func (t *tally) uneven() bool {
	return slices.ContainsFunc(t.all, func(c counted) bool { return c.Executed > 0 && c.Executed < t.rebuilds })
}
