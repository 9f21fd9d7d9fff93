package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	cerrdefs "github.com/containerd/errdefs"

	"mlbench/runner"
)

// Told is what an image says of itself that matters to whoever measures it.
type Told struct {
	Port       int    // 0 where it is not known
	PortFrom   string // what says so, or why nothing does
	Health     string // "" where it is not known
	HealthFrom string
	Check      string // its HEALTHCHECK's command, "" for none

	User    string   // "" is root
	Program []string // entry point and command
	Bytes   int64    // of its layers, as the engine has it: unpacked where it stores them as overlay2
}

// ErrNotHere is that an image is not in the engine.
var ErrNotHere = errors.New("it is not in the engine")

// Tell says what an image tells, without pulling or starting it. One that is not
// here is an error that wraps ErrNotHere.
func (r *Runner) Tell(ctx context.Context, ref string) (Told, error) {
	img, err := r.inspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return Told{}, runner.As(runner.ErrEnvironment, fmt.Errorf("image %s: %w", ref, ErrNotHere))
	}
	if err != nil {
		return Told{}, err
	}
	f := readFacts(img, nil)
	t := Told{Check: f.check, User: img.Config.User, Program: slices.Concat(img.Config.Entrypoint, img.Config.Cmd), Bytes: img.Size}
	if t.Port, err = f.port(ref); err != nil {
		t.PortFrom = err.Error()
	} else {
		switch {
		case f.labelPort != "":
			t.PortFrom = "the image's label " + LabelPort
		case len(f.exposed) == 1:
			t.PortFrom = "exposed by the image"
		default:
			t.PortFrom = "the image's HEALTHCHECK"
		}
	}
	if t.Health, err = f.health(ref, t.Port); err != nil {
		t.HealthFrom = err.Error()
	} else if f.labelHealth != "" {
		t.HealthFrom = "the image's label " + LabelHealth
	} else if t.Health != "" {
		t.HealthFrom = "the image's HEALTHCHECK"
	}
	return t, nil
}
