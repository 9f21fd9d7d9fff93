package report

import (
	"fmt"
	"io"
	"strings"

	"mlbench/bench"
	"mlbench/bench/selftest"
)

// Selftests are the formats of what a self-test finds.
var Selftests = Formats[*selftest.Report]{
	{"text", "", Selftest},
	{"json", ".json", asJSON[*selftest.Report]},
}

// Selftest renders a self-test for a terminal. It ends with its verdict.
func Selftest(w io.Writer, r *selftest.Report) error {
	p := printer{w: w}
	p.line(fmt.Sprintf("selftest: runner %s, %s of each candidate, %s to ready", bench.Printable(r.Runner), plural(r.Pairs, "pair"), milliseconds(r.ReadyMS)))
	p.line("")
	p.table(noiseTable(r))
	for _, line := range gains(r.Noise) {
		p.paragraph("", line)
	}
	p.line("")
	p.table(resolvableTable(r))
	p.line("")
	p.table(injectedTable(r))
	p.line("")
	p.paragraph("", fmt.Sprintf("A/A: %d of %d other orders of %s of one image claim a difference: %.1f %% [%.1f, %.1f], at most %s promised",
		r.AA.Claims, r.AA.Replays, plural(r.AA.Pairs, "recorded pair"),
		100*float64(r.AA.Claims)/float64(max(r.AA.Replays, 1)), 100*r.AA.Low, 100*r.AA.High, chosen(selftest.Promised)))
	p.line("")
	p.line("what disturbs this host, worst first:")
	for i, d := range r.Disturbances {
		if quiet := !d.Notable && (i == 0 || r.Disturbances[i-1].Notable); quiet {
			p.line("  (nothing further stands out; what was looked for:)")
		}
		p.paragraph("  ", d.Name+": "+bench.Printable(d.Says))
	}
	p.line("")
	p.line(host(r.Result))
	p.line(r.Why)
	return p.err
}

// paragraph breaks a line that is wider than a table may be; what follows its
// first part stands two columns further in.
func (p *printer) paragraph(indent, s string) {
	for i, part := range wrapped(s, maxWidth-len(indent)-2) {
		p.line(indent + strings.Repeat("  ", min(i, 1)) + fit(part, maxWidth-len(indent)-2))
	}
}

// noiseTable is how much starts of one image differ by nothing.
func noiseTable(r *selftest.Report) table {
	t := table{left: 1, head: []string{"noise of one start (standard deviation)", ""}}
	row := func(what string, x *float64) { t.rows = append(t.rows, []string{what, share(x)}) }
	row("of all starts", &r.Noise.Start)
	row("within pairs", r.Noise.Paired)
	if len(r.Noise.Covariates) > 0 {
		row("within pairs, adjusted for what the host did", r.Noise.Adjusted)
	}
	return t
}

// gains says what pairing and covariates are worth.
func gains(n selftest.Noise) []string {
	var lines []string
	if n.PairingGain != nil {
		lines = append(lines, "pairing "+worth(*n.PairingGain))
	}
	switch {
	case n.CovariateGain != nil:
		var names []string
		for _, c := range n.Covariates {
			names = append(names, bench.CovariateMeaning(c))
		}
		lines = append(lines, fmt.Sprintf("adjusting %s (for %s)", worth(*n.CovariateGain), strings.Join(names, "; ")))
	case len(n.Covariates) == 0:
		lines = append(lines, "nothing was adjusted for")
	}
	return lines
}

// worth words the share of the pairs that something saves.
func worth(gain float64) string {
	if gain < 0 {
		// As many more as a variance larger by that needs.
		return "saves no pairs here: it makes " + plain(gain) + " more necessary"
	}
	return "saves " + plain(gain) + " of the pairs"
}

func resolvableTable(r *selftest.Report) table {
	t := table{left: 0, head: []string{"pairs", "smallest change found in 8 of 10 runs", "by times alone"}}
	for _, x := range r.Resolvable {
		t.rows = append(t.rows, []string{fmt.Sprint(x.Pairs), share(x.Adjusted), share(x.Raw)})
	}
	if len(r.Noise.Covariates) == 0 {
		t = t.without(2)
	}
	return t
}

// injectedTable holds what was said against what was true.
func injectedTable(r *selftest.Report) table {
	t := table{left: 1, head: []string{"added to a start", "truth", "change [95 %]", "verdict", "found after"}}
	t.rows = append(t.rows, []string{"nothing", percent(0), changeWithInterval(r.AA.Comparison.Change), string(r.AA.Comparison.Verdict), unknown})
	for _, x := range r.Injected {
		found, change := "not found", changeWithInterval(x.Comparison.Change)
		if x.Found > 0 {
			found = plural(x.Found, "pair")
		}
		if !x.Covered {
			change += " (truth outside)"
		}
		t.rows = append(t.rows, []string{x.Name, percent(x.Truth), change, string(x.Comparison.Verdict), found})
	}
	return t
}

// share writes a fraction that is not negative.
func share(x *float64) string {
	if x == nil {
		return unknown
	}
	return number(100**x, 1) + " %"
}
