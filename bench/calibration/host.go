package calibration

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"

	"mlbench/bench"
)

// A Sample is what one start meets on a host, whichever candidate it is of.
type Sample struct {
	// Log is the logarithm of how long a start takes relative to the host's
	// usual one; +Inf is a start that fails.
	Log float64

	// What was recorded with it; nil or 0 where that was not looked at.
	Covariates map[string]float64 // as in a bench.Start, in milliseconds
	Resident   *float64           // share of the candidate in memory before it, 0 to 1
	CPU        time.Duration      // processor time until it was ready
}

// A Host yields start after start. It is used by one goroutine.
type Host interface {
	Next() Sample
}

// A HostFunc is a Host that is one function.
type HostFunc func() Sample

// Next calls f.
func (f HostFunc) Next() Sample { return f() }

// A Regime is a kind of host: each call of New begins another one, which
// follows from rng alone.
type Regime struct {
	Name string
	New  func(rng *rand.Rand) Host

	// P90 is the logarithm that nine in ten starts do not exceed; 0 where
	// that is not known exactly.
	P90 float64

	// Loaded says that it was recorded while others used the machine.
	Loaded bool

	// Influence is by how much the candidate itself lengthens its waiting for
	// the processor, relative to its processor time and as a logarithm.
	Influence float64
}

// logs is a regime of which nothing but times is recorded.
func logs(name string, begin func(rng *rand.Rand) func() float64) Regime {
	return Regime{Name: name, New: func(rng *rand.Rand) Host {
		next := begin(rng)
		return HostFunc(func() Sample { return Sample{Log: next()} })
	}}
}

// begin is the host that a repetition meets, and the seed of the order in its
// blocks. Neither depends on the effect, so that effects, and mlbench and its
// peers, are compared on common random numbers.
func (r Regime) begin(seed uint64, repetition int) (host Host, order uint64) {
	rng := stream(seed, r.Name, repetition)
	order = rng.Uint64() & bench.MaxSeed
	return r.New(rng), order
}

// stream is the source of a repetition's randomness; name keeps regimes from
// sharing noise.
func stream(seed uint64, name string, repetition int) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // a hash takes everything
	return rand.New(rand.NewPCG(seed^h.Sum64(), uint64(repetition)))
}
