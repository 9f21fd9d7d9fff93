package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/bench/nightly"
)

// Nightlies are the formats of what a night found.
var Nightlies = Formats[*nightly.Report]{
	{"text", "", nightlyText},
	{"markdown", ".md", nightlyMarkdown},
	{"json", ".json", func(w io.Writer, r *nightly.Report) error { return r.Write(w) }},
}

// mostNights is how many nights a trend has in a table.
const mostNights = 20

func nightlyText(w io.Writer, r *nightly.Report) error {
	p := printer{w: w}
	p.line(nightlyHead(r))
	for _, s := range nightlySentences(r) {
		p.line(s)
	}
	p.line("")
	p.table(standings(r).narrowed(0))
	for _, c := range r.Changes {
		p.line("")
		for i, s := range changeLines(c) {
			p.line(strings.Repeat("  ", min(i, 1)) + s)
		}
		if line := repeatChange(c); line != "" {
			p.line("  repeat: " + line)
		}
	}
	for _, g := range nightGates(r) {
		p.line("gate " + g)
	}
	for _, warning := range r.Warnings {
		p.line("warning: " + brief(warning, maxLine))
	}
	p.line(nightlyAsked(r))
	return p.err
}

// nightlyMarkdown is a comment as Markdown writes them: what matters least goes
// first where not all fits.
func nightlyMarkdown(w io.Writer, r *nightly.Report) error {
	how := "How it was measured"
	if n := len(r.Warnings); n > 0 {
		how = plural(n, "warning") + ", and how it was measured"
	}
	text, err := fitted([]piece{
		{write: func(p *printer, _ int) {
			p.line("### " + gateSigns[r.Verdict] + "mlbench nightly: " + escape(shorten(string(r.Verdict), maxName)))
			p.line("")
			p.list("", nightlySentences(r), "", mostSentences)
		}},
		{what: "candidates", worth: 90, write: func(p *printer, rows int) { p.markdown(standings(r), rows) }},
		{what: "changes", worth: 95, write: func(p *printer, rows int) {
			for i, c := range r.Changes {
				if i == rows {
					p.line(fmt.Sprintf("And %d more.", len(r.Changes)-i))
					break
				}
				lines := changeLines(c)
				p.line("**" + escape(lines[0]) + "**")
				p.line("")
				p.list("", lines[1:], "", all)
				if line := repeatChange(c); line != "" {
					p.line("")
					p.fenced("sh", line)
				}
				p.line("")
			}
		}},
		{what: "failed gates", worth: 85, write: func(p *printer, rows int) { p.list("gate ", nightGates(r), "", rows) }},
		{what: "warnings", fold: how, worth: 50, write: func(p *printer, rows int) { p.list("**warning:** ", briefly(r.Warnings), "", rows) }},
		{what: "facts", fold: how, worth: 35, write: func(p *printer, rows int) {
			p.list("", []string{nightlyHead(r), nightlyAsked(r)}, "", rows)
		}},
	}, maxMarkdown)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

func nightlyHead(r *nightly.Report) string {
	reference := word(r.Reference.Name)
	if r.Reference.Digest != "" {
		reference += " (" + digest(r.Reference.Digest) + ")"
	}
	return fmt.Sprintf("night %d of %s, %s UTC, against the reference, %s", r.Nights, word(r.Folder), r.StartedAt.UTC().Format("2006-01-02 15:04"), reference)
}

func nightlyAsked(r *nightly.Report) string {
	s := fmt.Sprintf("%s of each with the reference, margin %s, %d pairs at most to verify; run %s, %s", plural(r.Spec.Pairs, "pair"), chosen(r.Spec.Margin), r.Spec.MaxPairs, brief(r.Run, 16), word(string(r.Ended)))
	if r.Result != "" {
		s += ", whole in " + word(r.Result)
	}
	return s
}

// digest is as much of one as tells it from others.
func digest(d string) string {
	kind, sum, ok := strings.Cut(d, ":")
	if !ok {
		return word(d)
	}
	return brief(kind, 10) + ":" + brief(sum[:min(len(sum), 12)], 12)
}

// nightlySentences say all that matters.
func nightlySentences(r *nightly.Report) []string {
	count := make(map[nightly.State][]string)
	var all []string
	for _, s := range r.Candidates {
		if off := s.SinceLevel; s.State == nightly.Steady && off != nil && math.Abs(*off) > r.Spec.Margin {
			all = append(all, fmt.Sprintf("%s: %s off its level tonight. One night alone is no change; the next will tell.", word(s.Candidate), percent(*off)))
			continue
		}
		count[s.State] = append(count[s.State], word(s.Candidate))
	}
	for _, c := range r.Changes {
		all = append(all, changeLines(c)[0])
	}
	for _, s := range r.Candidates {
		if s.State == nightly.Learning {
			all = append(all, fmt.Sprintf("%s: needs %s before changes can be found.", word(s.Candidate), more(s.Needs, "night")))
		}
	}
	if n := len(count[nightly.Unmeasured]); n > 0 {
		all = append(all, "Not compared with the reference tonight: "+brief(strings.Join(count[nightly.Unmeasured], ", "), maxLine)+".")
	}
	if n := len(count[nightly.Steady]); n > 0 && n == len(r.Candidates) {
		all = append(all, "No change was found.")
	} else if n > 0 {
		all = append(all, "No change was found of "+brief(strings.Join(count[nightly.Steady], ", "), maxLine)+".")
	}
	if n := len(r.Failed); n > 0 {
		all = append(all, fmt.Sprintf("%s not passed.", plural(n, "gate")))
	}
	return all
}

func more(n int, one string) string {
	if n == 1 {
		return "1 more " + one
	}
	return fmt.Sprintf("%d more %ss", n, one)
}

// standings is a row a candidate.
func standings(r *nightly.Report) table {
	t := table{left: 1, last: true, head: []string{"candidate", "ready (median) [95 %]", "against the reference", "against its level", "nights", "state", "trend"}}
	for _, s := range r.Candidates {
		row := []string{word(s.Candidate), unknown, unknown, unknown, fmt.Sprint(s.Nights), standing(s), spark(s.Trend)}
		if s.Ready != nil {
			row[1] = readyIn(s.Ready)
		}
		if s.Change != nil {
			row[2] = changeWithInterval(changeOf(*s.Change))
		}
		if s.SinceLevel != nil {
			row[3] = percent(*s.SinceLevel)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func changeOf(i history.Interval) bench.Change {
	return bench.Change{Estimate: from(i.Estimate, inf), Low: from(i.Low, -inf), High: from(i.High, inf)}
}

// standing is what is known of a candidate.
func standing(s nightly.Standing) string {
	says := map[nightly.State]string{
		nightly.Learning: "needs " + more(s.Needs, "night"), nightly.Steady: "steady", nightly.Unmeasured: "not compared",
		nightly.State(history.SlowDown): "SLOWER", nightly.State(history.SlightSlowDown): "slower, in the margin", nightly.State(history.SpeedUp): "faster",
		nightly.State(history.Suspected): "suspected", nightly.State(history.Refuted): "steady (refuted)",
	}[s.State]
	if says == "" {
		says = word(string(s.State))
	}
	return says
}

// spark draws the newest nights of a trend on a line.
func spark(trend []*float64) string {
	trend = trend[max(len(trend)-mostNights, 0):]
	lo, hi := inf, -inf
	for _, x := range trend {
		if x != nil && !math.IsInf(*x, 0) && !math.IsNaN(*x) {
			lo, hi = min(lo, *x), max(hi, *x)
		}
	}
	var b strings.Builder
	for _, x := range trend {
		if x == nil {
			b.WriteRune(drawnNever)
			continue
		}
		b.WriteRune(level(*x, lo, hi))
	}
	return b.String()
}

// changeLines say what changed: what, by how much, between which nights, where.
func changeLines(c history.Change) []string {
	v := c.Verification
	name := word(c.Candidate)
	var head string
	switch {
	case v == nil || c.State == history.Suspected:
		head = fmt.Sprintf("%s: suspected to be %s since %s, and not verified yet: measured again the next night.", name, laterBy(c.Seen), day(c.After.StartedAt))
	case c.State == history.Refuted:
		head = fmt.Sprintf("%s: suspected to be %s since %s, and refuted: measured afresh it is not slower by more than the margin, nor faster.", name, laterBy(c.Seen), day(c.After.StartedAt))
	default:
		head = fmt.Sprintf("%s: %s since %s", name, laterBy(from(v.Change.Estimate, inf)), day(c.After.StartedAt))
		if c.State == history.SlightSlowDown {
			head += ", which is within the margin"
		}
		head += "."
	}
	between := fmt.Sprintf("between the nights of %s and %s", c.Before.StartedAt.UTC().Format("2006-01-02 15:04"), c.After.StartedAt.UTC().Format("2006-01-02 15:04"))
	switch {
	case c.Before.Digest != "" && c.Before.Digest != c.After.Digest:
		between += fmt.Sprintf(": %s → %s", digest(c.Before.Digest), digest(c.After.Digest))
	case c.Before.Digest != "":
		between += fmt.Sprintf(", both of %s", digest(c.Before.Digest))
	}
	lines := []string{head, between, fmt.Sprintf("the history shows %s over %s (p = %s)", percent(c.Seen), plural(c.Nights, "night"), exact(c.P))}
	if v != nil {
		against := "what it was against what it is"
		if v.Against == history.AgainstReference {
			against = "against the reference, and the level that it had to that before"
		}
		lines = append(lines, fmt.Sprintf("measured afresh, %s: %s, %s, %s", against, changeWithInterval(changeOf(v.Change)), plural(v.Pairs, "pair"), word(string(v.Verdict))))
		if f := v.Phase; f != nil {
			lines = append(lines, fmt.Sprintf("most of it in %s: %s, %s of what the phases changed by", word(f.Name), signedMillis(f.ShiftMS), plain(f.Share)))
		}
		if v.Result != "" {
			lines = append(lines, "all starts of that: "+brief(v.Result, maxLine))
		}
	}
	if c.Why != "" {
		lines = append(lines, brief(c.Why, maxLine))
	}
	return lines
}

func laterBy(change float64) string {
	switch {
	case math.IsInf(change, 1):
		return "failing"
	case change < 0:
		return plain(change) + " faster"
	}
	return plain(change) + " slower"
}

// repeatChange is the command that verifies it again.
func repeatChange(c history.Change) string {
	if c.Verification == nil || len(c.Verification.Command) == 0 {
		return ""
	}
	line := "mlbench " + shellLine(c.Verification.Command)
	if len(line) > maxCommand {
		return ""
	}
	return line
}

func nightGates(r *nightly.Report) []string {
	var lines []string
	for _, g := range r.Failed {
		lines = append(lines, brief(fmt.Sprintf("%s of %s: %s: %s", g.Gate, word(g.Candidate), g.Verdict, g.Why), maxLine))
	}
	return slices.Clip(lines)
}
