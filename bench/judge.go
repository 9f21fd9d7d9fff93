package bench

// Judge computes everything that follows from the starts and the Spec:
// comparisons, gates, warnings and the verdict. It is the one place where a
// verdict is made, during a run and when a saved result is read again.
func (r *Result) Judge() error {
	schedule, err := r.Spec.schedule(len(r.Candidates) - 1)
	if err != nil {
		return err
	}
	r.Spec.Looks = nil
	for _, look := range schedule.Looks {
		r.Spec.Looks = append(r.Spec.Looks, look.N)
	}
	r.Comparisons = []Comparison{}
	for i := 1; i < len(r.Candidates); i++ {
		c, _ := r.compare(i, schedule)
		r.Comparisons = append(r.Comparisons, c)
	}
	r.Gates = r.gates()
	r.Warnings = r.warnings()
	r.Verdict = r.overall()
	return nil
}
