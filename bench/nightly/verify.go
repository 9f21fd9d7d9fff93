package nightly

import (
	"math"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/runner"
	"mlbench/stats"
)

// stateBy is what a change is known to be by the comparison of what a candidate
// is with what it was.
func stateBy(change bench.Change, verdict bench.Verdict, margin float64) history.State {
	switch verdict {
	case bench.Regression:
		return history.SlowDown
	case bench.Slower:
		if change.High < margin {
			return history.SlightSlowDown
		}
		return history.SlowDown
	case bench.Faster:
		return history.SpeedUp
	case bench.NoRegression:
		return history.Refuted
	}
	return history.Suspected
}

// Asked is the night's Spec as the measurement that verifies a suspicion asks it:
// two images, the stopping rule, nothing else. Number tells the suspicions of a
// night apart, and seen is Suspicion.Seen.
func Asked(s bench.Spec, number int, seen float64) bench.Spec {
	s.Pinned, s.TargetGates, s.MaxBytes, s.MaxGPUBytes = false, false, nil, nil
	s.Pairs, s.LoadMS, s.Rate, s.Connections = 0, 0, 0, 0
	s.Goal = bench.Decide
	if seen < 0 {
		s.Goal = bench.Claim
	}
	s.Seed = (s.Seed + uint64(number)) & bench.MaxSeed
	return s
}

// Judged is what a comparison of the old image with the new one says.
func Judged(r *bench.Result, spec bench.Spec) (*history.Verification, history.State) {
	c := r.On(bench.MetricReady)[0]
	v := &history.Verification{
		Against: history.AgainstOld, Old: r.Candidates[0].Ref, New: r.Candidates[1].Ref, Pairs: c.Pairs, Level: c.Level, Verdict: c.Verdict,
		Change: history.NewInterval(stats.Interval(c.Change)), ShiftMS: history.NewInterval(stats.Interval(c.ShiftMS)),
	}
	var shifts []history.PhaseShift
	for _, name := range runner.PhaseNames() {
		if of := r.On(name); len(of) > 0 {
			shifts = append(shifts, history.PhaseShift{Name: name, ShiftMS: of[0].ShiftMS.Estimate})
		}
	}
	v.Phase = most(shifts, c.ShiftMS.Estimate)
	return v, stateBy(c.Change, c.Verdict, spec.Margin)
}

// z is the standard normal quantile of 0.975.
const z = 1.959963984540054

// againstLevel holds a fresh comparison with the reference against the level that
// the candidate had to it before the change: the interval of the difference of two
// independent estimates from theirs (MOVER; Zou and Donner 2008, Stat. Med. 27,
// 1693–1702). What differs from night to night, whatever the image, is in no
// interval that one measurement has: the fresh one counts for no surer than one of
// the nights before. Since are the nights after the change.
func againstLevel(fresh stats.Interval, level, since []float64) stats.Interval {
	if math.IsInf(fresh.Low, 1) { // it fails now, and was at a level before
		return fresh
	}
	before := stats.HodgesLehmann(level, stats.Cutoff(len(level), 0.025))
	night := z * scatter(level)
	if math.IsInf(before.Low, -1) { // so few nights that their ranks bound nothing
		t := stats.StudentQuantile(0.975, len(level)+len(since)-2)
		night = t * scatter(level, since)
		half := night / math.Sqrt(float64(len(level)))
		before.Low, before.High = before.Estimate-half, before.Estimate+half
	}
	estimate := fresh.Estimate - before.Estimate
	return stats.Interval{
		Estimate: estimate,
		Low:      estimate - math.Hypot(max(fresh.Estimate-fresh.Low, night), before.High-before.Estimate),
		High:     estimate + math.Hypot(max(fresh.High-fresh.Estimate, night), before.Estimate-before.Low),
	}
}

// scatter is the standard deviation of nights about the mean of their level,
// pooled over levels.
func scatter(levels ...[]float64) float64 {
	squares, freedom := 0.0, 0
	for _, level := range levels {
		mean := 0.0
		for _, x := range level {
			mean += x / float64(len(level))
		}
		for _, x := range level {
			squares += (x - mean) * (x - mean)
		}
		freedom += len(level) - 1
	}
	return math.Sqrt(squares / float64(max(freedom, 1)))
}

// Relevelled is what a fresh comparison with the reference says of a suspicion.
func Relevelled(r *bench.Result, s *Suspicion, spec bench.Spec) (*history.Verification, history.State) {
	c := r.On(bench.MetricReady)[0]
	logs := stats.Interval{Estimate: math.Log1p(c.Change.Estimate), Low: math.Log1p(c.Change.Low), High: math.Log1p(c.Change.High)}
	i := againstLevel(logs, s.Level, s.Since)
	change := bench.Change{Estimate: math.Expm1(i.Estimate), Low: math.Expm1(i.Low), High: math.Expm1(i.High)}
	verdict := bench.VerdictOf(change, spec.Margin)
	if math.IsNaN(i.Estimate) { // both fail
		verdict = bench.Undecided
	}
	// In milliseconds as if tonight's candidate had been at the level before.
	ready := r.Summary(1).Ready.Estimate
	ms := func(log float64) float64 { return ready * -math.Expm1(-log) }
	shift := stats.Interval{Estimate: ms(i.Estimate), Low: ms(i.Low), High: ms(i.High)}
	v := &history.Verification{
		Against: history.AgainstReference, Old: r.Candidates[0].Ref, New: r.Candidates[1].Ref, Pairs: c.Pairs, Level: 0.95, Verdict: verdict,
		Change: history.NewInterval(stats.Interval(change)), ShiftMS: history.NewInterval(shift),
		Phase: most(phasesSince(r, s), shift.Estimate),
	}
	return v, stateBy(change, verdict, spec.Margin)
}

// phasesSince is by how much each phase of the candidate became longer, beside the
// reference's, since the night before the change.
func phasesSince(r *bench.Result, s *Suspicion) []history.PhaseShift {
	if s.Before.Entry == nil {
		return nil
	}
	was := s.Before.Entry.Candidates
	of := func(candidate int) map[string]float64 {
		ms := make(map[string]float64)
		for _, p := range r.Summary(candidate).Phases {
			ms[p.Name] = p.MS.Estimate
		}
		return ms
	}
	reference, candidate := of(0), of(1)
	var shifts []history.PhaseShift
	for _, name := range runner.PhaseNames() {
		before, known := was[s.Before.Candidate].PhasesMS[name]
		if now, ok := candidate[name]; ok && known {
			shifts = append(shifts, history.PhaseShift{Name: name, ShiftMS: now - before - (reference[name] - was[0].PhasesMS[name])})
		}
	}
	return shifts
}

// most is the phase that has most of a shift: of those that changed in the same
// direction, the largest part.
func most(shifts []history.PhaseShift, total float64) *history.PhaseShift {
	sum := 0.0
	var largest *history.PhaseShift
	for i, p := range shifts {
		if math.IsInf(p.ShiftMS, 0) || math.IsNaN(p.ShiftMS) || !(p.ShiftMS*total > 0) {
			continue
		}
		sum += math.Abs(p.ShiftMS)
		if largest == nil || math.Abs(p.ShiftMS) > math.Abs(largest.ShiftMS) {
			largest = &shifts[i]
		}
	}
	if largest != nil {
		largest.Share = math.Abs(largest.ShiftMS) / sum
	}
	return largest
}
