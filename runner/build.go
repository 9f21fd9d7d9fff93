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
	// wraps ErrEnvironment and ErrStep, and tells the step and its last output.
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
	// Undoable gives Built an Undo, which costs some questions to the engine
	// before and after the build. A build that fails is undone at once.
	Undoable bool
	// Quiet does not notify of each step.
	Quiet bool
}

// Built is an image that was made.
type Built struct {
	ID      string
	With    BuildWith     // never AnyBuild
	Version string        // of the engine that With is a part of
	Took    time.Duration // from the request until the image was made
	Steps   []Step        // as the builder told them, in the order in which it came to them

	// Undo removes the image and what the build has put into the engine's
	// cache, but not what was there before, nor what others build on meanwhile.
	// Builds are undone in the opposite order of their making. Nil unless the
	// build was Undoable. What somebody else builds with BuildKit during the
	// build cannot be told from it, and is made anew when it is wanted.
	Undo func() error
}

// A Step is an instruction of a Dockerfile that a build came to, but FROM.
type Step struct {
	Name   string // as the builder writes it, e.g. "[2/5] COPY . ."
	Cached bool   // its result was there already
	Took   time.Duration
}

// A ContextCopy is a build whose Context is a copy in a folder of ours, as the
// engine would get it: what is ignored is not there.
type ContextCopy struct {
	Build
	Folder string // to be changed at will
	Files  int    // regular ones
	Bytes  int64
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
