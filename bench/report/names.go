package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mlbench/bench"
)

// maxName is how many characters of a candidate's name a report shows.
const maxName = 60

// A view is a result with what its renderings share.
type view struct {
	*bench.Result
	names []string        // what each candidate is called: short, printable, no two alike
	sums  []bench.Summary // of each candidate
	long  []longName
	said  map[string]string // by what told was given

	is, one string // what a candidate is once a start is over, and what that is called
}

// A longName is of a candidate, and what it is called instead.
type longName struct{ whole, short string }

func look(r *bench.Result) view {
	v := view{Result: r, said: make(map[string]string), is: "is ready", one: "start"}
	full := make([]string, len(r.Candidates))
	alike := make(map[string]int)
	for i, c := range r.Candidates {
		full[i] = bench.Printable(c.Name)
		alike[shorten(full[i], maxName)]++
	}
	taken := make(map[string]bool)
	for i, whole := range full {
		name := shorten(whole, maxName)
		if taken[name] || name != whole && alike[name] > 1 {
			mark := fmt.Sprintf(" (%d)", i+1)
			name = shorten(whole, maxName-utf8.RuneCountInString(mark)) + mark
		}
		taken[name] = true
		v.names = append(v.names, name)
		v.sums = append(v.sums, r.Summary(i))
		if utf8.RuneCountInString(whole) > maxName {
			v.long = append(v.long, longName{whole, name})
		}
	}
	// The longer first: one name may begin with another.
	slices.SortStableFunc(v.long, func(a, b longName) int { return cmp.Compare(len(b.whole), len(a.whole)) })
	return v
}

// shorten leaves the middle out of text of more than limit characters.
func shorten(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	c := []rune(s)
	head := (limit - 1) / 2
	return string(c[:head]) + "…" + string(c[len(c)-(limit-1-head):])
}

// brief is what of foreign text is shown: printable, and the middle of what is
// longer left out before anything else is done with it, however long it is.
func brief(s string, limit int) string {
	if most := limit * utf8.UTFMax; len(s) > 2*most {
		s = s[:most] + s[len(s)-most:]
	}
	return shorten(bench.Printable(s), limit)
}

// briefly are lines of foreign text as they are shown.
func briefly(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, brief(line, maxLine))
	}
	return out
}

// maxLine is how many characters of a warning, a reason or a piece of evidence
// a report shows.
const maxLine = 1000

// told makes text that names candidates printable and calls them by their
// short names. One after another, as a strings.Replacer takes time by the square
// of a name's length to be made; and once for each text, as what does not fit is
// written again, shorter.
func (v view) told(s string) string {
	if line, ok := v.said[s]; ok {
		return line
	}
	line := bench.Printable(s)
	for _, name := range v.long {
		line = strings.ReplaceAll(line, name.whole, name.short)
	}
	line = shorten(line, maxLine)
	v.said[s] = line
	return line
}
