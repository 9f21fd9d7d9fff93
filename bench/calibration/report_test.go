package calibration

import (
	"strings"
	"testing"
)

// made is a report of one regime, A/A and a true +5 %.
func made(slower int) *Report {
	r := &Report{
		Plan: Plan{Repetitions: 2000, Seed: 7, Search: Search{Replays: 500, Most: 400}},
		Rows: []Row{{
			Regime: Regime{Name: quiet4},
			Cells: []Cell{
				{Slower: Rate{slower, 2000}, Claimed: Rate{80, 2000}, Covered: Rate{1920, 2000}, Undecided: Rate{10, 2000}, Pairs: Mean{40000, 8e5, 2000}},
				{Effect: 0.05, NoRegression: Rate{41, 2000}, Found: Rate{1900, 2000}, Covered: Rate{1920, 2000}},
				{Effect: 0.10, Covered: Rate{1920, 2000}},
				{Effect: -0.05, Covered: Rate{1920, 2000}},
			},
			Peeks: Rate{340, 2000},
			Needs: []Need{{"mlbench", 0.05, 15}, {"U test", 0.05, 0}},
		}},
		Targets: []TargetRow{{"quiet, noise 4 %", Rate{40, 2000}}, {"AR(1) 0.5, noise 4 %", Rate{300, 2000}}},
	}
	for range Peers() {
		r.Rows[0].Peers = append(r.Rows[0].Peers, Rate{100, 2000})
	}
	return r
}

func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		slower int
		met    bool
	}{{40, true}, {60, true}, {67, false}} { // 2.5 % is 50
		f := made(tt.slower).Findings()[0]
		if f.Met != tt.met || f.Worst != quiet4 || !f.Must {
			t.Errorf("%d of 2000 slower: %+v", tt.slower, f)
		}
	}
	for _, f := range made(40).Findings() {
		if f.Must && !f.Met {
			t.Errorf("%+v", f)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := made(67).Markdown(&b, "v1"); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{
		"mlbench v1: seed 7, 2000 comparisons",
		"| A/A: says `slower` or `regression` ",
		"| 3.4 % [2.6, 4.2]    | quiet, noise 4 %     | NOT met |",
		"| 17.0 [15.4, 18.7] |",
		"| quiet, noise 4 % | 15            | –                 | over 400     | –",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	// All rows of a table are as wide as its head.
	width := 0
	for line := range strings.Lines(got) {
		switch n := len([]rune(line)); {
		case !strings.HasPrefix(line, "|"):
			width = 0
		case width == 0:
			width = n
		case n != width:
			t.Errorf("not aligned: %s", line)
		}
	}
}
