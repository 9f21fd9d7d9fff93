package report

import (
	stdbytes "bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/bench/nightly"
)

func only(x float64) *float64 { return &x }

func around(x, by float64) history.Interval {
	return history.Interval{Estimate: only(x), Low: only(x - by), High: only(x + by)}
}

// nightReport is a night of which there is something of every kind to tell.
func nightReport() *nightly.Report {
	began := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	moment := func(day int, digest string) history.Moment {
		return history.Moment{Run: fmt.Sprintf("%016x", day), StartedAt: began.AddDate(0, 0, day), Digest: digest}
	}
	const before, after = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	r := &nightly.Report{
		Schema: nightly.Schema, Tool: bench.Tool{Version: "v1", Go: "go1.26"}, Folder: "runs", Run: "00000000000000ff", StartedAt: began, Ended: bench.EndedFixed, Nights: 34,
		Result: "runs/results/20261120T020000Z-ff.json", Spec: bench.DefaultSpec(), Reference: history.Candidate{Name: "reference:1", Digest: before}, Verdict: bench.Fail,
		Failed:   []nightly.Failed{{Gate: "size", Candidate: "slower:tag", Verdict: bench.Fail, Why: "901 MB unpacked, at most 800 MB wanted"}},
		Warnings: []string{"since the night before kernel is another: 6.8 → 6.9. A new series begins: nights before are not compared with this one"},
		Changes:  []history.Change{},
	}
	r.Spec.Pairs, r.Spec.MaxPairs = 20, 100
	add := func(name string, state nightly.State, change float64) {
		ready, against := around(400*(1+change), 12), around(2+change, 0.05)
		s := nightly.Standing{Candidate: name, Digest: after, Ready: &ready, Change: &against, SinceLevel: &change, Nights: 24, State: state}
		for n := range 40 {
			s.Trend = append(s.Trend, only(2+float64(n%3)/100))
		}
		s.Trend[38], s.Trend[39] = nil, only(2+change)
		if state == nightly.Learning {
			s.Nights, s.Needs, s.SinceLevel, s.Trend = 1, 9, nil, s.Trend[39:]
		}
		if state == nightly.Unmeasured {
			s.Ready, s.Change, s.SinceLevel, s.Trend, s.Nights = nil, nil, nil, nil, 0
		}
		r.Candidates = append(r.Candidates, s)
	}
	changed := func(name string, state history.State, by float64, old, new string, against history.Against) *history.Change {
		add(name, nightly.State(state), by)
		r.Changes = append(r.Changes, history.Change{
			Schema: history.ChangeSchema, ID: name, Series: "s", Candidate: name, Night: r.Run, Before: moment(-2, old), After: moment(-1, new), Nights: 2, Seen: by + 0.01, P: 0.0025, State: state,
			Verification: &history.Verification{
				Against: against, Old: old, New: name, Pairs: 12, Change: around(by, 0.02), ShiftMS: around(400*by, 8), Level: 0.95,
				Verdict: map[history.State]bench.Verdict{history.SlowDown: bench.Regression, history.SlightSlowDown: bench.Slower, history.SpeedUp: bench.Faster, history.Refuted: bench.NoRegression, history.Suspected: bench.Undecided}[state],
				Phase:   &history.PhaseShift{Name: "boot", ShiftMS: 390 * by, Share: 0.95}, Result: "results/again.json",
				Command: []string{"compare", old, name, "--pairs", "12", "--seed", "8"},
			},
		})
		return &r.Changes[len(r.Changes)-1]
	}
	changed("slower:tag", history.SlowDown, 0.12, before, after, history.AgainstOld)
	changed("slightly:tag", history.SlightSlowDown, 0.03, before, after, history.AgainstOld)
	outside := changed("outside:tag", history.SlowDown, 0.2, before, before, history.AgainstReference)
	outside.Why = "the image is the same as before the change: what changed is outside of it, as are volumes, what it downloads, the host"
	changed("faster:tag", history.SpeedUp, -0.15, before, after, history.AgainstOld)
	changed("suspected:tag", history.Suspected, 0.05, before, after, history.AgainstOld).Verification.Phase = nil
	changed("refuted:tag", history.Refuted, 0.04, before, after, history.AgainstOld).Verification.Command = nil
	changed("unverified", history.Suspected, 0.04, "", "", history.AgainstOld).Verification = nil
	add("new:tag", nightly.Learning, 0)
	add("steady:tag", nightly.Steady, 0.004)
	add("odd:tag", nightly.Steady, 1.38)
	add("unmeasured:tag", nightly.Unmeasured, 0)
	return r
}

func TestNightlyGoldens(t *testing.T) {
	quiet := nightReport()
	quiet.Candidates, quiet.Changes, quiet.Failed, quiet.Warnings, quiet.Verdict = quiet.Candidates[8:9], nil, nil, nil, bench.Pass
	for name, r := range map[string]*nightly.Report{"nightly": nightReport(), "nightly_quiet": quiet} {
		for _, f := range Nightlies {
			var out stdbytes.Buffer
			if err := f.Write(&out, r); err != nil {
				t.Fatal(err)
			}
			suffix := map[string]string{"text": ".txt", "markdown": ".md", "json": ".json"}[f.Name]
			golden(t, name+suffix, out.Bytes())
		}
	}
}

func TestNightlyHostile(t *testing.T) {
	const bad = "`|</td><script>alert(1)</script>\x1b[2J\u202e\n```\n# @all"
	hostile := bad + strings.Repeat("名", 3000)
	r := nightReport()
	base, change := r.Candidates[0], r.Changes[0]
	r.Folder, r.Run, r.Ended, r.Result, r.Reference.Name, r.Reference.Digest = hostile, hostile, bench.Ended(hostile), hostile, hostile, hostile
	for n := range 300 {
		s, c := base, change
		s.Candidate, s.Digest, s.State = fmt.Sprint(hostile, n), hostile, nightly.State(hostile)
		c.Candidate, c.Why, c.State, c.Before.Digest, c.After.Digest = s.Candidate, hostile, history.State(hostile), hostile, "sha256:"+hostile
		v := *change.Verification
		v.Verdict, v.Result, v.Phase, v.Command = bench.Verdict(hostile), hostile, &history.PhaseShift{Name: hostile, ShiftMS: 1, Share: 1}, []string{bad, bad}
		c.Verification = &v
		r.Candidates, r.Changes = append(r.Candidates, s), append(r.Changes, c)
		r.Warnings = append(r.Warnings, hostile)
		r.Failed = append(r.Failed, nightly.Failed{Gate: hostile, Candidate: hostile, Verdict: bench.GateVerdict(hostile), Why: hostile})
	}
	for _, f := range Nightlies[:2] {
		var out stdbytes.Buffer
		if err := f.Write(&out, r); err != nil {
			t.Fatal(err)
		}
		for _, c := range out.String() {
			if c != '\n' && c != '\u200b' && unicode.In(c, unicode.Cc, unicode.Cf) {
				t.Fatalf("%s has %q", f.Name, c)
			}
		}
		if f.Name != "markdown" {
			continue
		}
		text := out.String()
		if out.Len() > maxMarkdown || strings.Count(text, "```")%2 != 0 {
			t.Errorf("markdown of %d bytes", out.Len())
		}
		code := false
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "```") {
				code = !code
			} else if !code && (strings.Contains(line, "<script") || strings.HasPrefix(line, "# ")) {
				t.Errorf("%.200s", line)
			}
		}
	}
}
