package docker

import (
	"context"
	"errors"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

// Prepare finds the image, pulling it if it is not here, checks that it can
// run on this engine, and finds port and health path as far as the image
// tells them.
func (r *Runner) Prepare(ctx context.Context, c runner.Candidate) (runner.Candidate, error) {
	c = c.Clone()
	var img image.InspectResponse
	var err error
	if r.opts.Registry == "" {
		img, err = r.image(ctx, c.Ref)
	} else {
		img, c.CompressedBytes, err = r.fromRegistry(ctx, c)
	}
	if err != nil {
		return c, err
	}
	if img.Os != "linux" || img.Architecture != r.arch {
		return c, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"image %s is for %s/%s and the engine runs linux/%s: pull or build it with --platform linux/%s",
			c.Image(), img.Os, img.Architecture, r.arch, r.arch))
	}
	c.Digest = img.ID
	if r.graph == "overlay2" {
		// Only here is the engine's figure the sum of the unpacked layers.
		c.UnpackedBytes = &img.Size
	}
	facts := readFacts(img, c.Env)
	if c.Ready.Kind == runner.Healthcheck && facts.check == "" {
		return c, runner.As(runner.ErrUsage, fmt.Errorf(
			"--ready healthcheck: image %s has no HEALTHCHECK: add one, or use --ready http", c.Image()))
	}
	if c.Ready.Kind != runner.Healthcheck && facts.check != "" {
		r.opts.Notify(fmt.Sprintf("%s: its HEALTHCHECK is switched off during starts, as it would run inside them", c.Name))
	}
	if c.Ready.Kind == runner.TCP && r.published {
		return c, errPublishedTCP(c)
	}
	if c.Network == "none" && (c.Ready.NeedsPort() || c.Request != nil) {
		return c, runner.As(runner.ErrUsage, errors.New(
			"--network none leaves no address to ask: use --ready log=REGEXP, exit or healthcheck, or another network"))
	}
	if c.Port == 0 && (c.Ready.NeedsPort() || c.Request != nil) {
		if c.Port, err = facts.port(c.Image()); err != nil {
			return c, runner.As(runner.ErrUsage, err)
		}
	}
	if c.Health == "" && (c.Ready.Kind == runner.HTTP || c.Ready.Kind == "") {
		if c.Health, err = facts.health(c.Image(), c.Port); err != nil {
			return c, runner.As(runner.ErrUsage, err)
		}
	}
	return c, nil
}

func errPublishedTCP(c runner.Candidate) error {
	return runner.As(runner.ErrUsage, fmt.Errorf(
		"--ready tcp: on this engine %s is reached through a published port, which accepts before the program listens: use --ready http or log=REGEXP", c.Name))
}

// image inspects an image, pulling it first if it is not here.
func (r *Runner) image(ctx context.Context, ref string) (image.InspectResponse, error) {
	if _, err := reference.ParseAnyReference(ref); err != nil {
		return image.InspectResponse{}, runner.As(runner.ErrUsage, fmt.Errorf(
			"%q is not an image reference: %w: give one like registry.example/name:tag", ref, err))
	}
	img, err := r.inspect(ctx, ref)
	if !cerrdefs.IsNotFound(err) {
		return img, err
	}
	r.opts.Notify(fmt.Sprintf("image %s is not here: pulling it", ref))
	if _, err := r.pull(ctx, ref); err != nil {
		if ctx.Err() != nil {
			return img, context.Cause(ctx)
		}
		return img, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"image %s is not here and cannot be pulled: %w: check the name, or build or `docker pull` it first (a private registry needs your login)", ref, err))
	}
	return r.inspect(ctx, ref)
}

func (r *Runner) inspect(ctx context.Context, ref string) (image.InspectResponse, error) {
	img, err := r.inspectImage(ctx, ref)
	if err != nil {
		return img, r.engineError(ctx, "inspecting image "+ref, err)
	}
	if img.Config == nil { // nothing in the API's description forbids it
		return img, runner.As(runner.ErrEnvironment, fmt.Errorf("image %s has no configuration: build it again", ref))
	}
	return img, nil
}

func (r *Runner) inspectImage(ctx context.Context, ref string) (image.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	return r.cli.ImageInspect(ctx, ref)
}
