package report

import (
	"strings"
	"testing"

	"mlbench/runner"
)

func TestFindings(t *testing.T) {
	good := runner.Finding{Subject: "clock", Grade: runner.Good, Found: "tsc"}
	poor := runner.Finding{Subject: "load", Grade: runner.Poor, Found: "too\x1b[31m much " + strings.Repeat("of it ", 30), Remedy: "wait"}
	missing := runner.Finding{Subject: "engine", Grade: runner.Missing, Found: "none", Remedy: "start it"}
	for _, test := range []struct {
		found []runner.Finding
		last  string
	}{
		{[]runner.Finding{good}, "this host gives figures to trust"},
		{[]runner.Finding{good, poor}, "this host gives figures to trust; 1 thing could be better: see the arrows"},
		{[]runner.Finding{missing, good, poor}, "1 thing missing, 1 thing poor: see the arrows"},
	} {
		var out strings.Builder
		if err := Findings(&out, test.found); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if got := lines[len(lines)-1]; got != test.last {
			t.Errorf("%q, want %q", got, test.last)
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Error("an escape sequence came through")
		}
		for _, line := range lines {
			if n := len([]rune(line)); n > maxWidth {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
}
