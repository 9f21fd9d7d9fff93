package bench

import "mlbench/stats"

// Differences are the differences of the logarithms of the times to ready,
// candidate minus baseline, of every pair: raw as they were measured, and
// adjusted by the covariates that the candidates are not seen to influence in
// all these pairs. Both are alike where there are none; failed starts make
// infinite ones.
func (r *Result) Differences(candidate int) (raw, adjusted []float64) {
	pairs := r.pairs(candidate)
	if len(pairs) == 0 {
		return nil, nil
	}
	d := r.differences(pairs)
	return d.logs, d.adjusted()
}

// Covariate is what a covariate, such as CovariateCPUWait, tells of these pairs.
func (r *Result) Covariate(candidate int, name string) (c stats.Covariate, ok bool) {
	for _, recorded := range r.recordedIn(r.pairs(candidate)) {
		if recorded.name == name && recorded.tells(len(recorded.x)) {
			return stats.Covariate{X: recorded.x, Prior: recorded.prior, Weight: recorded.weight}, true
		}
	}
	return stats.Covariate{}, false
}
