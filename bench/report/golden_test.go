package report

import (
	stdbytes "bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/runnertest"
)

var update = flag.Bool("update", false, "write the goldens anew")

func TestMain(m *testing.M) {
	flag.Parse()
	twwidth.SetEastAsian(false) // it looks at LANG and TERM otherwise
	os.Exit(m.Run())
}

// A fixture is an experiment on scripted starts.
type fixture struct {
	name  string
	names []string                 // "old" and "new" if there are none
	times map[string]time.Duration // of the nth candidate by its Ref, "0", "1", …; a second if not named
	noise float64                  // 0.02 if not said
	spec  func(*bench.Spec)
	fails func(ref string, n int) bool              // which starts fail
	log   []string                                  // what failed ones say
	stop  int                                       // the start before which the user interrupts; 0 for none
	load  float64                                   // what others use of the host, on average: so much longer it takes to compute
	waits map[string]float64                        // of the load each candidate feels, by Ref; all of it if not named
	same  bool                                      // all candidates are one image
	reads float64                                   // bytes per ns that a start takes, read from disk; with it go faults and memory
	gpus  func(ref string, n int) *runnertest.Shape // what starts have on GPUs; nil where nothing watches them
	host  *bench.GPUs
	serve *serving                 // what they answer under load; nil where nothing is loaded
	sizes []int64                  // of the candidates; all alike if there are none
	first map[string]time.Duration // how long after ready the first response is, by Ref; none if not named
	run   runnertest.Scripted
}

func (f fixture) result(t testing.TB) *bench.Result {
	t.Helper()
	if f.noise == 0 {
		f.noise = 0.02
	}
	if f.names == nil {
		f.names = []string{"old:tag", "new:tag"}
	}
	rng := rand.New(rand.NewPCG(3, 1))
	r := f.run
	r.Script = func(ref string, n int) (runner.Start, error) {
		base, ok := f.times[ref]
		if !ok {
			base = time.Second
		}
		took := time.Duration(float64(base) * math.Exp(f.noise*rng.NormFloat64()))
		s := runnertest.ReadyIn(took)
		if f.load > 0 {
			s = f.loaded(rng, ref, took)
		}
		if f.reads > 0 {
			read, faults, peak := int64(f.reads*float64(took)), int64(took/(5*time.Millisecond)), int64(took/5)
			s.ReadBytes, s.MajorFaults, s.PeakMemory = &read, &faults, &peak
		}
		if after, ok := f.first[ref]; ok {
			s.Marks[runner.FirstResponse] = runner.Mark{At: s.Marks[runner.Ready].At + after}
		}
		if f.serve != nil && f.serve.busy > 0 {
			f.serve.onGPU(&s)
		}
		if f.fails != nil && f.fails(ref, n) {
			s = runnertest.Failed(7)
			if f.log != nil {
				s.Log = f.log
			}
		}
		if f.gpus != nil {
			if shape := f.gpus(ref, n); shape != nil {
				s = runnertest.OnGPU(s, *shape)
			}
		}
		return s, nil
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	interrupted := errors.New("interrupted")
	starts := 0
	r.OnStart = func(string) {
		if starts++; starts == f.stop {
			cancel(interrupted)
		}
	}
	request := r.Info.GPURequest
	r.Info = runner.Host{Engine: "scripted 1.0", Storage: "overlay2", OS: "Linux", Kernel: "6.1", CPUs: 2, GPURequest: request}
	e := bench.Experiment{Spec: bench.DefaultSpec(), Runner: &r, Tool: bench.Tool{Version: "test", Go: "go", Command: append([]string{"compare"}, f.names...)}}
	e.GPU = f.host
	if f.load > 0 {
		e.Runner = gauged{&r, func() time.Duration { return time.Duration(20e6 * math.Exp(0.1*rng.NormFloat64())) }}
	}
	e.Spec.Seed = 7
	if f.spec != nil {
		f.spec(&e.Spec)
	}
	for i, name := range f.names {
		ref := string(rune('0' + i))
		if f.same {
			ref = "0"
		}
		c := runner.Candidate{Name: name, Ref: ref}
		if f.host != nil {
			c.GPUs = &gpu.Request{All: true}
		}
		e.Candidates = append(e.Candidates, c)
	}
	if f.serve != nil {
		f.serve.under(&e)
	}
	result, err := e.Run(ctx)
	var never *bench.NeverReadyError
	if err != nil && !errors.Is(err, interrupted) && !errors.As(err, &never) {
		t.Fatal(err)
	}
	if f.sizes != nil {
		for i := range result.Candidates {
			result.Candidates[i].UnpackedBytes = &f.sizes[i]
		}
		if err := result.Judge(); err != nil {
			t.Fatal(err)
		}
	}
	result.StartedAt = time.Date(2026, 11, 22, 12, 40, 54, 0, time.UTC)
	for i := range result.Starts {
		result.Starts[i].BeginAt = result.StartedAt.Add(time.Duration(i) * time.Second)
	}
	return result
}

// loaded is a start that computes for nine tenths of its time, and waits for
// others meanwhile; a part of that is the hypervisor's doing.
func (f fixture) loaded(rng *rand.Rand, ref string, took time.Duration) runner.Start {
	felt, ok := f.waits[ref]
	if !ok {
		felt = 1
	}
	cpu := took * 9 / 10
	wait := time.Duration(f.load * felt * rng.ExpFloat64() * float64(cpu))
	steal := time.Duration(f.load / 4 * rng.ExpFloat64() * float64(cpu))
	s := runnertest.ReadyIn(took + wait + steal)
	s.CPU, s.CPUWait, s.Steal = &cpu, &wait, &steal
	return s
}

// gauged is a scripted runner that can measure the host's speed.
type gauged struct {
	*runnertest.Scripted
	gauge func() time.Duration
}

func (g gauged) Gauge() (time.Duration, bool) { return g.gauge(), true }

func pull(s *bench.Spec) { s.Cold = bench.Pull }

func is(ref string, every int) func(string, int) bool {
	return func(r string, n int) bool { return r == ref && n > 0 && n%every == 0 }
}

func in(ms int) map[string]time.Duration {
	return map[string]time.Duration{"1": time.Duration(ms) * time.Millisecond}
}

var stairs = map[string]time.Duration{"0": 2 * time.Second, "1": 1900 * time.Millisecond, "2": 1200 * time.Millisecond, "3": 1250 * time.Millisecond}

var hostile = []string{
	"old\x1b[2J\x1b]0;title\a|`x`<script>alert(1)</script> @everyone #1 $x$ https://evil.test",
	"new\n\n# heading\r\u202eright\u200f\u2028**bold** ![i](http://x) \\| =1+1",
}

var long = strings.Repeat("0123456789", 1000)

var fixtures = []fixture{
	{name: "faster", times: in(620)},
	{name: "regression", times: in(1150)},
	{name: "no_regression"},
	{name: "inconclusive", times: in(1050), spec: func(s *bench.Spec) { s.MaxPairs = 12 }},
	{name: "one_pair", times: in(700), spec: func(s *bench.Spec) { s.Pairs = 1 }},
	{name: "slower_within_margin", times: in(1020), spec: func(s *bench.Spec) { s.Goal = bench.Claim }},
	{name: "failures", fails: is("1", 4), spec: func(s *bench.Spec) { s.Pairs = 12 }},
	{name: "failures_most", fails: func(r string, n int) bool { return r == "1" && n > 0 && n%3 > 0 }, spec: func(s *bench.Spec) { s.Pairs = 12 }},
	{name: "failures_of_the_baseline", fails: func(r string, n int) bool { return r == "0" && n > 0 && n%3 > 0 }, spec: func(s *bench.Spec) { s.Pairs = 12 }},
	{name: "never_ready", fails: func(string, int) bool { return true }},
	{name: "single", names: []string{"image:tag"}, spec: func(s *bench.Spec) { s.TargetMS = 1500 }},
	{name: "single_fails", names: []string{"image:tag"}, fails: func(_ string, n int) bool { return n > 0 && n%3 > 0 }, spec: func(s *bench.Spec) { s.Pairs = 12 }},
	{name: "three", names: []string{"old:tag", "new:tag", "newer:tag"}, times: map[string]time.Duration{"1": 900 * time.Millisecond, "2": 300 * time.Millisecond}},
	{name: "three_one_slower", names: []string{"old:tag", "new:tag", "newer:tag"}, times: map[string]time.Duration{"1": 620 * time.Millisecond, "2": 1150 * time.Millisecond}},
	{name: "three_undecided", names: []string{"old:tag", "new:tag", "newer:tag"}, times: map[string]time.Duration{"1": 620 * time.Millisecond, "2": 1050 * time.Millisecond},
		spec: func(s *bench.Spec) { s.MaxPairs = 16 }},
	{name: "three_interrupted", names: []string{"old:tag", "new:tag", "newer:tag"}, stop: 12},
	{name: "ten", names: []string{
		"service:v1", "service:v2", "service:v3", "service:v4", "service:v5", "service:v6", "service:v7", "service:v8", "service:v9", "service:v10",
	}, times: in(620), fails: is("5", 4), spec: func(s *bench.Spec) { s.Pairs, s.TargetGates = 12, true }},
	{name: "steps", names: []string{"service:naive", "service:slim", "service:lean", "service:new"}, times: stairs, sizes: []int64{2050e6, 1240e6, 269e6, 269e6},
		first: map[string]time.Duration{"0": 20e6, "1": 20e6, "2": 500e6, "3": 20e6}, spec: func(s *bench.Spec) { s.Pairs, s.Steps = 12, true }},
	{name: "steps_three_pairs", names: []string{"service:naive", "service:slim", "service:lean"}, times: stairs, spec: func(s *bench.Spec) { s.Pairs, s.Steps = 3, true }},
	{name: "steps_fails", names: []string{
		"registry.example.com/team/service-with-a-rather-long-name:old", "registry.example.com/team/service-with-a-rather-long-name:new", hostile[0],
	}, times: stairs, load: 0.15, fails: is("1", 2), spec: func(s *bench.Spec) { s.Pairs, s.Steps, s.AllowFailures = 12, true, 12 }},
	{name: "steps_two", times: in(620), spec: func(s *bench.Spec) { s.Steps = true }},
	{name: "interrupted", times: in(700), stop: 10},
	{name: "interrupted_at_once", stop: 4},
	{name: "target_met", times: in(620), spec: func(s *bench.Spec) { s.TargetGates = true }},
	{name: "target_missed", times: in(620), spec: func(s *bench.Spec) { s.TargetGates, s.TargetMS = true, 500 }},
	{name: "target_undecided", times: in(620), spec: func(s *bench.Spec) {
		s.TargetGates, s.Pairs, s.Quantile, s.FailOn = true, 12, 0.95, append(s.FailOn, bench.Inconclusive)
	}},
	{name: "size", spec: func(s *bench.Spec) { n := int64(800e6); s.MaxBytes = &n }},
	{name: "size_fits", spec: func(s *bench.Spec) { n := int64(1250e6); s.MaxBytes = &n }},
	{name: "cache", run: runnertest.Scripted{Evictable: true, Provable: true}},
	{name: "cache_not_quite", run: runnertest.Scripted{Evictable: true, Provable: true, Stays: 2e6}, spec: func(s *bench.Spec) { s.Cold = bench.Cache }},
	{name: "auto_stays_warm", run: runnertest.Scripted{Evictable: true, Provable: true, Stays: 38.8e6}},
	{name: "costs", times: in(620), load: 0.15, reads: 0.1, run: runnertest.Scripted{Evictable: true, Provable: true}},
	{name: "costs_one_pair", times: in(620), reads: 0.1, spec: func(s *bench.Spec) { s.Pairs = 1 }, run: runnertest.Scripted{Evictable: true, Provable: true}},
	{name: "costs_warm", times: in(620), reads: 0.03, spec: func(s *bench.Spec) { s.Cold = bench.Warm }, run: runnertest.Scripted{Evictable: true, Provable: true}},
	{name: "costs_not_cold", times: in(620), reads: 0.000001, spec: func(s *bench.Spec) { s.Cold = bench.Cache }, run: runnertest.Scripted{Evictable: true, Provable: true}},
	{name: "costs_not_proved", times: in(620), reads: 0.1, spec: func(s *bench.Spec) { s.Cold = bench.Cache }, run: runnertest.Scripted{Evictable: true}},
	{name: "costs_ten", names: []string{
		"service:v1", "service:v2", "service:v3", "service:v4", "service:v5", "service:v6", "service:v7", "service:v8", "service:v9", "service:v10",
	}, times: in(620), load: 0.15, reads: 0.1, spec: func(s *bench.Spec) { s.Pairs = 12 }, run: runnertest.Scripted{Evictable: true, Provable: true}},
	{name: "pull", times: in(620), run: runnertest.Scripted{Pullable: true}, spec: pull},
	{name: "pull_partly_cold", run: runnertest.Scripted{Pullable: true, Here: 3}, fails: is("1", 4), spec: func(s *bench.Spec) { pull(s); s.Pairs = 12 }},
	{name: "pull_ten", names: []string{
		"service:v1", "service:v2", "service:v3", "service:v4", "service:v5", "service:v6", "service:v7", "service:v8", "service:v9", "service:v10",
	}, run: runnertest.Scripted{Pullable: true}, spec: func(s *bench.Spec) { pull(s); s.Pairs = 12 }},
	{name: "hostile", names: hostile, fails: is("1", 4), spec: func(s *bench.Spec) { s.Pairs = 12 },
		log: []string{"\x1b[31mTraceback <img src=x onerror=alert(1)> | `rm -rf /` @everyone\r\n\u202egnp.exe " + long}},
	{name: "adjusted", times: in(920), load: 0.15, spec: func(s *bench.Spec) { s.Pairs = 20 }},
	{name: "adjusted_not", times: in(920), load: 0.15, spec: func(s *bench.Spec) { s.Pairs, s.NoCovariate = 20, true }},
	{name: "adjusted_one_pair", times: in(920), load: 0.15, spec: func(s *bench.Spec) { s.Pairs = 1 }},
	{name: "adjusted_three", names: []string{"old:tag", "new:tag", "newer:tag"}, times: in(920), load: 0.1, waits: map[string]float64{"2": 4},
		spec: func(s *bench.Spec) { s.Pairs = 20 }},
	{name: "adjusted_ten", names: []string{
		"service:v1", "service:v2", "service:v3", "service:v4", "service:v5", "service:v6", "service:v7", "service:v8", "service:v9", "service:v10",
	}, times: in(620), load: 0.15, waits: map[string]float64{"5": 6, "7": 0}, fails: is("9", 4), spec: func(s *bench.Spec) { s.Pairs = 20 }},
	{name: "adjusted_long_names", times: in(620), load: 0.15, names: []string{
		"registry.example.com/team/service-with-a-rather-long-name:old", "registry.example.com/team/service-with-a-rather-long-name:new",
	}},
	{name: "same_image", names: []string{"image:tag", "image:tag (again)"}, same: true, load: 0.15, spec: func(s *bench.Spec) { s.Pairs = 20 }},
	{name: "adjusted_influenced", load: 0.05, noise: 0.01, waits: map[string]float64{"1": 12}, spec: func(s *bench.Spec) { s.Pairs = 24 }},
	{name: "long_names", times: in(620), names: []string{
		"registry.example.com/team/service-with-a-rather-long-name:old", "registry.example.com/team/service-with-a-rather-long-name:new",
	}, fails: is("0", 5), spec: func(s *bench.Spec) { s.TargetGates = true; s.AllowFailures = 9 }},
	{name: "gpu", times: in(4200), noise: 0.01, host: oneGPU, gpus: loading, run: runnertest.Scripted{Info: runner.Host{GPURequest: "device request, by the runtime's hook"}},
		spec: func(s *bench.Spec) { s.MaxGPUBytes = new(int64(10e9)) }},
	{name: "gpu_one", names: []string{"image:tag"}, host: oneGPU, gpus: loading, spec: func(s *bench.Spec) { s.MaxGPUBytes = new(int64(10e9)) }},
	{name: "gpu_ten", names: []string{
		"service:v1", "service:v2", "service:v3", "service:v4", "service:v5", "service:v6", "service:v7", "service:v8", "service:v9", "service:v10",
	}, host: oneGPU, gpus: loading, spec: func(s *bench.Spec) { s.Pairs = 12 }},
	{name: "gpu_hostile", names: hostile, host: hostileGPUs, fails: is("1", 4), gpus: hostileUse, run: runnertest.Scripted{Info: runner.Host{GPURequest: hostile[0] + long}},
		spec: func(s *bench.Spec) { s.Pairs, s.MaxGPUBytes = 12, new(int64(1)) }},
	{name: "gpu_by_device", host: oneGPU, gpus: byDevice, spec: func(s *bench.Spec) { s.MaxGPUBytes = new(int64(10e9)) }},
	{name: "gpu_without_driver", host: &bench.GPUs{}, spec: func(s *bench.Spec) { s.Pairs, s.MaxGPUBytes = 12, new(int64(10e9)) }},
	{name: "load_slower", times: in(620), serve: &serving{perSecond: map[string]float64{"1": 160}}},
	{name: "load_same", serve: &serving{}},
	{name: "load_at_a_rate", serve: &serving{rate: 250}},
	{name: "load_dies", times: in(620), serve: &serving{dies: "1"}},
	{name: "load_fails", fails: func(r string, n int) bool { return r == "1" && n > 8 && n%2 == 0 }, serve: &serving{problem: "503 Service\u202e <Unavailable>"}},
	{name: "load_single", names: []string{"image:tag"}, serve: &serving{}},
	{name: "load_interrupted", times: in(620), serve: &serving{}, stop: 22},
	{name: "load_gpu_long_names", serve: &serving{perSecond: map[string]float64{"1": 3210, "2": 12}, busy: 87}, names: []string{
		"registry.example.com/team/service-with-a-rather-long-name:old", "registry.example.com/team/service-with-a-rather-long-name:new", "newer:tag",
	}},
	{name: "endless_names", times: in(620), names: []string{long + "a" + long, long + "b" + long, long + "c"}},
}

func TestGoldens(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			r := f.result(t)
			var text, md stdbytes.Buffer
			if err := errors.Join(Text(&text, r), Markdown(&md, r)); err != nil {
				t.Fatal(err)
			}
			golden(t, f.name+".text.golden", text.Bytes())
			golden(t, f.name+".md.golden", md.Bytes())
			checkText(t, r, text.String())
			checkMarkdown(t, r, md.String())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o777), os.WriteFile(path, got, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: go test ./bench/report -update writes it", err)
	}
	if !stdbytes.Equal(got, want) {
		t.Errorf("%s is not what came out; go test ./bench/report -update and git diff show where:\n%s", path, got)
	}
}

// checkText checks what holds for every text report.
func checkText(t *testing.T, r *bench.Result, text string) {
	t.Helper()
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !strings.HasSuffix(text, "\n"+Sentence(r)+"\n") {
		t.Errorf("it does not end with the sentence: %q", rows[len(rows)-1])
	}
	for _, row := range rows {
		if table := strings.HasPrefix(row, " ") && !strings.HasPrefix(row, "  ") || strings.HasPrefix(row, "──"); table && twwidth.Width(row) > maxWidth {
			t.Errorf("%d columns: %s", twwidth.Width(row), row)
		}
	}
	checkPrintable(t, text)
}

// checkPrintable checks what holds for every text.
func checkPrintable(t *testing.T, text string) {
	t.Helper()
	for row := range strings.Lines(text) {
		if strings.HasSuffix(row, " \n") {
			t.Errorf("space at the end of %q", row)
		}
	}
	if i := strings.IndexFunc(text, func(c rune) bool {
		return c != '\n' && (unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp))
	}); i >= 0 {
		t.Errorf("it can move a cursor: %q", text[i:min(i+40, len(text))])
	}
}

// checkMarkdown checks what holds for every Markdown report.
func checkMarkdown(t *testing.T, r *bench.Result, md string) {
	t.Helper()
	head, _, _ := strings.Cut(md, "\n\n")
	if want := "mlbench: " + string(r.Verdict); !strings.HasPrefix(head, "### ") || !strings.HasSuffix(head, want) {
		t.Errorf("it begins with %.60q", md)
	}
	if len(md) > maxMarkdown {
		t.Errorf("%d bytes", len(md))
	}
	text, ok := strings.CutSuffix(md, "\n"+Marker(r)+"\n")
	if !ok || strings.Contains("\n"+text+"\n", "\n"+Marker(r)+"\n") {
		t.Errorf("its last line, and no other, is not the marker %s: …%q", Marker(r), md[max(0, len(md)-100):])
	}
	checkMarkup(t, withoutCode(t, text))
}

// withoutCode leaves blocks of code out, in which nothing has to be escaped,
// and checks that each is closed by its own fence.
func withoutCode(t *testing.T, md string) string {
	t.Helper()
	var rest strings.Builder
	fence := ""
	for line := range strings.Lines(md) {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		info := strings.TrimSuffix(line[len(ticks):], "\n")
		switch {
		case fence == "" && len(ticks) >= 3:
			if fence = ticks; info != "text" && info != "sh" {
				t.Errorf("it opens a block with %q", line)
			}
		case fence == "":
			rest.WriteString(line)
		case len(ticks) >= len(fence):
			if fence = ""; info != "" {
				t.Errorf("%q is taken for the end of a block", line)
			}
		default:
			checkPrintable(t, line)
		}
	}
	if fence != "" {
		t.Errorf("a block is not closed: %.200q", md)
	}
	return rest.String()
}

// checkMarkup checks what holds for every Markdown text.
func checkMarkup(t *testing.T, md string) {
	t.Helper()
	if len(md) > maxMarkdown {
		t.Errorf("%d bytes", len(md))
	}
	if strings.Count(md, "<details>") != strings.Count(md, "</details>") {
		t.Error("details are not closed")
	}
	foreign := strings.NewReplacer("<details>", "", "</details>", "", "<summary>", "", "</summary>", "").Replace(md)
	if strings.ContainsAny(foreign, "<>\r\x1b") {
		t.Error("there is markup in it")
	}
	for _, bad := range []string{"@e", "://", "](", " `", "$"} {
		if strings.Contains(strings.ReplaceAll(md, `\]`, ""), bad) {
			t.Errorf("it contains %q", bad)
		}
	}
	columns := 0
	for row := range strings.Lines(md) {
		n := strings.Count(strings.ReplaceAll(row, `\|`, ""), "|")
		if columns > 0 && n > 0 && n != columns {
			t.Errorf("%d bars instead of %d: %s", n, columns, row)
		}
		columns = n
	}
}

// TestMarkdownFitsAComment renders more than fits.
func TestMarkdownFitsAComment(t *testing.T) {
	r := fixture{fails: is("1", 4), spec: func(s *bench.Spec) { s.Pairs = 12 }}.result(t)
	base, many := *r, 300
	for i := 2; i < many; i++ {
		base.Candidates = append(base.Candidates, runner.Candidate{Name: long[:200] + strings.Repeat("&", 50), Digest: long})
		c := base.Comparisons[0]
		c.Candidate = i
		base.Comparisons = append(base.Comparisons, c)
		base.Gates = append(base.Gates, bench.Gate{Name: bench.GateSize, Candidate: i, Why: long})
		base.Warnings = append(base.Warnings, strings.Repeat("<", 3000))
		base.Cold.Evidence = append(base.Cold.Evidence, bench.Evidence{Candidate: i, TotalBytes: 1})
	}
	base.Tool.Version, base.Host.Kernel, base.Cold.How, base.Cold.Why = long, long, long, long
	for _, n := range []int{2, 3, 10, 50, many} {
		cut := base
		cut.Candidates, cut.Comparisons, cut.Gates = base.Candidates[:n], base.Comparisons[:n-1], base.Gates[:n]
		cut.Warnings, cut.Cold.Evidence = base.Warnings[:n-2], base.Cold.Evidence[:n-2]
		var md stdbytes.Buffer
		if err := Markdown(&md, &cut); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, &cut, md.String())
		cutNote := strings.Contains(md.String(), "**Too long for a comment:** ")
		if want := n > 10; cutNote != want {
			t.Errorf("with %d candidates it says that something is left out: %v, want %v", n, cutNote, want)
		}
		if s := md.String(); n > 10 && (!strings.Contains(s, "candidates shortened, bars shortened") || !strings.Contains(s, "\n| new:tag ") || !strings.Contains(s, "```text\n")) {
			t.Errorf("with %d candidates the table or the bars are left out", n)
		}
	}
}

// TestMarkdownCutsTheLeastFirst: hundreds of warnings, endless names, and names
// that are all longer escaped cost none of what a reader decides by.
func TestMarkdownCutsTheLeastFirst(t *testing.T) {
	dense := strings.Repeat("$&<@!", 20)
	var names []string
	for i := range 10 {
		names = append(names, dense+strings.Repeat(string(rune('a'+i)), 40)+dense)
	}
	for _, test := range []struct {
		name        string
		names       []string
		warnings    int
		cut, intact []string
	}{
		{"short", nil, 3, nil, []string{"| regression |", "- cold:", "warning 2 "}},
		{"warnings", nil, 500, []string{"comment:** warnings shortened. mlbench"}, []string{"| new:tag ", "```text", "mlbench compare ", "500 warnings", "warning 19 ", "- and 480 more", "| boot", "- cold:"}},
		{"names", names, 500, []string{"comment:** warnings shortened. mlbench"}, []string{"```text", "baseline", "- gate ", "warning 0 ", "- cold:"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := fixture{names: test.names, times: in(1150), spec: func(s *bench.Spec) { s.Pairs = 12 }}.result(t)
			for i := range test.warnings {
				r.Warnings = append(r.Warnings, fmt.Sprintf("warning %d %s", i, dense+long))
			}
			var md stdbytes.Buffer
			if err := Markdown(&md, r); err != nil {
				t.Fatal(err)
			}
			checkMarkdown(t, r, md.String())
			if note := strings.Contains(md.String(), "Too long"); note != (test.cut != nil) {
				t.Errorf("it says that something is left out: %v", note)
			}
			for _, want := range append(test.intact, test.cut...) {
				if !strings.Contains(md.String(), want) {
					_, note, _ := strings.Cut(md.String(), "Too long")
					t.Errorf("no %q in %.300q, which cuts%.300q", want, md.String(), note)
				}
			}
		})
	}
}
