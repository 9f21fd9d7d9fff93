package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

// engineTime is what the engine's clock says, where a build is to be undone by
// it; else it is zero.
func (r *Runner) engineTime(ctx context.Context, b runner.Build) (time.Time, error) {
	if !b.Undoable || b.With != runner.BuildKit {
		return time.Time{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	info, err := r.cli.Info(ctx)
	if err != nil {
		return time.Time{}, r.engineError(ctx, "asking the engine what time it is", err)
	}
	now, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	if err != nil {
		return now, runner.As(runner.ErrEnvironment, fmt.Errorf("the engine does not tell what time it is: %w", err))
	}
	return now, nil
}

// undoable is how a build is undone. One that failed is undone right away.
//
// The classic builder's cache is images, and it tells which of them it made.
// BuildKit tells nothing of the kind: what came into its cache between the
// build's beginning and end counts as the build's. By time and not by ID, as a
// record that is written and the one that comes of it take turns in being told,
// whichever is in use at the moment.
func (r *Runner) undoable(ctx context.Context, b runner.Build, told steps, begin time.Time, failed error) (undo func() error, err error) {
	if c, ok := told.(*classic); ok {
		undo = func() error {
			err := r.untag(b.Tag)
			r.removeUnused(context.Background(), c.made)
			return err
		}
	} else {
		end, err := time.Time{}, failed
		if failed == nil {
			end, err = r.engineTime(context.WithoutCancel(ctx), b)
		}
		undo = func() error {
			return errors.Join(r.untag(b.Tag), r.pruneCached(context.Background(), func(c build.CacheRecord) bool {
				return !c.CreatedAt.Before(begin) && (end.IsZero() || !c.CreatedAt.After(end))
			}))
		}
		if err != nil {
			failed = err
		}
	}
	if failed != nil {
		return nil, errors.Join(failed, undo())
	}
	return undo, nil
}

// builtFile, in a folder of ours, lists the images that the classic builder makes
// of steps in builds that are to be undone, as those cannot bear a label of ours.
// Its first line is the engine's ID.
const builtFile = "built"

// openBuilt begins the list.
func (r *Runner) openBuilt(ctx context.Context) error {
	path := filepath.Join(r.folder, builtFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	id, err := r.engineID(ctx)
	if err != nil {
		return err
	}
	return runner.As(runner.ErrEnvironment, os.WriteFile(path, []byte(id+"\n"), 0o600))
}

// noteBuilt adds to the list. Where that fails, a run that is killed leaves the
// image, which is no reason to end a run that is not.
func (r *Runner) noteBuilt(id string) {
	f, err := os.OpenFile(filepath.Join(r.folder, builtFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return // nobody copied a context
	}
	_, _ = f.WriteString(id + "\n")
	_ = f.Close()
}

// reapBuilt removes what a killed run's builds left that nobody needs; elsewhere
// is true where another engine has it.
func (r *Runner) reapBuilt(ctx context.Context, list string) (elsewhere bool, err error) {
	content, err := os.ReadFile(list)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	engine, err := r.engineID(ctx)
	if err != nil {
		return false, err
	}
	ids := strings.Fields(string(content))
	if len(ids) > 0 && ids[0] != engine {
		return true, nil
	}
	if len(ids) > 1 {
		r.removeUnused(ctx, ids[1:])
	}
	return false, nil
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
