package report

import (
	stdbytes "bytes"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/bench/selftest"
	"mlbench/runner"
)

func TestSelftest(t *testing.T) {
	half, tenth := 0.5, 0.1
	r := &selftest.Report{
		Schema: selftest.Schema, Runner: "docker", Pairs: 40, ReadyMS: 402,
		Noise: selftest.Noise{Start: 0.169, Paired: &tenth, Adjusted: &tenth, PairingGain: &half, CovariateGain: &tenth,
			Covariates: []string{bench.CovariateCPUWait, bench.CovariateSteal, bench.CovariateProbe, bench.CovariateResident}},
		Resolvable: []selftest.Resolvable{{Pairs: 10, Raw: nil, Adjusted: nil}, {Pairs: 40, Raw: &tenth, Adjusted: &half}},
		AA:         selftest.AA{Claims: 73, Replays: 2000, Low: 0.029, High: 0.046, Pairs: 40},
		Injected: []selftest.Injected{{
			Name: "+5 %", Injected: 0.05, Truth: 0.048,
			Comparison: bench.Comparison{Pairs: 40, Verdict: bench.Slower, Change: bench.Change{Estimate: 0.1, Low: 0.06, High: 0.12}},
		}},
		Disturbances: []selftest.Disturbance{
			{Name: "failures", Notable: true, Says: "red\x1b[31m " + strings.Repeat("and long ", 40)},
			{Name: "steal", Says: "not told"},
		},
		Why:    "this host can tell changes of 50.0 % and more in 40 pairs; A/A false claims 73 of 2000",
		Result: &bench.Result{Host: runner.Host{Engine: "engine", CPUs: 2}},
	}
	var b stdbytes.Buffer
	if err := Selftest(&b, r); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"selftest: runner docker, 40 pairs of each candidate, 402 ms to ready\n",
		"within pairs, adjusted for what the host did  10.0 %\n",
		"pairing saves 50 % of the pairs\n",
		"–               –\n",
		"+4.8 %  +10.0 % [+6.0, +12.0] (truth outside)",
		"not found\n",
		"claim a difference: 3.6 % [2.9, 4.6], at most 5 %",
		"  failures: red\uFFFD[31m and long",
		"  (nothing further stands out; what was looked for:)\n  steal: not told\n",
		"\n" + r.Why + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("without %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if twwidth.Width(line) > maxWidth {
			t.Errorf("wider than %d: %q", maxWidth, line)
		}
	}
	for name, ok := range map[string]bool{"text": true, "json": true, "markdown": false} {
		if _, err := Selftests.Named(name); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
