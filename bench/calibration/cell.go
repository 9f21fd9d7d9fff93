package calibration

import "mlbench/bench"

// add counts one comparison.
func (c *Cell) add(o Outcome) {
	c.Slower.add(o.Verdict == bench.Slower || o.Verdict == bench.Regression)
	c.Regression.add(o.Verdict == bench.Regression)
	c.NoRegression.add(o.Verdict == bench.NoRegression)
	c.Undecided.add(o.Verdict == bench.Undecided)
	c.Claimed.add(o.Claimed)
	c.Found.add(o.Found > 0)
	c.Covered.add(o.Covered)
	c.Pairs.add(float64(o.Pairs))
	if o.Found > 0 {
		c.FoundAfter.add(float64(o.Found))
	} else {
		c.FoundAfter.add(float64(o.Pairs))
	}
}

// missed is how often the interval at the stop does not hold the effect.
func (c Cell) missed() Rate { return Rate{c.Covered.Of - c.Covered.Hits, c.Covered.Of} }

// cell is the one of an effect, alone that by the times alone.
func (r Row) cell(effect float64) Cell  { return of(r.Cells, effect) }
func (r Row) alone(effect float64) Cell { return of(r.Alone, effect) }

func of(cells []Cell, effect float64) Cell {
	for _, c := range cells {
		if c.Effect == effect {
			return c
		}
	}
	return Cell{Effect: effect}
}

// pairsFor is how many pairs a judge needs to find an effect; 0 where that is
// not known.
func (r Row) pairsFor(effect float64, judge string) int {
	for _, n := range r.Needs {
		if n.Effect == effect && n.Judge == judge {
			return n.Pairs
		}
	}
	return 0
}
