package gpu

import "time"

// A Source says how a start's memory on the GPUs is told from that of others.
type Source string

// The sources.
const (
	// ByProcess: the driver tells of each process how much it has.
	ByProcess Source = "process"
	// ByDevice: none of the driver's processes is known to be one of the
	// start's (it may run in another pid namespace than mlbench), so what is
	// told is by how much the memory in use of the GPUs changed, by whomever.
	// So it is too where the driver tells no memory of processes, or none but 0.
	ByDevice Source = "device"
)

// Use is what a start had of the GPUs while it was watched. Memory is in bytes,
// that of several GPUs added up.
type Use struct {
	Source  Source
	Context *Moment // when it was first seen on a GPU; nil for never
	Plateau *Moment // since when its memory is within 1 % of its last value; nil where it has none
	Ready   *int64  // memory when Watch.Ready was called; nil where it was not
	Peak    int64   // the most memory
	Points  []Point // in order; only where something differs from the one before
	// Others are not of the start, seen on the same GPUs meanwhile, each with
	// the most memory that it had. Where no process is known to be the start's,
	// they are those that were there before it.
	Others []Process

	Samples int           // how often the GPUs were read
	Every   time.Duration // the median time between two of them
	CPU     time.Duration // that the reading took, of the thread that did it

	Problems []string // what could not be read, each once
}

// A Moment lies in (At-Gap, At].
type Moment struct {
	At  time.Time
	Gap time.Duration // since the sample before
}

// A Point is what a sample found.
type Point struct {
	At     time.Time
	Memory int64 // of the start
	Busy   *int  // percent, of the busiest GPU and by whomever; nil where it is not told
}
