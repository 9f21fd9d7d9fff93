package selftest

import "time"

// steps are those of one unit of work, some microseconds of a processor of
// 2020; entries are the memory that they write to, 4 bytes each: more than the
// caches of one core hold, as what a start of a real program touches.
const (
	steps   = 1000
	entries = 2 << 20
)

// A worker does units of work, each of which takes as long as any other on a
// host whose speed does not change.
type worker struct {
	memory []uint32
	x      uint64 // what is computed; it keeps the compiler from leaving that out
}

// newWorker touches all of the memory, so that no unit has to.
func newWorker() *worker {
	w := &worker{memory: make([]uint32, entries), x: 1}
	for i := range w.memory {
		w.memory[i] = uint32(i)
	}
	return w
}

// do does so many units.
func (w *worker) do(units int) {
	x := w.x
	for range units {
		for range steps {
			// Marsaglia's xorshift64 (2003, J. Stat. Softw. 8(14)).
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			w.memory[x%entries] += uint32(x)
		}
	}
	w.x = x
}

// unitsIn is about how many units this host does in so long: what a tenth of
// that time says, the fastest of three, as a disturbed one tells too few.
func unitsIn(d time.Duration) int {
	w := newWorker()
	most := 0.0 // units a nanosecond
	for range 3 {
		done := 0
		begin := time.Now()
		for time.Since(begin) < d/10 {
			w.do(10)
			done += 10
		}
		most = max(most, float64(done)/float64(time.Since(begin)))
	}
	return max(int(most*float64(d)), 1)
}
