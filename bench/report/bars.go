package report

import (
	"math"
	"strings"
	"unicode"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
)

// barWidth is how many characters the longest bar has. With a name and a time
// before it a row fits a comment on GitHub, which is about 90 wide.
const barWidth = 48

// shades are the characters of the phases until ready. They differ in density
// and not in colour, so that they survive dark themes, print and plain text.
var shades = []struct {
	phase string
	shade string
}{
	{"pull", "╱"}, {"create", "·"}, {"start", "░"}, {"boot", "▓"}, {"warmup", "█"},
}

// bars draws where the time until ready goes, a row a candidate, each as long
// as the medians of its phases; nothing where no phase is known.
func bars(v view, rows int) string {
	longest := 0.0
	times := make([]map[string]float64, len(v.Candidates))
	for i := range v.Candidates {
		times[i] = make(map[string]float64)
		total := 0.0
		for _, p := range v.sums[i].Phases {
			times[i][p.Name] = p.MS.Estimate
			if p.Name != "first_request" { // which is after ready
				total += p.MS.Estimate
			}
		}
		longest = max(longest, total)
	}
	if !(longest > 0) || math.IsInf(longest, 1) {
		return ""
	}
	t := table{head: []string{"", ""}}
	for i := range v.Candidates[:min(len(v.Candidates), rows)] {
		ready := unknown
		if v.sums[i].Starts > 0 {
			ready = intervalIn(unitFor(v.sums[i].Ready.Estimate), v.sums[i].Ready)
			ready, _, _ = strings.Cut(ready, " [")
		}
		t.rows = append(t.rows, []string{fit(inCode(v.names[i]), maxBarName), ready})
	}
	var b strings.Builder
	for i, row := range t.rows {
		gap := t.widest(0) - twwidth.Width(row[0]) + 2 + t.widest(1) - twwidth.Width(row[1])
		b.WriteString(strings.TrimRight(row[0]+strings.Repeat(" ", gap)+row[1]+"  "+bar(times[i], longest), " ") + "\n")
	}
	if more := len(v.Candidates) - rows; more > 0 {
		b.WriteString("and " + plural(more, "more candidate") + "\n")
	}
	return b.String() + "\n" + legend(times)
}

// maxBarName is how many columns a name beside a bar takes.
const maxBarName = 24

// bar is as long as its phases are to the longest of all, each from where it
// begins to where it ends, so that rounding adds up to no more than half a
// character.
func bar(times map[string]float64, longest float64) string {
	var b strings.Builder
	end, drawn := 0.0, 0
	for _, s := range shades {
		end += times[s.phase]
		if to := int(math.Round(barWidth * min(end/longest, 1))); to > drawn {
			b.WriteString(strings.Repeat(s.shade, to-drawn))
			drawn = to
		}
	}
	return b.String()
}

// legend names the shades of the phases that there are.
func legend(times []map[string]float64) string {
	var parts []string
	for _, s := range shades {
		for _, t := range times {
			if t[s.phase] > 0 {
				parts = append(parts, s.shade+" "+s.phase)
				break
			}
		}
	}
	return strings.Join(parts, "   ")
}

// inCode makes foreign text safe in a code block, where nothing can be escaped:
// what could end the block, or be markup where something takes it for text,
// becomes a question mark, and so do scripts that are written from the right,
// as they would turn the row around.
func inCode(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case strings.ContainsRune(" ._-:/,()+%…→'\"", c), c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
			return c
		case unicode.In(c, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			return c
		}
		return '?'
	}, s)
}

// mostly says of a candidate which phase changed most, where that is sure.
func mostly(v view, candidate int) string {
	var most bench.Comparison
	for _, c := range v.Comparisons {
		for _, s := range shades {
			sure := c.Change.Low > 0 || c.Change.High < 0
			if c.Candidate == candidate && c.Metric == s.phase && sure && !math.IsInf(c.ShiftMS.Estimate, 0) &&
				math.Abs(c.ShiftMS.Estimate) > math.Abs(most.ShiftMS.Estimate) {
				most = c
			}
		}
	}
	if most.Metric == "" {
		return ""
	}
	return v.names[candidate] + ": most in " + meaning(most.Metric) + ", " + shiftWithInterval(most.Metric, shiftOf(most))
}

// mostOf says of each candidate which phase changed most.
func mostOf(v view) []string {
	var most []string
	for i := range v.Candidates {
		if s := mostly(v, i); s != "" {
			most = append(most, s)
		}
	}
	return most
}
