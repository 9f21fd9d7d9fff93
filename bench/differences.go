package bench

// Differences are the differences of the logarithms of the times to ready,
// candidate minus baseline, of every pair: raw as they were measured, and
// adjusted by what covariates explain of them, as they are judged. Both are
// alike where nothing was adjusted; failed starts make infinite ones.
func (r *Result) Differences(candidate int) (raw, adjusted []float64) {
	pairs := r.pairs(candidate)
	if len(pairs) == 0 {
		return nil, nil
	}
	d := r.differences(pairs)
	return d.logs, d.adjusted()
}
