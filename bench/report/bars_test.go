package report

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// TestBars: a bar is as long as its time is to the longest, and a phase as its share.
func TestBars(t *testing.T) {
	for _, test := range []struct {
		times map[string]float64
		most  float64
		want  string
	}{
		{map[string]float64{"boot": 100}, 100, strings.Repeat("▓", 48)},
		{map[string]float64{"boot": 50}, 100, strings.Repeat("▓", 24)},
		{map[string]float64{"pull": 25, "create": 25, "start": 25, "boot": 12.5, "warmup": 12.5, "first_request": 500}, 100,
			strings.Repeat("╱", 12) + strings.Repeat("·", 12) + strings.Repeat("░", 12) + strings.Repeat("▓", 6) + strings.Repeat("█", 6)},
		{map[string]float64{"create": 0.5, "boot": 99.5}, 100, strings.Repeat("▓", 48)},
		{nil, 100, ""},
		{map[string]float64{"boot": 1e300, "warmup": math.MaxFloat64}, 1, strings.Repeat("▓", 48)},
	} {
		if got := bar(test.times, test.most); got != test.want {
			t.Errorf("%v of %v is %q, want %q", test.times, test.most, got, test.want)
		}
	}
}

// TestInCode: nothing ends a block of code, or turns its row around.
func TestInCode(t *testing.T) {
	for s, want := range map[string]string{
		"registry.test:5000/team/a_b-c:1.2": "registry.test:5000/team/a_b-c:1.2",
		"```\n<b> @all #1 $x |":             "?????b? ?all ?1 ?x ?",
		"模型 grüße":                          "模型 grüße",
		"שלום \u202e":                       "???? ?",
		"\xff":                              "?",
	} {
		if got := inCode(s); got != want || twwidth.Width(got) == 0 || !utf8.ValidString(got) {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}
