//go:build !unix

// Package process starts commands instead of containers. It needs process
// groups, which this system does not have.
package process

import (
	"context"
	"errors"
	"runtime"
	"time"

	"mlbench/gpu"
	"mlbench/runner"
)

// Runner refuses to start anything on this system.
type Runner struct {
	GPUs *gpu.Sampler // not used
}

func refuse() error {
	return runner.As(runner.ErrEnvironment,
		errors.New("--runner process needs Linux or another Unix, and this is "+runtime.GOOS+": measure an image instead"))
}

// Host refuses.
func (*Runner) Host(context.Context) (runner.Host, error) { return runner.Host{}, refuse() }

// Prepare refuses.
func (*Runner) Prepare(_ context.Context, c runner.Candidate) (runner.Candidate, error) {
	return c, refuse()
}

// Start refuses.
func (*Runner) Start(context.Context, runner.Candidate, time.Duration) (runner.Start, error) {
	return runner.Start{}, refuse()
}

// Close has nothing to free.
func (*Runner) Close() error { return nil }
