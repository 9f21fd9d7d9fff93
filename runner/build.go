package runner

import (
	"context"
	"io/fs"
)

// A Builder is a Runner that can make images. It is an optional power.
type Builder interface {
	// Build makes an image. A failing step is an error that wraps
	// ErrEnvironment and tells the step and its last output.
	Build(ctx context.Context, b Build) error
}

// A Build is an image to make.
type Build struct {
	Context fs.FS             // the Dockerfile at its root; .dockerignore is applied
	Tag     string            // the reference that the image gets
	Args    map[string]string // values of the Dockerfile's ARGs
}
