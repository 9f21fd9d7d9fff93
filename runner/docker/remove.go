package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

// remove takes the container away, with its anonymous volumes, whatever
// became of ctx. By name, as the answer to the create call may be lost.
func (x *one) remove(ctx context.Context) error {
	ctx, cancel := detached(ctx, x.r.remove)
	defer cancel()
	err := x.r.removeContainer(ctx, x.name)
	if err == nil {
		return nil
	}
	killed := x.kill()
	if engineGone(err) {
		x.r.opts.Notify(fmt.Sprintf("the engine is gone: waiting %v for it to come back, to remove container %s", x.r.back, x.name))
		if err = x.r.removeWithin(ctx, x.r.back, x.name); err == nil {
			return nil
		}
	}
	err = x.r.engineError(ctx, "removing container "+x.name, err)
	if killed {
		return fmt.Errorf("%w; its processes were killed, and `mlbench clean` removes the rest once the engine answers", err)
	}
	return fmt.Errorf("%w; `mlbench clean` removes it once the engine answers", err)
}

// persist is how long a failing removal is tried again: what fails for a
// moment (a device that is busy, a broken connection) works by then.
const persist = time.Second

func (r *Runner) removeContainer(ctx context.Context, id string) error {
	return r.removeWithin(ctx, persist, id)
}

func (r *Runner) removeWithin(ctx context.Context, persist time.Duration, id string) error {
	begin := time.Now()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		err := r.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil, cerrdefs.IsNotFound(err):
			return nil
		case cerrdefs.IsConflict(err): // "removal already in progress": wait for its end
		case time.Since(begin) > persist:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// kill ends the container's processes without the engine, and reports whether
// there were any.
func (x *one) kill() bool {
	if !x.r.local || x.id == "" {
		return false
	}
	killed := false
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		// Found before it is looked at: on Linux this is a handle of the
		// process, so none that takes over its id later can be hit.
		p, err := os.FindProcess(pid)
		if err != nil {
			continue
		}
		if x.contains(pid) && p.Kill() == nil {
			killed = true
		}
		_ = p.Release()
	}
	return killed
}

// contains reports whether a process of this host is one of the container's.
func (x *one) contains(pid int) bool { return inContainer(pid, x.id) }

// Reap removes containers, images and folders that killed runs left behind.
func (r *Runner) Reap(ctx context.Context) ([]string, error) {
	labelled := filters.NewArgs(filters.Arg("label", runner.OwnerLabel))
	asking, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	containers, err := r.cli.ContainerList(asking, container.ListOptions{All: true, Filters: labelled})
	if err != nil {
		return nil, r.engineError(ctx, "listing what killed runs left", err)
	}
	var reaped []string
	var failed []error
	for _, c := range containers {
		if !ownerDead(c.Labels) || !ours(c.Names) {
			continue
		}
		if err := r.reapContainer(ctx, c.ID); err != nil {
			failed = append(failed, r.engineError(ctx, "removing container "+c.ID[:min(12, len(c.ID))], err))
			if engineGone(err) || errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				return reaped, errors.Join(failed...)
			}
			continue
		}
		reaped = append(reaped, "container "+strings.TrimPrefix(strings.Join(c.Names, " "), "/"))
	}
	asking, cancel = context.WithTimeout(ctx, r.ask)
	defer cancel()
	images, err := r.cli.ImageList(asking, image.ListOptions{Filters: labelled})
	if err != nil {
		return reaped, errors.Join(append(failed, r.engineError(ctx, "listing what killed runs left", err))...)
	}
	gone, err := r.reapImages(ctx, slices.DeleteFunc(images, func(i image.Summary) bool {
		return !ownerDead(i.Labels) || !ours(i.RepoTags)
	}))
	folders, folderErr := r.reapFolders(ctx)
	return slices.Concat(reaped, gone, folders), errors.Join(append(failed, err, folderErr)...)
}

func (r *Runner) reapContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, r.remove)
	defer cancel()
	return r.removeContainer(ctx, id)
}

// reapImages removes images, those that others were built from after these.
func (r *Runner) reapImages(ctx context.Context, images []image.Summary) (reaped []string, err error) {
	for len(images) > 0 {
		var left []image.Summary
		var failed []error
		for _, i := range images {
			removing, cancel := context.WithTimeout(ctx, r.remove)
			_, err := r.cli.ImageRemove(removing, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
			cancel()
			if err != nil && (errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil) {
				return reaped, r.engineError(ctx, "removing image "+i.ID, err)
			}
			if err != nil && !cerrdefs.IsNotFound(err) {
				left, failed = append(left, i), append(failed, r.engineError(ctx, "removing image "+i.ID, err))
				continue
			}
			reaped = append(reaped, "image "+strings.Join(append(i.RepoTags, i.ID), " "))
		}
		if len(left) == len(images) {
			return reaped, errors.Join(failed...)
		}
		images = left
	}
	return reaped, nil
}

func ownerDead(labels map[string]string) bool {
	owner, err := runner.ParseOwner(labels[runner.OwnerLabel])
	return err == nil && owner.Dead()
}

// ours reports whether all of a container's or image's names are of the kind
// that mlbench gives. An image that someone made from one of our containers,
// and what is started from it, bears our labels too, and is theirs.
func ours(names []string) bool {
	for _, name := range names {
		if !strings.HasPrefix(strings.TrimPrefix(name, "/"), "mlbench-") && name != "<none>:<none>" {
			return false
		}
	}
	return true
}
