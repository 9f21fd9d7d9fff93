package runner

import (
	"fmt"
	"time"

	"mlbench/gpu"
)

// MarkName names a moment in a start. The list is open: readers pass over
// names that they do not know.
type MarkName string

// The marks, in the order in which they happen. Begin is the zero of the
// others and stands in Start.BeginAt.
const (
	Pulled        MarkName = "pulled"         // the image is in the engine and unpacked; at level Pull alone
	Created       MarkName = "created"        // the create call returned
	Started       MarkName = "started"        // the start call returned
	Listening     MarkName = "listening"      // the program accepts connections
	Ready         MarkName = "ready"          // the ready rule holds
	FirstResponse MarkName = "first_response" // first 2xx to the candidate's Request
)

// The marks of the GPUs. They lie anywhere between Started and the end of the
// start, before or after the others, as a program loads its model when it likes.
const (
	GPUContext MarkName = "gpu_context" // the candidate was first seen on a GPU
	GPUPlateau MarkName = "gpu_plateau" // since then its memory there is within 1 % of its last value
)

// A Mark is a moment of a start.
type Mark struct {
	At         time.Duration // since Start.BeginAt, on the monotonic clock
	Resolution time.Duration // the true moment lies in (At-Resolution, At], or for a midpoint and for events within Resolution of At
	Source     string        // how it was seen, e.g. "listen-event", "connect", "engine-call"
}

// Phase is the time between two neighbouring marks.
type Phase struct {
	Name string
	Took time.Duration
}

// order lists the marks with the phase that each of them ends.
var order = []struct {
	mark  MarkName
	phase string
}{
	{Pulled, "pull"},
	{Created, "create"},
	{Started, "start"},
	{Listening, "boot"},
	{Ready, "warmup"},
	{FirstResponse, "first_request"},
}

// PhaseNames are the names of all phases, in the order in which they happen.
func PhaseNames() []string {
	names := make([]string, len(order))
	for i, o := range order {
		names[i] = o.phase
	}
	return names
}

// Marks are the moments of one start.
type Marks map[MarkName]Mark

// Phases are the times between the marks that are there, in order. Where a
// mark is missing (no port is watched by the rule "log", say) the phase that
// it would end is part of the next one.
func (m Marks) Phases() []Phase {
	var phases []Phase
	var last time.Duration
	for _, o := range order {
		mark, ok := m[o.mark]
		if !ok {
			continue
		}
		phases = append(phases, Phase{o.phase, max(mark.At-last, 0)})
		last = max(mark.At, last)
	}
	return phases
}

// GPUPhases are the times between the marks of the GPUs. They overlap with
// Phases and do not add up with them.
func (m Marks) GPUPhases() []Phase {
	var phases []Phase
	last := m[Started].At
	for _, o := range gpuOrder {
		if mark, ok := m[o.mark]; ok {
			phases = append(phases, Phase{o.phase, max(mark.At-last, 0)})
			last = max(mark.At, last)
		}
	}
	return phases
}

// gpuOrder lists the marks of the GPUs with the phase that each of them ends.
var gpuOrder = []struct {
	mark  MarkName
	phase string
}{
	{GPUContext, "gpu_boot"}, // from Started on
	{GPUPlateau, "gpu_load"},
}

// GPUPhaseNames are the names of all phases of the GPUs, in their order.
func GPUPhaseNames() []string {
	names := make([]string, len(gpuOrder))
	for i, o := range gpuOrder {
		names[i] = o.phase
	}
	return names
}

// Outcome says how a start ended.
type Outcome string

// The outcomes. All but OutcomeReady are failed starts.
const (
	OutcomeReady   Outcome = "ready"
	OutcomeTimeout Outcome = "timeout" // not ready within the timeout
	OutcomeExited  Outcome = "exited"  // the program ended before it was ready
	OutcomeError   Outcome = "error"   // the engine refused to start it, or it refused its first request
)

// A Pull is how an image came into the engine at the beginning of a start.
type Pull struct {
	// Download is from BeginAt until the last layer's last byte was here, and
	// Extract what was left of the pull then: engines unpack the first layers
	// while they download others. Nil where the engine does not tell.
	Download, Extract *time.Duration

	Layers      int   // of the image, as the engine counted them
	AlreadyHere int   // of these, not pulled as the engine had them
	Bytes       int64 // that were downloaded, compressed, as far as the engine told
}

// A Start is one start of one candidate, from the create call until it was
// ready or failed.
type Start struct {
	BeginAt time.Time // just before the pull, if there is one, or the create call; with monotonic reading
	Outcome Outcome
	Marks   Marks

	Pull *Pull // nil where nothing was pulled, or the pull did not end

	Health string // HTTP rule: the path that answered 2xx

	Cost // until it was ready

	// CPUWait is for how long, until it was ready, every one of the
	// candidate's processes that had something to compute stood waiting for a
	// processor, because others had them all. The candidate's own threads do
	// not wait for each other in this count. It is read with CPU, and nil
	// where that is, or where the kernel does not tell it.
	CPUWait *time.Duration

	// Steal is for how long the hypervisor, from BeginAt until the candidate
	// was ready, had given processors to others that something on this host
	// could have used, all processors together; nil where that is not told.
	Steal *time.Duration

	// HostLoad is how much was wanted of the host meanwhile.
	HostLoad HostLoad

	// GPU is what it had of the GPUs, until the end of the start; nil where
	// nothing watched them.
	GPU *gpu.Use

	// Of a failed start, for people.
	Problem string     // what went wrong, in one line
	Exit    *ExitState // OutcomeExited: how the program ended
	Log     []string   // the last lines of the program's output
	Tried   []string   // what readiness tries got, e.g. "/health: 404"

	Stop time.Duration // how long it took to stop and remove the candidate
}

// Cost is what a start took of its host, by all of the candidate's processes
// from their beginning until it was ready. It is read right after the ready
// rule was seen to hold (under some rules a question or two to the candidate or
// the engine later), so it includes what they used between ready and the
// reading; a runner may add what was used to set them up. Each is nil where the
// candidate was never ready, and where it cannot be known.
type Cost struct {
	// CPU is the CPU time, user and system.
	CPU *time.Duration

	// ReadBytes is what had to be read from disks, readahead included; of what
	// was in memory already nothing.
	ReadBytes *int64

	// MajorFaults is how often a page of a mapped file, or one that was
	// swapped out, had to be waited for until it was read. The kernel may tell
	// it up to some dozens of faults late.
	MajorFaults *int64

	// PeakMemory is the most memory, in bytes, that was in use at once: of a
	// container all that was charged to it, which includes the pages of files
	// that it was the first to read, so that it is larger from cold; of a
	// command the largest resident set of any one process.
	PeakMemory *int64
}

// HostLoad is how much was wanted of the host during a start, by whomever: the
// candidate's own part is in it. Each is nil where the kernel does not tell it.
type HostLoad struct {
	// CPU, IO and Memory are for how long, from BeginAt until the candidate
	// was ready, at least one thread of the host stood waiting for a
	// processor, a disk, or memory to be freed: pressure of the kind "some"
	// (PSI, accounting/psi.rst in the kernel's documentation).
	CPU, IO, Memory *time.Duration

	// Average is the load average of the minute before BeginAt.
	Average *float64
}

// RecordGPU writes down what was seen of the start on the GPUs.
func (s *Start) RecordGPU(u *gpu.Use) {
	if u == nil {
		return
	}
	s.GPU = u
	for name, m := range map[MarkName]*gpu.Moment{GPUContext: u.Context, GPUPlateau: u.Plateau} {
		if m != nil {
			s.Marks[name] = Mark{At: m.At.Sub(s.BeginAt), Resolution: m.Gap, Source: "nvml-" + string(u.Source)}
		}
	}
}

// StopGPU ends the watch of the GPUs, and writes down what was seen. An error is
// the host's fault and not the candidate's.
func (s *Start) StopGPU(w *gpu.Watch, candidate string) error {
	use, err := w.Stop()
	s.RecordGPU(use)
	if err != nil {
		return As(ErrEnvironment, fmt.Errorf("watching the GPUs while %s started: %w", candidate, err))
	}
	return nil
}

// ReadyAt is the time from BeginAt to readiness; ok is false for a failed start.
func (s Start) ReadyAt() (at time.Duration, ok bool) {
	m, ok := s.Marks[Ready]
	return m.At, ok && s.Outcome == OutcomeReady
}

// ExitState is how a program ended.
type ExitState struct {
	Code      int
	OOMKilled bool
}
