package speed

import (
	"testing"
	"time"
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
