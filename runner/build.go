package runner

import (
	"context"
	"io/fs"
	"time"
)

// A Builder is a Runner that can make images. It is an optional power.
type Builder interface {
	// Build makes an image. A Dockerfile that is not there or cannot be parsed
	// is an error that wraps ErrUsage, and so is a Target that is no stage, or
	// something in the context that cannot be sent; a failing step is one that
	// wraps ErrEnvironment, and tells the step and its last output.
	Build(ctx context.Context, b Build) (Built, error)
}

// BuildWith is what carries out a Dockerfile's steps. Digests depend on it.
type BuildWith string

// What there is to build with.
const (
	Classic  BuildWith = "classic"  // the engine's own builder, which is what "" means too
	BuildKit BuildWith = "buildkit" // the BuildKit in the engine
	AnyBuild BuildWith = "auto"     // BuildKit where the engine has it, else Classic
)

// A Build is an image to make.
type Build struct {
	Context    fs.FS  // .dockerignore is applied; symbolic links need fs.ReadLinkFS
	Dockerfile string // its path in Context; "" is Dockerfile
	Tag        string // the reference that the image gets
	Name       string // what messages call it; "" is Tag
	Args       map[string]string
	Target     string // the stage to build; "" is the last
	With       BuildWith

	// Fresh does every step anew, and leaves nothing in the engine's cache but
	// base images that were pulled.
	Fresh bool
	// Passing marks the image as one to be removed soon: should nobody live to
	// do that, a later run does.
	Passing bool
}

// Built is an image that was made.
type Built struct {
	ID      string
	With    BuildWith // never AnyBuild
	Version string    // of the engine that With is a part of
	Took    time.Duration
}

// An Origin is what a candidate's image was built from, for a run alone.
type Origin struct {
	Folder     string            `json:"folder"`     // as the user named it
	Dockerfile string            `json:"dockerfile"` // its path in Folder
	Target     string            `json:"target,omitempty"`
	Args       map[string]string `json:"args,omitempty"` // without what is secret by its name
	Builder    BuildWith         `json:"builder"`
	Engine     string            `json:"engine"` // its version
	TookMS     float64           `json:"took_ms"`

	// The commit that git has of the folder, "" where it has none, and whether
	// the folder holds something else than that.
	Commit string `json:"commit,omitempty"`
	Dirty  bool   `json:"dirty,omitempty"`
}
