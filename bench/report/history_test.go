package report

import (
	stdbytes "bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/runner"
)

// night is the nth run of a history: times go up, the kernel changes, one run
// fails and one is interrupted.
func night(n int, name string) history.Entry {
	r := &bench.Result{
		Schema: bench.Schema, Tool: bench.Tool{Version: "v1", Go: "go1.26"}, Spec: bench.DefaultSpec(), Ended: bench.EndedFixed,
		StartedAt: time.Date(2026, 9, 1, 3, 0, 0, 0, time.UTC).AddDate(0, 0, n), Cold: bench.Cold{Level: bench.Cache},
		Host:       runner.Host{Engine: "Docker Engine 28.5.2", Storage: "overlay2", Kernel: "6.8.0", Arch: "amd64", CPU: "Xeon", CPUs: 8, MemoryBytes: 32 << 30},
		Candidates: []runner.Candidate{{Name: "reference:1", Ref: "reference:1"}, {Name: name, Ref: name}},
	}
	r.Spec.Pairs, r.Spec.Seed = 8, uint64(n)
	if n >= 20 {
		r.Host.Kernel = "6.12.0"
	}
	for block := range r.Spec.Pairs {
		for i := range r.Candidates {
			ms := 900 + float64(7*block%11) + float64(13*n%17)
			if i == 1 {
				ms *= 1 + float64(n)/100
			}
			s := bench.Start{Candidate: i, Role: bench.RolePair, Block: block, Position: i, BeginAt: r.StartedAt, Outcome: runner.OutcomeReady, ReadyMS: &ms}
			if n == 7 && i == 1 {
				s.Outcome, s.ReadyMS = runner.OutcomeExited, nil
			}
			r.Starts = append(r.Starts, s)
		}
	}
	switch n {
	case 7:
		r.Ended = bench.EndedFailed
	case 9:
		r.Ended, r.Starts = bench.EndedInterrupted, r.Starts[:5]
	}
	if err := r.Judge(); err != nil {
		panic(err)
	}
	e := history.New(r, fmt.Sprintf("night-%d.json", n))
	e.AppendedAt = r.StartedAt.Add(time.Minute)
	return e
}

func logged(t testing.TB, entries ...history.Entry) *history.Report {
	t.Helper()
	var b stdbytes.Buffer
	for _, e := range entries {
		if err := json.NewEncoder(&b).Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	log, err := history.ReadFrom(&b)
	if err != nil {
		t.Fatal(err)
	}
	return history.Look("runs", log, history.Filter{}, bench.Tool{Version: "v1", Go: "go1.26"})
}

// aHistory is of 26 nights, on two hosts, and a night that is there twice.
func aHistory(t *testing.T) *history.Report {
	t.Helper()
	var entries []history.Entry
	for n := range 26 {
		entries = append(entries, night(n, "svc:new"))
	}
	return logged(t, append(entries, entries[3])...)
}

func TestHistoryGoldens(t *testing.T) {
	r := aHistory(t)
	for _, f := range Histories {
		var out stdbytes.Buffer
		if err := f.Write(&out, r); err != nil {
			t.Fatal(err)
		}
		suffix := f.Suffix
		switch suffix {
		case "":
			suffix = ".txt"
		case ".html":
			checkHTML(t, out.String())
		}
		golden(t, "history"+suffix, unstyled(out.Bytes()))
	}
}

// TestHistoryHostile draws what names and facts of a hostile file could do.
func TestHistoryHostile(t *testing.T) {
	hostile := "`|</td><script>alert(1)</script>\x1b[2J\u202e\n```\n# @all" + strings.Repeat("名", 3000)
	var entries []history.Entry
	for n := range 300 {
		e := night(n%20, fmt.Sprint(hostile, n))
		e.ID, e.Verdict, e.Ended = fmt.Sprintf("%d|<b>\x1b", n), bench.GateVerdict(hostile), bench.EndedLimit
		e.Fingerprint.Kernel = fmt.Sprint(hostile, n)
		e.Candidates[1].Setup = history.Setup{hostile, "=", ""}
		entries = append(entries, e)
	}
	r := logged(t, entries...)
	if len(r.Series) < 300 {
		t.Fatalf("%d series, passed over %+v", len(r.Series), r.Passed)
	}
	for _, f := range Histories {
		if f.Name == "json" {
			continue // for programs
		}
		var out stdbytes.Buffer
		if err := f.Write(&out, r); err != nil {
			t.Fatal(err)
		}
		if f.Suffix == ".html" {
			checkHTML(t, out.String())
			if out.Len() > 1e6 {
				t.Errorf("HTML of %d bytes", out.Len())
			}
		}
		for _, c := range out.String() {
			if c != '\n' && c != '\u200b' && unicode.In(c, unicode.Cc, unicode.Cf) {
				t.Fatalf("%s has %q", f.Name, c)
			}
		}
		if f.Name == "markdown" {
			if out.Len() > maxMarkdown || strings.Contains(out.String(), "<script") {
				t.Errorf("markdown of %d bytes: %.300s", out.Len(), out.String())
			}
			if fences := strings.Count(out.String(), "\n```"); fences%2 != 0 {
				t.Errorf("%d fences", fences)
			}
		}
	}
}

func TestTrend(t *testing.T) {
	at := func(low, estimate, high float64) history.Point {
		return history.Point{Ready: &history.Interval{Estimate: &estimate, Low: &low, High: &high}}
	}
	only := func(x float64) history.Point { return history.Point{Ready: &history.Interval{Estimate: &x}} }
	many := make([]history.Point, 6000)
	for i := range many {
		many[i] = at(float64(i), float64(i)+10, float64(i)+20)
	}
	for _, test := range []struct {
		name   string
		points []history.Point
		want   []string
	}{
		{"going up", []history.Point{at(100, 110, 120), at(150, 160, 170), at(260, 280, 300)},
			[]string{"high   ▁▃█", "ready  ▁▃█", "low    ▁▃▇", "scale  100–300 ms (median with its 95 % interval)"}},
		{"one", []history.Point{at(5, 5, 5)}, []string{"high   ▅", "ready  ▅", "low    ▅", "scale  5.00 ms"}},
		{"no intervals", []history.Point{only(1), only(2)},
			[]string{"high   ··", "ready  ▁█", "low    ··", "scale  1.00–2.00 ms (median with its 95 % interval)"}},
		{"never", []history.Point{{}, {Ready: &history.Interval{}}},
			[]string{"high     ", "ready  ××", "low      ", "scale  none; × never ready: 2 runs"}},
		{"many", many, []string{
			"high   ▁▁▁▁▁▁▁▂▂▂▂▂▂▂▃▃▃▃▃▃▃▃▄▄▄▄▄▄▄▅▅▅▅▅▅▅▅▆▆▆▆▆▆▆▇▇▇▇▇▇▇▇████████",
			"ready  ▁▁▁▁▁▁▁▂▂▂▂▂▂▂▂▃▃▃▃▃▃▃▄▄▄▄▄▄▄▄▅▅▅▅▅▅▅▅▆▆▆▆▆▆▆▇▇▇▇▇▇▇▇███████",
			"low    ▁▁▁▁▁▁▁▁▂▂▂▂▂▂▂▂▃▃▃▃▃▃▃▄▄▄▄▄▄▄▄▅▅▅▅▅▅▅▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇███████",
			"scale  0.00 ms–6.02 s (median with its 95 % interval); a column is the median of about 100 runs, and the outermost bounds",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := trend(test.points)
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("drew\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// BenchmarkHistory reads 100,000 runs, which is to take less than 2 s, lists
// all and draws them, in every format.
func BenchmarkHistory(b *testing.B) {
	var file stdbytes.Buffer
	to := json.NewEncoder(&file)
	to.SetEscapeHTML(false)
	e := night(30, "registry.example/team/service:tag")
	for n := range 100_000 {
		e.ID = fmt.Sprintf("%016x", n)
		e.StartedAt = e.StartedAt.Add(time.Minute)
		e.AppendedAt = e.StartedAt.Add(time.Second)
		if err := to.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range Histories {
		b.Run(f.Name+f.Suffix, func(b *testing.B) {
			b.SetBytes(int64(file.Len()))
			for b.Loop() {
				log, err := history.ReadFrom(stdbytes.NewReader(file.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				r := history.Look("runs", log, history.Filter{}, bench.Tool{})
				r.List = 100
				if len(r.Series) != 2 || len(r.Entries) != 100_000 {
					b.Fatalf("%d series, %d runs", len(r.Series), len(r.Entries))
				}
				if err := f.Write(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
