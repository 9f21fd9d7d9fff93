// Package speed measures how fast the host is right now, by how long a fixed
// piece of work takes. On a shared machine that changes from second to second
// by a tenth and more: with other guests of the hypervisor, with what else
// runs here, with the processor's clock. It also reads what the kernel tells
// of these: steal, pressure, load.
package speed

import (
	"runtime"
	"sync"
	"time"
)

// A Gauge does the fixed work. It holds 16 MiB of memory, so that there is
// only one of it; use New. It is for one goroutine at a time.
type Gauge struct {
	next []uint32 // a permutation of one cycle
	sink uint64   // keeps the compiler from leaving the work out
}

// The work, in parts of a few milliseconds each on a processor of 2020: what
// a start does is of all these kinds.
const (
	entries = 4 << 20   // of the memory that is read, 4 bytes each: more than most caches of one core hold
	reads   = 60_000    // each waits for the one before it
	steps   = 3_000_000 // of arithmetic, on every processor at once
	fresh   = 8 << 20   // bytes of new memory to touch
	opens   = 1_000     // files to open and close
)

// New prepares the work, which takes about a tenth of a second.
func New() *Gauge {
	g := &Gauge{next: make([]uint32, entries)}
	for i := range g.next {
		g.next[i] = uint32(i)
	}
	// Sattolo's shuffle leaves a single cycle, so that no read comes early.
	x := uint64(1)
	for i := entries - 1; i > 0; i-- {
		x = scramble(x)
		j := x % uint64(i)
		g.next[i], g.next[j] = g.next[j], g.next[i]
	}
	return g
}

// Measure does the work and says how long it took.
func (g *Gauge) Measure() time.Duration {
	begin := time.Now()
	g.everyProcessor()
	g.memory()
	touchFresh(fresh)
	openFiles(opens)
	return time.Since(begin)
}

// everyProcessor computes on all processors at once, so that one that is busy
// shows.
func (g *Gauge) everyProcessor() {
	sums := make([]uint64, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range sums {
		all.Go(func() {
			x := uint64(i + 1)
			for range steps {
				x = scramble(x)
			}
			sums[i] = x
		})
	}
	all.Wait()
	for _, x := range sums {
		g.sink += x
	}
}

// memory reads along the cycle, from where the last time ended.
func (g *Gauge) memory() {
	at := uint32(g.sink % entries)
	for range reads {
		at = g.next[at]
	}
	g.sink += uint64(at)
}

// scramble is a step of Marsaglia's xorshift64 (2003, J. Stat. Softw. 8(14)).
func scramble(x uint64) uint64 {
	x ^= x << 13
	x ^= x >> 7
	return x ^ x<<17
}
