package gpu

import "time"

// SampleEvery is how often a Sampler reads the GPUs, where reading them takes
// little: a context takes hundreds of milliseconds to be made.
const SampleEvery = 15 * time.Millisecond

// A Sampler watches what starts use of GPUs. A nil one watches nothing.
type Sampler struct {
	Meter Meter
	Every time.Duration // SampleEvery where it is 0
}

// A Watch is of one start. All methods of a nil one do nothing.
type Watch struct{}

// Watch begins to read the GPUs, at once and then again and again, until Stop.
// ours tells whether a process, by its id in this host's namespace, belongs to
// the start. It is called from another goroutine, and once for each process.
// There is one Watch at a time.
func (s *Sampler) Watch(ours func(pid int) bool) *Watch { return nil }

// Ready has the GPUs read right away, for Use.Ready. It does not wait.
func (w *Watch) Ready() {}

// Stop reads the GPUs once more and says what was seen; nil of a nil Watch. An
// error wraps ErrLost, or is one of the driver as a whole: what was seen until
// then is told too.
func (w *Watch) Stop() (*Use, error) { return nil, nil }
