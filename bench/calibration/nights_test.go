package calibration

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestNights runs the simulation, far too few of them to measure anything, and
// holds what no number could leave open.
func TestNights(t *testing.T) {
	n := 1
	if s := os.Getenv("MLBENCH_NIGHTS"); s != "" { // to try settings
		n, _ = strconv.Atoi(s)
	}
	p := NightsPlan{Nights: DefaultNights(), Years: n, Steps: 4 * n, Seed: 5}
	if testing.Short() || n == 1 {
		p.Nights = p.Nights[:2]
	}
	r, err := p.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n == 1 {
		p.Nights, p.Steps = p.Nights[:1], 1
		again, err := p.Measure(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := r.Rows[0].Year, again.Rows[0].Year; a != b {
			t.Errorf("found %v, then %v", a, b)
		}
	}
	var b strings.Builder
	if err := r.Markdown(&b, "v1"); err != nil {
		t.Fatal(err)
	}
	t.Log(b.String())
	for _, f := range r.Findings() {
		if !f.Met {
			t.Errorf("%+v", f)
		}
	}
	if got := r.Rows[0].Year; got.Suspicions.Value() == 0 || got.Pairs.Value() == 0 {
		t.Errorf("nothing was ever suspected: %+v", got)
	}
	if !strings.Contains(b.String(), "| noise 4 %, wobble 1 %, 20 pairs ") {
		t.Error(b.String())
	}
}
