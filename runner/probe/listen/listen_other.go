//go:build !linux

package listen

import (
	"context"
	"errors"
	"time"

	"mlbench/runner"
)

var errNotHere = errors.New("only Linux tells when a program begins to listen")

// An Ear hears every listen(2); there is none here.
type Ear struct{}

// New always fails here, with an error that wraps runner.ErrNotPermitted.
func New() (*Ear, error) { return nil, runner.As(runner.ErrNotPermitted, errNotHere) }

// Close does nothing.
func (*Ear) Close() error { return nil }

// Next always fails.
func (*Ear) Next(context.Context, time.Time) (Event, error) { return Event{}, errNotHere }

// NetworkOf always fails.
func NetworkOf(int) (uint64, error) { return 0, errNotHere }
