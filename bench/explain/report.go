// Package explain says where a start goes: its phases, what it imports, what of
// the image it touches; what that leaves to be gained; and of two candidates,
// which changes made the difference.
package explain

import (
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
)

// Schema is the form of the JSON. Fields are never renamed within it.
const Schema = "mlbench.explain/v1"

// A Report is what was found out about one candidate, or about two.
type Report struct {
	Schema     string      `json:"schema"`
	Tool       bench.Tool  `json:"tool"`
	StartedAt  time.Time   `json:"started_at"`
	Cold       bench.Cold  `json:"cold"`
	Host       runner.Host `json:"host"`
	Candidates []Candidate `json:"candidates"`           // the old one first
	Difference *Difference `json:"difference,omitempty"` // of two
	Wins       *bench.Wins `json:"wins,omitempty"`       // of two
	Warnings   []string    `json:"warnings"`
}

// A Candidate is one that was looked at.
type Candidate struct {
	Name          string `json:"name"`
	Ref           string `json:"ref"`
	Digest        string `json:"digest,omitempty"`
	UnpackedBytes *int64 `json:"unpacked_bytes,omitempty"`

	// Starts were measured and became ready; ReadyMS and Phases are their medians.
	Starts  int     `json:"starts"`
	ReadyMS float64 `json:"ready_ms"`
	Phases  []Phase `json:"phases"`

	// OnGPU and GPUMemoryBytes, when ready, are the medians of starts that were
	// seen on a GPU. These times lie beside the phases.
	OnGPU          []Phase `json:"on_gpu,omitempty"`
	GPUMemoryBytes *int64  `json:"gpu_memory_bytes,omitempty"`

	Imports *Imports `json:"imports"`           // nil where none were seen
	Touched *Touched `json:"touched"`           // nil where it cannot be told
	Missing []string `json:"missing,omitempty"` // what is not known, and why

	Opportunities []Opportunity `json:"opportunities"`

	index   *image.Index // nil where it cannot be read
	owners  *image.Owners
	image   *image.Report
	reasons map[image.Owner]string // why each is in the image
}

// A Phase is the median of one phase.
type Phase struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// Imports are what Python said of its imports in starts that are not among the
// measured ones, but as cold. Saying it slows them down. Times are medians.
type Imports struct {
	Starts    int     `json:"starts"`
	ReadyMS   float64 `json:"ready_ms"`   // of those starts
	ProgramMS float64 `json:"program_ms"` // of it, since the program was started

	Modules  int       `json:"modules"`
	TotalMS  float64   `json:"total_ms"` // of all modules until it was ready
	Packages []Package `json:"packages"` // largest first
	Tree     []Module  `json:"tree"`     // without what takes less than 1 % of the total

	// Later is what only the first request imported.
	LaterMS  float64   `json:"later_ms,omitempty"`
	Later    []Package `json:"later,omitempty"`
	Warnings []string  `json:"warnings,omitempty"` // where the log is not whole
}

// Touched is what of the image's files a start from cold has left in memory.
type Touched struct {
	How   string  `json:"how"`
	Files int     `json:"files"` // of the image
	Bytes int64   `json:"bytes"`
	Ready Reading `json:"ready"`
	// FirstResponse is what was touched until the first request was answered;
	// nil where none was asked.
	FirstResponse *Reading       `json:"first_response,omitempty"`
	Owners        []TouchedOwner `json:"owners"` // the one with the most bytes that were never touched first
	Never         []NeverTouched `json:"never_touched"`
}

// A Reading is how much had been touched at a mark.
type Reading struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// A TouchedOwner is what of one owner's files was touched until the last mark.
type TouchedOwner struct {
	image.Owner
	Files        int   `json:"files"`
	Bytes        int64 `json:"bytes"`
	TouchedFiles int   `json:"touched_files"`
	TouchedBytes int64 `json:"touched_bytes"`
	NeverBytes   int64 `json:"never_bytes"` // of files of which nothing was touched
}

// NeverTouched are owners of whom no file was touched, by the reason for which
// they are in the image.
type NeverTouched struct {
	Reason string   `json:"reason"`
	Bytes  int64    `json:"bytes"`
	Owners []string `json:"owners"` // largest first
}

// An Opportunity is something that could be gained.
type Opportunity struct {
	What  string   `json:"what"`
	MS    *float64 `json:"ms,omitempty"`
	Bytes *int64   `json:"bytes,omitempty"`
	Basis string   `json:"basis"` // what the estimate rests on
}
