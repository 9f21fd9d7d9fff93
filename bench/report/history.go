package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/stats"
)

// Histories are the formats of what a history holds.
var Histories = Formats[*history.Report]{
	{"text", "", historyText},
	{"markdown", ".md", historyMarkdown},
	{"", ".html", historyHTML},
	{"json", ".json", func(w io.Writer, r *history.Report) error { return r.Write(w) }},
}

// How much of a history people are shown; the JSON has all.
const (
	mostRuns   = 20
	mostSeries = 20
)

func historyText(w io.Writer, r *history.Report) error {
	p := printer{w: w}
	p.line(historyHead(r))
	for _, warning := range r.Warnings {
		p.line("warning: " + brief(warning, maxLine))
	}
	if len(r.Entries) == 0 {
		return p.err
	}
	p.line("")
	p.table(runs(r))
	for _, s := range newest(r.Series) {
		p.line("")
		p.line(seriesHead(s))
		if d := differs(s); d != "" {
			p.line("  " + d)
		}
		for _, row := range trend(s.Points) {
			p.line("  " + row)
		}
		p.line("  " + environment(s))
	}
	if left := len(r.Series) - mostSeries; left > 0 {
		p.line("")
		p.line(fmt.Sprintf("and %s that ended before: --candidate, --since and --fingerprint choose; --format json has all", seriesCount(left)))
	}
	return p.err
}

func historyMarkdown(w io.Writer, r *history.Report) error {
	return comment(w, func(w io.Writer, rows int) error {
		p := printer{w: w}
		p.line("### " + escape(historyHead(r)))
		p.line("")
		p.list("**warning:** ", briefly(r.Warnings), "", rows)
		for _, s := range newest(r.Series)[:min(rows, len(newest(r.Series)))] {
			p.line("")
			p.line("**" + escape(seriesHead(s)) + "**")
			p.line("")
			if d := differs(s); d != "" {
				p.line(escape(d))
				p.line("")
			}
			p.line("```")
			for _, row := range trend(s.Points) { // no text of anybody's
				p.line(row)
			}
			p.line("```")
			p.line("")
			p.line(escape(environment(s)))
		}
		if left := len(r.Series) - min(rows, mostSeries); left > 0 {
			p.line("")
			p.line(fmt.Sprintf("And %s.", seriesCount(left)))
		}
		if len(r.Entries) > 0 {
			p.line("")
			p.markdown(runs(r), rows)
		}
		return p.err
	})
}

func seriesCount(n int) string { return fmt.Sprintf("%d more series", n) }

func historyHead(r *history.Report) string {
	s := fmt.Sprintf("history of %s: %s", word(r.Folder), plural(r.Runs, "run"))
	if len(r.Entries) < r.Runs {
		s += fmt.Sprintf(", %d chosen", len(r.Entries))
	}
	if n := len(r.Entries); n > 0 {
		s += fmt.Sprintf(", %s to %s", day(r.Entries[0].StartedAt), day(r.Entries[n-1].StartedAt))
	}
	return s
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// runs is a row for each candidate of the newest runs.
func runs(r *history.Report) table {
	t := table{left: 3, last: true, head: []string{"began (UTC)", "run", "candidate", "ready (median) [95 %]", "change", "ended, verdict"}}
	most := r.List
	if most <= 0 {
		most = mostRuns
	}
	for _, e := range r.Entries[max(len(r.Entries)-most, 0):] {
		for i, c := range e.Candidates {
			row := []string{e.StartedAt.UTC().Format("2006-01-02 15:04"), brief(e.ID, 16), word(c.Name), readyIn(c.Ready), "", ""}
			if i > 0 {
				row[0], row[1] = "", ""
			} else {
				row[5] = brief(fmt.Sprintf("%s, %s", e.Ended, e.Verdict), maxName)
			}
			if c.Ready == nil && !c.NeverReady {
				row[3] = "not started"
			}
			for _, x := range e.Comparisons {
				if x.Candidate == i {
					row[4] = changeWithInterval(bench.Change{
						Estimate: from(x.Change.Estimate, inf), Low: from(x.Change.Low, -inf), High: from(x.Change.High, inf),
					})
					row[5] = word(string(x.Verdict))
				}
			}
			t.rows = append(t.rows, row)
		}
	}
	return t.narrowed(2)
}

// readyIn writes a median; nil is of a candidate that was never ready.
func readyIn(i *history.Interval) string {
	if i == nil {
		return never
	}
	return withInterval(bounds(*i))
}

// newest are the series that people are shown: those whose last run is the
// latest, in the order of the report.
func newest(all []history.Series) []history.Series {
	if len(all) <= mostSeries {
		return all
	}
	last := make([]float64, len(all))
	end := func(s history.Series) float64 { return float64(s.Points[len(s.Points)-1].StartedAt.UnixNano()) }
	for i, s := range all {
		last[i] = -end(s)
	}
	limit := -stats.Quantile(last, float64(mostSeries)/float64(len(all)))
	var some []history.Series
	for _, s := range all {
		if end(s) >= limit && len(some) < mostSeries {
			some = append(some, s)
		}
	}
	return some
}

func seriesHead(s history.Series) string {
	n := len(s.Points)
	head := fmt.Sprintf("%s: %s, %s", word(s.Candidate), plural(n, "run"), day(s.Points[0].StartedAt))
	if last := day(s.Points[n-1].StartedAt); last != day(s.Points[0].StartedAt) {
		head += " to " + last
	}
	return head + ", last ready in " + readyIn(s.Points[n-1].Ready)
}

// differs says why a series is not the one before.
func differs(s history.Series) string {
	if len(s.Differs) == 0 {
		return ""
	}
	var parts []string
	for _, d := range s.Differs {
		parts = append(parts, fmt.Sprintf("%s %s → %s", word(d.What), given(d.From), given(d.To)))
	}
	return brief("not comparable with the series before: "+strings.Join(parts, "; "), maxLine)
}

func given(s string) string {
	if s == "" {
		return "(none)"
	}
	return word(s)
}

func environment(s history.Series) string {
	line := "fingerprint " + s.FingerprintID + ": " + s.Fingerprint.Facts()
	if len(s.Setup) > 0 {
		line += "; --" + strings.Join(s.Setup, " --")
	}
	return brief(line, maxLine)
}
