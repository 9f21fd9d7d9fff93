package report

import (
	stdbytes "bytes"
	"encoding/csv"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/stats"
)

// TestCSV reads what was written, and holds it against the starts.
func TestCSV(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			r := f.result(t)
			var b stdbytes.Buffer
			if err := CSV(&b, r); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&b).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 1+len(r.Starts) {
				t.Fatalf("%d rows of %d starts", len(rows)-1, len(r.Starts))
			}
			column := make(map[string]int)
			for i, name := range rows[0] {
				column[name] = i
			}
			for i, s := range r.Starts {
				get := func(name string) string { return rows[i+1][column[name]] }
				if s.Host == nil {
					s.Host = new(bench.HostLoad)
				}
				for name, want := range map[string]*float64{
					"ready_ms": s.ReadyMS, "resolution_ms": &s.ResolutionMS, "resident": s.Resident, "stop_ms": &s.StopMS,
					"cpu_ms": s.CPUMS, "cpu_wait_ms": covariate(s, bench.CovariateCPUWait), "steal_ms": covariate(s, bench.CovariateSteal),
					"probe_ms":   covariate(s, bench.CovariateProbe),
					"created_ms": mark(s, runner.Created), "started_ms": mark(s, runner.Started),
					"pulled_ms":    mark(s, runner.Pulled),
					"download_ms":  pullTime(s, func(p bench.PullTimes) *float64 { return p.DownloadMS }),
					"extract_ms":   pullTime(s, func(p bench.PullTimes) *float64 { return p.ExtractMS }),
					"listening_ms": mark(s, runner.Listening), "first_response_ms": mark(s, runner.FirstResponse),
					"read_bytes": count(s.ReadBytes), "major_faults": count(s.MajorFaults), "peak_memory_bytes": count(s.PeakMemoryBytes),
					"cpu_pressure_ms": s.Host.CPUPressureMS, "io_pressure_ms": s.Host.IOPressureMS,
					"memory_pressure_ms": s.Host.MemoryPressureMS, "load": s.Host.Load,
					"gpu_context_ms": mark(s, runner.GPUContext), "gpu_plateau_ms": mark(s, runner.GPUPlateau),
					"gpu_memory_bytes": count(s.GPUMemoryBytes), "gpu_peak_bytes": gpuPeak(s),
					"load_requests_per_s": loadFigure(s, func(l bench.Load) *float64 { return &l.PerSecond }),
					"load_p50_ms":         loadFigure(s, func(l bench.Load) *float64 { return l.P50MS }),
					"load_p99_ms":         loadFigure(s, func(l bench.Load) *float64 { return l.P99MS }),
					"load_requests":       loadFigure(s, func(l bench.Load) *float64 { n, _ := l.Requests(); return float64Of(n) }),
					"load_failed":         loadFigure(s, func(l bench.Load) *float64 { _, n := l.Requests(); return float64Of(n) }),

					"load_gpu_busy_percent": loadFigure(s, func(l bench.Load) *float64 { return l.GPUBusyPercent }),
					"load_gpu_memory_bytes": loadFigure(s, func(l bench.Load) *float64 { return count(l.GPUMemoryBytes) }),
				} {
					got, err := strconv.ParseFloat(get(name), 64)
					if want == nil && get(name) != "" || want != nil && (err != nil || got != *want) {
						t.Errorf("start %d: %s is %q, want %v", i, name, get(name), want)
					}
				}
				at, err := time.Parse(time.RFC3339Nano, get("begin_at"))
				if err != nil || !at.Equal(s.BeginAt) || get("outcome") != string(s.Outcome) || get("role") != string(s.Role) ||
					get("block") != strconv.Itoa(s.Block) || get("position") != strconv.Itoa(s.Position) {
					t.Errorf("start %d: %q", i, rows[i+1])
				}
				if source := get("gpu_source"); s.GPU == nil && source != "" || s.GPU != nil && source != cell(string(s.GPU.Source)) {
					t.Errorf("start %d: source %q", i, source)
				}
				if name := get("candidate"); name != bench.Printable(r.Candidates[s.Candidate].Name) {
					t.Errorf("start %d: candidate %q", i, name)
				}
			}
		})
	}
}

func loadFigure(s bench.Start, of func(bench.Load) *float64) *float64 {
	if s.Load == nil {
		return nil
	}
	return of(*s.Load)
}

func float64Of(n int) *float64 {
	x := float64(n)
	return &x
}

func mark(s bench.Start, name runner.MarkName) *float64 {
	if m, ok := s.Marks[name]; ok {
		return &m.MS
	}
	return nil
}

func gpuPeak(s bench.Start) *float64 {
	if s.GPU == nil {
		return nil
	}
	return count(&s.GPU.PeakBytes)
}

func pullTime(s bench.Start, of func(bench.PullTimes) *float64) *float64 {
	if s.Pull == nil {
		return nil
	}
	return of(*s.Pull)
}

func covariate(s bench.Start, name string) *float64 {
	if ms, ok := s.Covariates[name]; ok {
		return &ms
	}
	return nil
}

func count(n *int64) *float64 {
	if n == nil {
		return nil
	}
	x := float64(*n)
	return &x
}

func TestCellIsNoFormula(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "": "", "a=1": "a=1", "\t=1": " =1", "a\x00\nb": "a\uFFFD\uFFFDb",
	} {
		if got := cell(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestSentences(t *testing.T) {
	inf := math.Inf(1)
	of := func(estimate, low, high float64) bench.Change {
		return bench.Change{Estimate: estimate, Low: low, High: high}
	}
	raw := func(estimate, low, high float64) *bench.RawChange {
		return &bench.RawChange{Change: of(estimate, low, high)}
	}
	for _, test := range []struct {
		c    bench.Comparison
		edit func(*bench.Result)
		want string
	}{
		{bench.Comparison{Pairs: 12, Verdict: bench.Faster, Change: of(-0.38, -0.41, -0.35), ShiftMS: of(-410, -450, -370)}, nil,
			"new is ready 38 % sooner (410 ms; 95 % interval 35–41 %), 12 pairs, stopped early."},
		{bench.Comparison{Pairs: 40, Verdict: bench.Faster, Change: of(-0.02, -0.035, -0.001), ShiftMS: of(-20, -35, -1)}, nil,
			"new is ready 2 % sooner (20.0 ms; 95 % interval 0.1–3.5 %), 40 pairs."},
		{bench.Comparison{Pairs: 8, Verdict: bench.Regression, Change: of(0.15, 0.12, 0.18), ShiftMS: of(1500, 1200, 1800)}, nil,
			"new is ready 15 % later (1.50 s; 95 % interval 12–18 %), a regression beyond 5 %, 8 pairs, stopped early."},
		{bench.Comparison{Pairs: 12, Verdict: bench.Slower, Change: of(0.02, 0.01, 0.03), ShiftMS: of(20, 10, 30)},
			func(r *bench.Result) { r.Spec.Margin = 0.125 },
			"new is ready 2 % later (20.0 ms; 95 % interval 1–3 %), within the margin of 12.5 %, 12 pairs, stopped early."},
		{bench.Comparison{Pairs: 40, Verdict: bench.Slower, Change: of(0.04, 0.01, 0.07), ShiftMS: of(40, 10, 70)}, nil,
			"new is ready 4 % later (40.0 ms; 95 % interval 1–7 %), by the margin of 5 % or more is not sure, 40 pairs."},
		{bench.Comparison{Pairs: 12, Verdict: bench.NoRegression, Change: of(-0.004, -0.03, 0.02), ShiftMS: of(-4, -30, 20)}, nil,
			"new is not slower by more than 5 % (change −0.4 %; 95 % interval [−3.0 %, +2.0 %]), 12 pairs, stopped early."},
		{bench.Comparison{Pairs: 40, NeedsPairs: 110, Change: of(0.05, -0.01, 0.12), ShiftMS: of(50, -10, 120)}, nil,
			"Inconclusive: new changes by +5.0 % (95 % interval [−1.0 %, +12.0 %]), 40 pairs; about 110 would settle it (--max-pairs 110)."},
		{bench.Comparison{Pairs: 12, NeedsPairs: 50, Change: of(0.05, -0.01, 0.12)}, func(r *bench.Result) { r.Spec.Pairs = 12 },
			"Inconclusive: new changes by +5.0 % (95 % interval [−1.0 %, +12.0 %]), 12 pairs; about 50 would settle it (--pairs 50)."},
		{bench.Comparison{Pairs: 40, NeedsPairs: 12000, Change: of(0.05, -0.01, 0.12)}, nil,
			"Inconclusive: new changes by +5.0 % (95 % interval [−1.0 %, +12.0 %]), 40 pairs; about 12000 would settle it."},
		{bench.Comparison{Pairs: 1, Change: of(-0.3, -1, inf)}, func(r *bench.Result) { r.Ended = bench.EndedInterrupted },
			"Inconclusive: new changes by −30.0 % (no interval yet), 1 pair, interrupted."},
		{bench.Comparison{}, func(r *bench.Result) { r.Ended = bench.EndedInterrupted },
			"new was not compared: no pair is complete, interrupted."},
		{bench.Comparison{Pairs: 8, Verdict: bench.Regression, Change: of(inf, inf, inf), ShiftMS: of(inf, inf, inf)}, nil,
			"new fails in most pairs and old does not, a regression beyond 5 %, 8 pairs, stopped early."},
		{bench.Comparison{Pairs: 8, Verdict: bench.Faster, Change: of(-1, -1, -1), ShiftMS: of(-inf, -inf, -inf)}, nil,
			"new is ready in most pairs and old fails, 8 pairs, stopped early."},
		{bench.Comparison{Pairs: 12, Verdict: bench.Slower, Change: of(0.02, 0.01, inf), ShiftMS: of(20, 10, inf)},
			func(r *bench.Result) { r.Spec.Alpha = 0.005 },
			"new is ready 2 % later (20.0 ms; 99.5 % interval [+1.0 %, ∞]), by the margin of 5 % or more is not sure, 12 pairs, stopped early."},
		{bench.Comparison{Pairs: 12, Verdict: bench.Faster, Change: of(-0.38, -0.41, -0.35), ShiftMS: of(-410, -450, -370), Raw: raw(-0.38, -0.44, -0.30)}, nil,
			"new is ready 38 % sooner (410 ms; 95 % interval 35–41 %), 12 pairs, stopped early."},
		{bench.Comparison{Pairs: 12, Verdict: bench.Faster, Change: of(-0.38, -0.41, -0.35), ShiftMS: of(-410, -450, -370), Raw: raw(-0.37, -0.44, -0.30)}, nil,
			"new is ready 38 % sooner (410 ms; 95 % interval 35–41 %), 12 pairs, stopped early, adjusted for what the host did (raw −37.0 %)."},
		{bench.Comparison{Pairs: 40, Verdict: bench.Faster, Change: of(-0.02, -0.035, -0.001), ShiftMS: of(-20, -35, -1), Raw: raw(-0.021, -0.06, 0.03)}, nil,
			"new is ready 2 % sooner (20.0 ms; 95 % interval 0.1–3.5 %), 40 pairs, adjusted for what the host did (raw −2.1 % [−6.0, +3.0])."},
		{bench.Comparison{Pairs: 12, Verdict: bench.NoRegression, Change: of(-0.004, -0.03, 0.02), ShiftMS: of(-4, -30, 20), Raw: raw(-0.004, -0.05, 0.06)}, nil,
			"new is not slower by more than 5 % (change −0.4 %; 95 % interval [−3.0 %, +2.0 %]), 12 pairs, stopped early, adjusted for what the host did (raw −0.4 % [−5.0, +6.0])."},
		{bench.Comparison{Pairs: 40, NeedsPairs: 110, Change: of(0.05, -0.01, 0.12), ShiftMS: of(50, -10, 120), Raw: raw(0.08, -0.03, 0.2)}, nil,
			"Inconclusive: new changes by +5.0 % (95 % interval [−1.0 %, +12.0 %]), 40 pairs, adjusted for what the host did (raw +8.0 %); about 110 would settle it (--max-pairs 110)."},
		{bench.Comparison{Pairs: 8, Verdict: bench.Regression, Change: of(inf, inf, inf), ShiftMS: of(inf, inf, inf), Raw: raw(inf, inf, inf)}, nil,
			"new fails in most pairs and old does not, a regression beyond 5 %, 8 pairs, stopped early."},
	} {
		r := &bench.Result{Spec: bench.DefaultSpec(), Ended: bench.EndedDecided, Candidates: []runner.Candidate{{Name: "old"}, {Name: "new"}}}
		test.c.Candidate, test.c.Metric = 1, bench.MetricReady
		if test.c.Verdict == "" {
			test.c.Verdict = bench.Undecided
		}
		if test.edit != nil {
			test.edit(r)
		}
		test.c.Level = 1 - r.Spec.Alpha
		r.Comparisons = []bench.Comparison{test.c, {Candidate: 1, Metric: bench.MetricCPU, Pairs: 3, Change: of(9, 8, 10)}}
		if got := Sentence(r); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	if got := Sentence(&bench.Result{}); got != "Nothing was measured." {
		t.Errorf("of nothing: %s", got)
	}
}

// TestLevels: k intervals that share alpha have 1 − α/k each, and no more is
// ever promised.
func TestLevels(t *testing.T) {
	for _, test := range []struct {
		comparisons int
		alpha       float64
		each        string
		together    string
	}{
		{0, 0.05, "95 %", ""},
		{1, 0.05, "95 %", ""},
		{1, 0.005, "99.5 %", ""},
		{1, 0.0001, "99.99 %", ""},
		{2, 0.05, "97.5 %", "each change has a 97.5 % interval, so that both hold together with 95 %"},
		{3, 0.05, "98.33 %", "each change has a 98.33 % interval, so that all 3 hold together with 95 %"},
		{4, 0.05, "98.75 %", "each change has a 98.75 % interval, so that all 4 hold together with 95 %"},
		{5, 0.05, "99 %", "each change has a 99 % interval, so that all 5 hold together with 95 %"},
		{6, 0.05, "99.16 %", "each change has a 99.16 % interval, so that all 6 hold together with 95 %"},
		{9, 0.05, "99.44 %", "each change has a 99.44 % interval, so that all 9 hold together with 95 %"},
		{2, 0.1, "95 %", "each change has a 95 % interval, so that both hold together with 90 %"},
		{2, 0.0001, "99.99 %", "each change has a 99.99 % interval, so that both hold together with 99.99 %"},
	} {
		r := &bench.Result{Spec: bench.DefaultSpec(), Candidates: make([]runner.Candidate, test.comparisons+1)}
		r.Spec.Alpha = test.alpha
		for i := range test.comparisons {
			r.Comparisons = append(r.Comparisons, bench.Comparison{Candidate: i + 1, Metric: bench.MetricReady, Level: 1 - test.alpha/float64(test.comparisons)})
		}
		v := look(r)
		if each, all := changeConfidence(v), together(v); each != test.each || all != test.together {
			t.Errorf("%d at alpha %v: %q, %q", test.comparisons, test.alpha, each, all)
		}
		if got, want := candidates(v).head[2], "ready (median) ["+chosen(1-test.alpha)+"]"; got != want {
			t.Errorf("a median's interval does not depend on comparisons: %q, want %q", got, want)
		}
	}
}

// TestSentenceOfSeveral: a line a candidate, with its target.
func TestSentenceOfSeveral(t *testing.T) {
	r := fixture{names: []string{"old", "new", "newer"}, times: map[string]time.Duration{"1": 620 * time.Millisecond, "2": 1150 * time.Millisecond}}.result(t)
	lines := strings.Split(Sentence(r), "\n")
	if len(lines) != 2 ||
		!strings.HasPrefix(lines[0], "new is ready 37 % sooner (375 ms; 97.5 % interval ") || !strings.Contains(lines[0], " p90 ≤ 1 s: not yet proved (12 of 12 in time") ||
		!strings.HasPrefix(lines[1], "newer is ready 17 % later (163 ms; 97.5 % interval ") || !strings.HasSuffix(lines[1], " p90 ≤ 1 s: missed (0 of 12 in time).") {
		t.Errorf("%q", lines)
	}
}

func TestUnits(t *testing.T) {
	inf := math.Inf(1)
	gain := func(x float64) *float64 { return &x }
	for _, test := range []struct{ got, want string }{
		{milliseconds(0), "0.00 ms"},
		{milliseconds(1.234), "1.23 ms"},
		{milliseconds(9.996), "10.0 ms"},
		{milliseconds(99.96), "100 ms"},
		{milliseconds(999.4), "999 ms"},
		{milliseconds(999.6), "1.00 s"},
		{milliseconds(12345), "12.3 s"},
		{milliseconds(99_960), "100 s"},
		{milliseconds(3.6e6), "3600 s"},
		{milliseconds(-250), "−250 ms"},
		{milliseconds(-inf), "−∞"},
		{milliseconds(math.NaN()), "–"},
		{limit(1000), "1 s"},
		{limit(800), "800 ms"},
		{limit(1250), "1.25 s"},
		{limit(60_000), "60 s"},
		{limit(0.5), "0.5 ms"},
		{limit(999.9), "0.9999 s"},
		{chosen(0.05), "5 %"},
		{chosen(0.125), "12.5 %"},
		{chosen(1 - 0.005), "99.5 %"},
		{chosen(0.07), "7 %"},
		{quantile(0.9), "p90"},
		{quantile(0.999), "p99.9"},
		{quantile(0.07), "p7"},
		{percent(-0.382), "−38.2 %"},
		{percent(0.004), "+0.4 %"},
		{percent(0.0001), "0.0 %"},
		{percent(-0.0001), "0.0 %"},
		{percent(0.0004), "0.0 %"},
		{percent(0.00051), "+0.1 %"},
		{percent(1.5), "+150 %"},
		{percent(inf), "∞"},
		{plain(-0.38), "38 %"},
		{plain(0.024), "2.4 %"},
		{plain(0.02), "2 %"},
		{bytes(0), "0 B"},
		{bytes(300), "300 B"},
		{bytes(1500), "2 kB"},
		{bytes(269e6), "269 MB"},
		{bytes(999_400_000), "999 MB"},
		{bytes(999_600_000), "1.00 GB"},
		{plural(1, "pair"), "1 pair"},
		{plural(0, "pair"), "0 pairs"},
		{withInterval(stats.Interval{Estimate: 2950, Low: 2320, High: 3800}), "2.95 s [2.32, 3.80]"},
		{withInterval(stats.Interval{Estimate: 1010, Low: 985, High: 1030}), "1.01 s [0.98, 1.03]"},
		{withInterval(stats.Interval{Estimate: 980, Low: 905, High: 1030}), "980 ms [905, 1030]"},
		{withInterval(stats.Interval{Estimate: 980, Low: -inf, High: inf}), "980 ms [not yet]"},
		{withInterval(stats.Interval{Estimate: 980, Low: 905, High: inf}), "980 ms [905, ∞]"},
		{withInterval(stats.Interval{Estimate: inf, Low: 905, High: inf}), "never [905 ms, ∞]"},
		{withInterval(stats.Interval{Estimate: inf, Low: inf, High: inf}), "never"},
		{withInterval(stats.Interval{Estimate: math.NaN()}), "–"},
		{changeWithInterval(bench.Change{Estimate: -0.429, Low: -0.508, High: -0.338}), "−42.9 % [−50.8, −33.8]"},
		{changeWithInterval(bench.Change{Estimate: -0.429, Low: -1, High: inf}), "−42.9 % [not yet]"},
		{changeWithInterval(bench.Change{Estimate: 0.02, Low: -0.01, High: inf}), "+2.0 % [−1.0, ∞]"},
		{changeWithInterval(bench.Change{Estimate: inf, Low: inf, High: inf}), "fails"},
		{changeWithInterval(bench.Change{Estimate: -1, Low: -1, High: -1}), "baseline fails"},
		{pairsSaved(nil), "–"},
		{pairsSaved(gain(0.35)), "35 %"},
		{pairsSaved(gain(0.042)), "4.2 %"},
		{pairsSaved(gain(0)), "0 %"},
		{pairsSaved(gain(-0.0001)), "0 %"},
		{pairsSaved(gain(-0.12)), "none: 12 % more"},
		{escape("a|b`c`<i>*_[x]~"), "a\\|b\\`c\\`&lt;i&gt;\\*\\_\\[x\\]\\~"},
		{escape("- a\nb"), "\\- a b"},
		{escape("@me #1 $x$ www.a.b"), "@\u200bme #\u200b1 &#36;x&#36; www\u200b.a.b"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	head, tail := strings.Repeat("h", 100), strings.Repeat("t", 100)
	same := head + tail
	for _, test := range []struct {
		names []string
		want  []string
	}{
		{[]string{"old", "new"}, []string{"old", "new"}},
		{[]string{head[:60], head[:61]}, []string{head[:60], head[:29] + "…" + head[:30]}},
		{[]string{"a\x01", "a\x02"}, []string{"a\uFFFD", "a\uFFFD (2)"}},
		{[]string{head + "1" + tail, "x", head + "2" + tail}, []string{
			head[:27] + "…" + tail[:28] + " (1)", "x", head[:27] + "…" + tail[:28] + " (3)",
		}},
		{[]string{strings.Repeat("é", 61), same}, []string{
			strings.Repeat("é", 29) + "…" + strings.Repeat("é", 30), same[:29] + "…" + same[170:],
		}},
	} {
		r := new(bench.Result)
		for _, name := range test.names {
			r.Candidates = append(r.Candidates, runner.Candidate{Name: name})
		}
		v := look(r)
		for i, got := range v.names {
			if got != test.want[i] || utf8.RuneCountInString(got) > maxName {
				t.Errorf("%.20q is called %q, want %q", test.names[i], got, test.want[i])
			}
		}
	}
	r := &bench.Result{Candidates: []runner.Candidate{{Name: same}, {Name: same + "x"}}}
	v := look(r)
	if got := v.told("\x1b" + same + "x and " + same); got != "\uFFFD"+v.names[1]+" and "+v.names[0] {
		t.Errorf("told %q", got)
	}
	// Whoever writes a file chooses how long its names are.
	endless := strings.Repeat("a", 4<<20)
	v = look(&bench.Result{Candidates: []runner.Candidate{{Name: endless}}})
	if got := v.told(endless + " ends"); got != v.names[0]+" ends" {
		t.Errorf("told %q", got)
	}
}

func TestProgressLine(t *testing.T) {
	of := func(name string, settled bool, pairs int, estimate, low, high float64) bench.Standing {
		return bench.Standing{Name: name, Settled: settled,
			Comparison: bench.Comparison{Pairs: pairs, Change: bench.Change{Estimate: estimate, Low: low, High: high}}}
	}
	inf := math.Inf(1)
	change := of("new", false, 12, -0.382, -0.41, -0.351)
	early := of("new", false, 3, -0.382, -1, inf)
	open := of("new:tag", false, 12, 0.003, -0.03, 0.041)
	settled := of("slim:tag", true, 12, -0.382, -0.41, -0.351)
	other := of("registry.example.com/team/service:distroless", false, 12, 0.021, -0.01, 0.055)
	two, three := []bench.Standing{settled, open}, []bench.Standing{settled, open, other}
	for _, test := range []struct {
		p     bench.Progress
		width int // 0: 120
		want  string
	}{
		{bench.Progress{Stage: bench.RoleWarmup, Candidate: "a\x1b", Done: 1, Limit: 2}, 0, "warm-up 1/2 │ a\uFFFD"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: []bench.Standing{change}, Left: 119 * time.Second}, 0,
			"pair 14/40 │ change −38.2 % [−41.0, −35.1] │ next look 16 │ ≈2 min left"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: []bench.Standing{change}, Left: 119 * time.Second}, 60,
			"pair 14/40 │ change −38.2 % │ next look 16 │ ≈2 min left"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: []bench.Standing{change}, Left: 119 * time.Second}, 40,
			"pair 14/40 │ next look 16 │ ≈2 min left"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Left: 119 * time.Second}, 20, "pair 14/40 │ next l…"},
		{bench.Progress{Stage: bench.RolePair, Done: 3, Limit: 40, NextLook: 8, Standings: []bench.Standing{early}}, 0,
			"pair 3/40 │ change −38.2 % │ next look 8"},
		{bench.Progress{Stage: bench.RoleLoad, Candidate: "new:tag", Done: 3, Limit: 7, Left: 100 * time.Second}, 0, "load 3/7 │ new:tag │ ≈2 min left"},
		{bench.Progress{Stage: bench.RoleTarget, Done: 3, Limit: 39, Left: 100 * time.Minute}, 0, "target 3/39 │ ≈2 h left"},
		{bench.Progress{Stage: bench.RolePair, Limit: 40, NextLook: 12, Standings: make([]bench.Standing, 2)}, 0, "pair 0/40 │ next look 12"},
		{bench.Progress{Stage: bench.RolePair, Done: 3, Limit: 40, NextLook: 12, Standings: []bench.Standing{early, of("b", false, 3, inf, -1, inf)}}, 0,
			"pair 3/40 │ new −38.2 %, b fails │ next look 12"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: two, Left: 119 * time.Second}, 0,
			"pair 14/40 │ 1/2 decided │ new:tag +0.3 % [−3.0, +4.1] │ next look 16 │ ≈2 min left"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: three}, 0,
			"pair 14/40 │ 1/3 decided │ new:tag +0.3 % [−3.0, +4.1], …vice:distroless +2.1 % [−1.0, +5.5] │ next look 16"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: three}, 85,
			"pair 14/40 │ 1/3 decided │ new:tag +0.3 %, …vice:distroless +2.1 % │ next look 16"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: three}, 70,
			"pair 14/40 │ 1/3 decided │ new:tag +0.3 %, 1 more │ next look 16"},
		{bench.Progress{Stage: bench.RolePair, Done: 14, Limit: 40, NextLook: 16, Standings: three}, 50,
			"pair 14/40 │ 1/3 decided │ 2 more │ next look 16"},
		{bench.Progress{Stage: bench.RoleTarget, Done: 16, Limit: 39, Standings: []bench.Standing{settled, settled}}, 0,
			"target 16/39 │ 2/2 decided"},
	} {
		if test.width == 0 {
			test.width = 120
		}
		got := ProgressLine(test.p, test.width)
		if got != test.want || twwidth.Width(got) > test.width {
			t.Errorf("%d columns: %q, want %q", twwidth.Width(got), got, test.want)
		}
	}
}

func TestWriters(t *testing.T) {
	r := fixtures[0].result(t)
	broken := errors.New("disk full")
	for _, name := range []string{"r.json", "dir/R.MD", "r.csv", "r.xml", "r.prom"} {
		w, err := Results.ForFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := w(full{broken}, r); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range Results.Names() {
		w, err := Results.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := w(full{broken}, r); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Results.Named("pdf"); err == nil || !strings.Contains(err.Error(), "markdown") {
		t.Error(err)
	}
	if _, err := Results.ForFile(filepath.Join("a.d", "r")); err == nil || !strings.Contains(err.Error(), ".md, .json, .html, .csv, .xml, .prom") {
		t.Error(err)
	}
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

// TestWitnesses: one row a compared candidate, and only what there is to show.
func TestWitnesses(t *testing.T) {
	some := 0.4
	of := func(x float64) bench.Change { return bench.Change{Estimate: x, Low: x - 0.01, High: x + 0.01} }
	ready := bench.Comparison{Candidate: 1, Metric: bench.MetricReady, Pairs: 8, Level: 0.95, Change: of(-0.1)}
	adjusted := ready
	adjusted.Raw, adjusted.CovariateGain = &bench.RawChange{Change: of(-0.2)}, &some
	cpu := bench.Comparison{Candidate: 1, Metric: bench.MetricCPU, Pairs: 8, Level: 0.95, Change: of(-0.3)}
	for _, test := range []struct {
		name string
		of   []bench.Comparison
		want string
	}{
		{"nothing", []bench.Comparison{ready}, ""},
		{"no pair", []bench.Comparison{{Candidate: 1, Metric: bench.MetricReady}, cpu}, ""},
		{"CPU time alone", []bench.Comparison{ready, cpu}, "candidate|change [95 %]|CPU time until ready [95 %]\nnew|−10.0 % [−11.0, −9.0]|−30.0 % [−31.0, −29.0]"},
		{"adjusted alone", []bench.Comparison{adjusted}, "candidate|change [95 %]|by times alone [95 %]|pairs saved\nnew|−10.0 % [−11.0, −9.0]|−20.0 % [−21.0, −19.0]|40 %"},
		{"both", []bench.Comparison{adjusted, cpu}, "candidate|change [95 %]|by times alone [95 %]|CPU time until ready [95 %]|pairs saved\n" +
			"new|−10.0 % [−11.0, −9.0]|−20.0 % [−21.0, −19.0]|−30.0 % [−31.0, −29.0]|40 %"},
	} {
		r := &bench.Result{Spec: bench.DefaultSpec(), Candidates: []runner.Candidate{{Name: "old"}, {Name: "new"}}, Comparisons: test.of}
		got := ""
		if w := witnesses(look(r)); len(w.rows) > 0 {
			got = strings.Join(w.head, "|")
			for _, row := range w.rows {
				got += "\n" + strings.Join(row, "|")
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestAdjustments: every covariate once, with what became of it.
func TestAdjustments(t *testing.T) {
	used := func(name string, coefficient float64) bench.CovariateUse {
		return bench.CovariateUse{Name: name, Used: true, Coefficient: coefficient}
	}
	better := bench.CovariateUse{Name: bench.CovariateProbe, Why: "told better by " + bench.CovariateCPUWait}
	influenced := bench.CovariateUse{Name: bench.CovariateResident, Imbalance: bench.Change{Estimate: -0.2, Low: -0.25, High: -0.1234}}
	for _, test := range []struct {
		name string
		of   [][]bench.CovariateUse
		edit func(*bench.Spec)
		line string // of a text
		want string
	}{
		{"none", [][]bench.CovariateUse{nil}, nil, "", ""},
		{"one", [][]bench.CovariateUse{{used(bench.CovariateCPUWait, 0.968), used(bench.CovariateSteal, -0.001), better, influenced}}, nil,
			"adjusted for waiting for a processor that others had (coefficient 0.97), processor time that the hypervisor gave to others (coefficient 0.00)",
			"adjusted for waiting for a processor that others had (coefficient 0.97)\n" +
				"adjusted for processor time that the hypervisor gave to others (coefficient 0.00)\n" +
				"not adjusted for a probe of the host's speed right before the start, told better by waiting for a processor that others had\n" +
				"not adjusted for the share of its files in memory, as it depends on the image (difference −0.200 [−0.250, −0.123])"},
		{"two", [][]bench.CovariateUse{{used(bench.CovariateCPUWait, 1), better}, {used(bench.CovariateCPUWait, 0.5), better, influenced}}, nil,
			"adjusted for waiting for a processor that others had (coefficient 0.50 to 1.00)",
			"adjusted for waiting for a processor that others had (coefficient 1.00 for one, 0.50 for two)\n" +
				"not adjusted for a probe of the host's speed right before the start, told better by waiting for a processor that others had (one, two)\n" +
				"not adjusted for the share of its files in memory, as it depends on the image (difference −0.200 [−0.250, −0.123] for two)"},
		{"not asked for", [][]bench.CovariateUse{nil, nil}, func(s *bench.Spec) { s.NoCovariate = true }, timesAlone, timesAlone},
		{"one of two", [][]bench.CovariateUse{{used(bench.CovariateSteal, 0.3)}, nil}, nil,
			"adjusted for processor time that the hypervisor gave to others (coefficient 0.30 in 1 of 2 comparisons)",
			"adjusted for processor time that the hypervisor gave to others (coefficient 0.30 for one)"},
	} {
		r := &bench.Result{Spec: bench.DefaultSpec(), Candidates: []runner.Candidate{{Name: "old"}, {Name: "one"}, {Name: "two"}}}
		for i, uses := range test.of {
			r.Comparisons = append(r.Comparisons, bench.Comparison{Candidate: i + 1, Metric: bench.MetricReady, Covariates: uses})
		}
		if test.edit != nil {
			test.edit(&r.Spec)
		}
		if got := strings.Join(adjustments(look(r)), "\n"); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		if got := adjustedFor(look(r)); got != test.line {
			t.Errorf("%s: %s, want %s", test.name, got, test.line)
		}
	}
}
