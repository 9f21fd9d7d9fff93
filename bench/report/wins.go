package report

import (
	"fmt"
	"strings"

	"mlbench/bench"
)

// winSections are those of all comparisons that were looked into.
func (v view) winSections() []section {
	var all []section
	for _, w := range v.Wins {
		sections := winSections(w, v.names)
		if w.Time != nil && len(sections) > 0 {
			v.measured(w, &sections[len(sections)-1])
		}
		all = append(all, sections...)
	}
	return all
}

// measured adds the change that the pairs say, with its interval: that of the
// parts has none.
func (v view) measured(w bench.Wins, s *section) {
	for _, c := range v.On(bench.MetricReady) {
		if c.Baseline == w.Baseline && c.Candidate == w.Candidate && c.Pairs > 0 {
			s.lines = append(s.lines, fmt.Sprintf("in the pairs, %s: %s", changeConfidence(v), shiftWithInterval(bench.MetricReady, shiftOf(c))))
		}
	}
}

// winSections are the biggest wins of a comparison, in bytes and in time.
// Names are those of the candidates.
func winSections(w bench.Wins, names []string) []section {
	if w.Baseline < 0 || w.Candidate < 0 || w.Baseline >= len(names) || w.Candidate >= len(names) {
		return nil // a file that somebody else has made
	}
	title := fmt.Sprintf("Biggest wins, %s → %s", names[w.Baseline], names[w.Candidate])
	var all []section
	if w.Size != nil {
		all = append(all, ranking(title+", in size", w.Size, func(x float64) string { return signedBytes(int64(x)) }))
	}
	if w.Time != nil {
		all = append(all, ranking(title+", in time", w.Time, signedMillis))
	}
	return all
}

func ranking(title string, r *bench.Ranking, write func(float64) string) section {
	s := section{title: fmt.Sprintf("%s: %s in all", title, write(r.Change))}
	// What a change is made of gives way to what it is called.
	for most := 4; most > 0; most-- {
		if s.table = rankingTable(r, write, most); s.table.width() <= maxWidth {
			break
		}
	}
	if !anyOf(r.Changes) {
		s.table = s.table.without(2)
		s.table.last = false
	}
	s.lines = []string{"rests on: " + bench.Printable(r.Basis)}
	return s
}

// rankingTable names so many packages of each change at most.
func rankingTable(r *bench.Ranking, write func(float64) string, most int) table {
	t := table{left: 1, head: []string{"what changed", "by", "of it, largest first"}, last: true}
	for _, p := range r.Changes {
		t.rows = append(t.rows, printable([]string{partName(p), write(p.Change), firstOf(p.Of, most)}))
	}
	if r.Left > 0 {
		t.rows = append(t.rows, []string{fmt.Sprintf("%d more", r.Left), write(r.Rest), ""})
	}
	return t
}

func anyOf(parts []bench.Part) bool {
	for _, p := range parts {
		if len(p.Of) > 0 {
			return true
		}
	}
	return false
}

func partName(p bench.Part) string {
	name := shorten(p.Name, maxName)
	switch p.Kind {
	case bench.PartPhase:
		return "phase " + name
	case bench.PartImport:
		return "import of " + name
	case bench.PartReason, bench.PartCode:
		return name
	}
	return strings.TrimSpace(shorten(string(p.Kind), maxName) + " " + name)
}
