package selftest

import (
	"context"
	"fmt"
	"math"
	"time"

	"mlbench/bench"
	"mlbench/runner"
)

// Schema is the form of the self-test's JSON. Fields are never renamed within
// it; readers ignore what they do not know.
const Schema = "mlbench.selftest/v1"

// A Report is what a self-test found. Noise and changes are fractions: 0.05 is
// 5 %.
type Report struct {
	Schema    string      `json:"schema"`
	Tool      bench.Tool  `json:"tool"`
	StartedAt time.Time   `json:"started_at"`
	TookS     float64     `json:"took_s"`
	Runner    string      `json:"runner"`
	Host      runner.Host `json:"host"`
	Pairs     int         `json:"pairs"`
	Seed      uint64      `json:"seed"`
	ReadyMS   float64     `json:"ready_ms"` // median of the baseline

	Noise        Noise         `json:"noise"`
	Resolvable   []Resolvable  `json:"resolvable"`
	AA           AA            `json:"aa"`
	Injected     []Injected    `json:"injected"`
	Disturbances []Disturbance `json:"disturbances"` // worst first

	Verdict bench.GateVerdict `json:"verdict"`
	Why     string            `json:"why"`

	// Result holds every start that all of it rests on.
	Result *bench.Result `json:"result"`
}

// Promised is the share of A/A comparisons that may claim a difference.
const Promised = 0.05

// evaluate draws every figure from the starts of a run with the candidates
// baseline, again and the injected ones.
func evaluate(ctx context.Context, result *bench.Result, plan Plan) (*Report, error) {
	r := &Report{
		Schema: Schema, Tool: result.Tool, StartedAt: result.StartedAt, Runner: plan.Runner, Host: result.Host,
		Pairs: plan.Pairs, Seed: plan.Seed, Result: result,
		ReadyMS: result.Summary(baseline).Ready.Estimate,
	}
	if math.IsInf(r.ReadyMS, 0) || math.IsNaN(r.ReadyMS) {
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("most of the %d starts of the self-test's own server failed: end what else runs here, and try again", plan.Pairs))
	}
	same, err := alone(result, again, plan.Pairs)
	if err != nil {
		return nil, err
	}
	r.Noise = noise(result, same)
	r.Resolvable = resolvable(same)
	if r.AA, err = replay(ctx, same, plan); err != nil {
		return nil, err
	}
	for i := range injected {
		found, err := inject(result, i, plan.Pairs)
		if err != nil {
			return nil, err
		}
		r.Injected = append(r.Injected, found)
	}
	r.Disturbances = disturbances(result, same)
	r.conclude()
	return r, nil
}

// conclude comes to the verdict. A false claim of the replays above what is
// promised has to be proved, as every calibration has its own noise.
func (r *Report) conclude() {
	r.Verdict = bench.Pass
	last := r.Resolvable[len(r.Resolvable)-1]
	can := "this host's noise is too little known to say what it can tell"
	if x := last.best(); x != nil {
		can = fmt.Sprintf("this host can tell changes of %s and more in %d pairs (8 of 10 times)", percent(*x), last.Pairs)
	}
	r.Why = fmt.Sprintf("%s; A/A false claims %d of %d", can, r.AA.Claims, r.AA.Replays)
	if r.AA.Low > Promised {
		r.Verdict = bench.Fail
		r.Why += fmt.Sprintf(", which is more than the %s promised", percent(Promised))
	}
	for _, i := range r.Injected {
		if i.Injected > 0 && i.Comparison.Verdict == bench.Faster {
			r.Verdict = bench.Fail
			r.Why += fmt.Sprintf("; a start with %s added is called faster", i.Name)
		}
	}
}

// percent writes a fraction.
func percent(x float64) string {
	if math.Abs(x) < 0.00095 && x != 0 {
		return fmt.Sprintf("%.2f %%", 100*x)
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}
