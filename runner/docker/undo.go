package docker

import (
	"context"
	"errors"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

// beforeUndoable is what is in BuildKit's cache before a build that may be
// undone; nothing for others.
func (r *Runner) beforeUndoable(ctx context.Context, b runner.Build) ([]string, error) {
	if !b.Undoable || b.With != runner.BuildKit {
		return nil, nil
	}
	return r.cached(ctx)
}

// undoable is how a build is undone. One that failed is undone right away.
//
// The classic builder's cache is images, and it tells which of them it made.
// BuildKit tells nothing of the kind: what its cache has now and had not before
// counts as the build's.
func (r *Runner) undoable(ctx context.Context, b runner.Build, told steps, before []string, failed error) (undo func() error, err error) {
	if c, ok := told.(*classic); ok {
		undo = func() error {
			err := r.untag(b.Tag)
			r.removeUnused(context.Background(), c.made)
			return err
		}
	} else {
		after, err := before, failed
		if failed == nil {
			after, err = r.cached(context.WithoutCancel(ctx))
		}
		if err != nil { // records of what was cancelled may appear a little later
			return nil, errors.Join(err, r.untag(b.Tag), r.removeCached(ctx, before))
		}
		undo = func() error {
			ours := func(id string) bool { return slices.Contains(after, id) && !slices.Contains(before, id) }
			return errors.Join(r.untag(b.Tag), r.pruneCached(context.Background(), ours))
		}
	}
	if failed != nil {
		return nil, errors.Join(failed, undo())
	}
	return undo, nil
}

// untag removes a built image by its tag, and none that it was made from: those
// may be somebody's cache. One that is not there is no error.
func (r *Runner) untag(tag string) error {
	ctx, cancel := detached(context.Background(), r.launch)
	defer cancel()
	_, err := r.cli.ImageRemove(ctx, tag, image.RemoveOptions{Force: true})
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	return r.engineError(ctx, "removing image "+tag, err)
}
