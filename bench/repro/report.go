// Package repro finds out how reproducible an image's build is: it builds
// twice, grades how alike the images are, and says what would make them more so.
package repro

import (
	"io"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
)

// Schema is the form of a Report's JSON. Fields are never renamed within it;
// readers ignore what they do not know.
const Schema = "mlbench.repro/v1"

// A Report is what was found.
type Report struct {
	Schema    string     `json:"schema"`
	Tool      bench.Tool `json:"tool"`
	StartedAt time.Time  `json:"started_at"`

	// Of a folder that was built; not there where two images are compared.
	Folder  string            `json:"folder,omitempty"`
	Builder *Builder          `json:"builder,omitempty"`
	Bases   []dockerfile.Base `json:"bases"`

	Images [2]Image `json:"images"`
	Ignore []string `json:"ignore"` // patterns of what does not count
	// IgnoreNoise says that Grade is without noise.
	IgnoreNoise bool `json:"ignore_noise"`
	image.Reproduction

	Output   *Output  `json:"output"` // nil where nothing was run
	Gate     *Gate    `json:"gate"`
	Remedies []string `json:"remedies"` // the most important first
	Warnings []string `json:"warnings"`
}

// A Builder is what built the images. Digests depend on it.
type Builder struct {
	Name       runner.BuildWith  `json:"name"`
	Version    string            `json:"version"` // of the engine that it is a part of
	Dockerfile string            `json:"dockerfile"`
	Args       map[string]string `json:"args,omitempty"` // without secrets
	Epoch      string            `json:"source_date_epoch,omitempty"`
	Meaning    string            `json:"meaning"` // for the grade
}

// An Image is one of the two that are compared.
type Image struct {
	Ref     string  `json:"ref"`
	ID      string  `json:"id"`
	BuildMS float64 `json:"build_ms,omitempty"`
	Bytes   int64   `json:"unpacked_bytes"`
	Kept    bool    `json:"kept,omitempty"` // of those that were built
}

// A Gate is the worst grade that passes.
type Gate struct {
	Limit   image.ReproGrade  `json:"limit"`
	Verdict bench.GateVerdict `json:"verdict"`
}

// Write writes the report as JSON.
func (r *Report) Write(w io.Writer) error {
	c := *r
	filled(&c.Bases)
	filled(&c.Ignore)
	filled(&c.Config)
	filled(&c.Layers)
	filled(&c.Packages)
	filled(&c.Files)
	filled(&c.Noise)
	filled(&c.Remedies)
	filled(&c.Warnings)
	return bench.WriteJSON(w, c)
}

// filled makes an empty list [] and not null.
func filled[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}
