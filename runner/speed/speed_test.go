package speed

import (
	"testing"
	"time"

	"mlbench/runner"
)

// The reads must not settle into a short cycle, which would fit in the cache.
func TestMemoryIsOneCycle(t *testing.T) {
	g := New()
	at, length := g.next[0], 1
	for ; at != 0; at = g.next[at] {
		length++
	}
	if length != entries {
		t.Errorf("the reads from entry 0 come back after %d, want %d", length, entries)
	}
}

func TestMeasure(t *testing.T) {
	g := New()
	if took := g.Measure(); took < 100*time.Microsecond || took > time.Minute {
		t.Errorf("the work took %v", took)
	}
}

func TestParseSteal(t *testing.T) {
	for _, test := range []struct {
		stat string
		want time.Duration // -1 where it is not told
	}{
		{"cpu  674690 200596 203635 1373907 41527 0 9197 47797 0 0\ncpu0 1 2", 477970 * time.Millisecond},
		{"cpu  1 2 3 4 5 6 7 8", 80 * time.Millisecond},
		{"cpu  1 2 3 4 5 6 7", -1}, // kernels before 2.6.11
		{"cpu  1 2 3 4 5 6 7 x 0 0", -1},
		{"cpu  1 2 3 4 5 6 7 9223372036854775807 0 0", -1},
		{"intr 1 2 3 4 5 6 7 8 9", -1},
		{"", -1},
	} {
		if got, ok := parseSteal(test.stat); ok && got != test.want || ok != (test.want >= 0) {
			t.Errorf("%q: %v, %v", test.stat, got, ok)
		}
	}
}

func TestParseLoad(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration // -1 where it is not told
	}{
		{"some avg10=0.38 avg60=0.47 avg300=1.61 total=4882644726\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", 4882644726 * time.Microsecond},
		{"full avg10=0.00 total=7\nsome avg10=0.38 total=0", 0},
		{"full avg10=0.00 total=7\n", -1},
		{"some avg10=0.00\n", -1},
		{"some total=-1\n", -1},
		{"some total=9223372036854776\n", -1},
		{"", -1},
	} {
		if got := parsePressure(test.text); got != nil && *got != test.want || (got != nil) != (test.want >= 0) {
			t.Errorf("pressure %q: %v", test.text, got)
		}
	}
	for text, want := range map[string]float64{"1.25 1.61 0.90 2/161 44016\n": 1.25, "0.00 0": 0, "NaN 1": -1, "-1 0": -1, "Inf 0": -1, "": -1} {
		if got := parseLoadAverage(text); got != nil && *got != want || (got != nil) != (want >= 0) {
			t.Errorf("load average %q: %v", text, got)
		}
	}
}

// Two readings tell what came between them, and of what one of them does not
// tell nothing is known.
func TestLoadSince(t *testing.T) {
	before := Load()
	after := LoadSince(before)
	for _, p := range []struct{ before, after *time.Duration }{{before.CPU, after.CPU}, {before.IO, after.IO}, {before.Memory, after.Memory}} {
		if (p.before == nil) != (p.after == nil) || p.after != nil && (*p.after < 0 || *p.after > time.Minute) {
			t.Errorf("%v, then %v more", p.before, p.after)
		}
	}
	if unknown := LoadSince(runner.HostLoad{}); unknown != (runner.HostLoad{}) {
		t.Errorf("%+v", unknown)
	}
}

func BenchmarkSteal(b *testing.B) {
	for b.Loop() {
		Steal()
	}
}

func BenchmarkMeasure(b *testing.B) {
	g := New()
	for b.Loop() {
		g.Measure()
	}
}

func BenchmarkLoadSince(b *testing.B) {
	before := Load()
	for b.Loop() {
		LoadSince(before)
	}
}
