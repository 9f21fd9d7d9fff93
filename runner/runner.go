// Package runner says what it is to start a candidate once: the candidate, the
// marks of a start, how it ended, and the Runner that does it. It knows no
// engine; runner/docker and runner/process are Runners, and runner/runnertest
// holds the tests that every Runner passes.
package runner

import (
	"context"
	"time"
)

// A Runner starts candidates on one host. Its methods are called from one
// goroutine at a time.
type Runner interface {
	// Host describes the machine and the engine that candidates run on.
	// It is the first thing asked of a Runner: where the engine cannot be
	// reached it returns an error that wraps ErrEnvironment.
	Host(ctx context.Context) (Host, error)

	// Prepare makes a candidate startable, fetching what is missing, and
	// returns it with everything filled in that can be known without
	// starting it (digest, size, port, health path). A candidate that cannot
	// be started as asked gives an error that wraps ErrUsage (say more on the
	// command line) or ErrEnvironment (no such image, wrong architecture).
	Prepare(ctx context.Context, c Candidate) (Candidate, error)

	// Start starts a prepared candidate once, watches until it is ready, has
	// ended or timeout has passed since Start.BeginAt, sends the candidate's
	// Request if it has one, and removes it again. A candidate that fails is
	// an Outcome, not an error: an error means that the engine failed or
	// that ctx is done. Nothing of the start is left running in any case.
	Start(ctx context.Context, c Candidate, timeout time.Duration) (Start, error)

	// Close frees what the Runner holds. It leaves nothing on the host.
	Close() error
}

// An Evictor is a Runner that can make starts cold at level Cache. It is an
// optional power: ask for it by type assertion.
type Evictor interface {
	// CanEvict says how Evict would work on this host and whether it can
	// prove it; an error wraps ErrNotPermitted and names the remedy.
	CanEvict(ctx context.Context, candidates []Candidate) (Eviction, error)

	// Evict drops the pages of all these candidates from memory. Candidates
	// share files, and one start warms the other, so all are named at once.
	// What it could not drop of each is counted; nil where CanEvict said
	// that it cannot be proved.
	Evict(ctx context.Context, candidates []Candidate) ([]Residency, error)
}

// An Eviction says how candidates are made cold.
type Eviction struct {
	How    string // one phrase, for people
	Proved bool   // Evict counts what stays
}

// A Puller is a Runner that can make starts cold at level Pull. It is an
// optional power.
type Puller interface {
	// PullEachTime makes every later Start of these prepared candidates begin
	// with a pull of the image, which is not in the engine before and is
	// removed after it, both outside the timed part. It returns them with what
	// is only known of an image in a registry; an error that wraps
	// ErrNotPermitted names the remedy. It is called once, before any Start.
	PullEachTime(ctx context.Context, candidates []Candidate) ([]Candidate, Pulling, error)
}

// Pulling says how candidates are pulled.
type Pulling struct {
	How  string // one phrase, for people
	Held []Held // of those candidates that other images share layers with
}

// Held is how many layers of a candidate stay in the engine when the candidate
// is removed, since other images hold them.
type Held struct {
	Candidate int // its place among the candidates
	Layers    int // from the lowest one on
	By        []string
}

// A Witness is a Runner that can say how much of a candidate is in memory. It
// is an optional power. It reads the page cache without changing it.
type Witness interface {
	// Resident looks at all files of the candidate.
	Resident(ctx context.Context, c Candidate) (Residency, error)

	// StillResident looks at those alone in which the candidate's last
	// Resident found something, so that it can be asked before every start.
	StillResident(ctx context.Context, c Candidate) (Residency, error)
}

// Residency is how many bytes of a candidate's files are in the page cache.
type Residency struct {
	Resident int64 // bytes of pages in memory
	Total    int64 // bytes of all files
}

// Plus is the residency of two sets of files.
func (r Residency) Plus(other Residency) Residency {
	return Residency{r.Resident + other.Resident, r.Total + other.Total}
}

// Share is Resident/Total, between 0 and 1; 0 for no files.
func (r Residency) Share() float64 {
	if r.Total <= 0 {
		return 0
	}
	return min(float64(r.Resident)/float64(r.Total), 1)
}

// A Gauge is a Runner that can measure how fast the host that candidates run
// on is right now. It is an optional power.
type Gauge interface {
	// Gauge does a fixed piece of work on that host, short against a start,
	// and says how long it took. ok is false where the work cannot be done
	// there, as on another machine.
	Gauge() (took time.Duration, ok bool)
}

// A Reaper is a Runner that can remove what runs of mlbench that were killed
// left behind. It is an optional power.
type Reaper interface {
	// Reap removes leftovers whose owner lives no more, and says what each
	// one was.
	Reap(ctx context.Context) ([]string, error)
}

// Host is the machine that candidates run on, as far as it is known.
// The fields are those of the result file's "host".
type Host struct {
	Engine      string `json:"engine,omitempty"`  // name and version
	API         string `json:"api,omitempty"`     // negotiated API version
	Storage     string `json:"storage,omitempty"` // storage driver
	Runtime     string `json:"runtime,omitempty"` // default OCI runtime
	Cgroup      string `json:"cgroup,omitempty"`  // "1" or "2"
	OS          string `json:"os,omitempty"`
	Arch        string `json:"arch,omitempty"` // as Go names it
	Kernel      string `json:"kernel,omitempty"`
	CPU         string `json:"cpu,omitempty"` // model, where the candidates' host is ours; see CPUModel
	CPUs        int    `json:"cpus,omitempty"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`

	// Reach is how candidates' ports are reached: "address" (the
	// container's own) or "published" (through the engine's port mapping,
	// which may accept before the program listens).
	Reach string `json:"reach,omitempty"`

	// GPURequest is how GPUs were asked for, once a candidate got some: a
	// phrase for people such as "device request, by the runtime's hook".
	GPURequest string `json:"gpu_request,omitempty"`
}
