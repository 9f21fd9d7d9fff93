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

func BenchmarkMeasure(b *testing.B) {
	g := New()
	for b.Loop() {
		g.Measure()
	}
}
