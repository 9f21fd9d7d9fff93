package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
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
	ctx, cancel := detached(ctx)
	defer cancel()
	err := x.r.removeContainer(ctx, x.name)
	if err == nil {
		return nil
	}
	err = x.r.engineError("removing container "+x.name, err)
	if x.kill() {
		return fmt.Errorf("%w; its processes were killed, and `mlbench clean` removes the rest once the engine answers", err)
	}
	return fmt.Errorf("%w; `mlbench clean` removes it once the engine answers", err)
}

func (r *Runner) removeContainer(ctx context.Context, id string) error {
	var err error
	for pause := 10 * time.Millisecond; pause < time.Second; pause *= 4 {
		err = r.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil, cerrdefs.IsNotFound(err):
			return nil
		case cerrdefs.IsConflict(err): // "removal already in progress"
		case ctx.Err() != nil:
			return err
		}
		time.Sleep(pause)
	}
	return err
}

// kill ends the container's first process without the engine, which takes the
// others with it, if the engine is gone and the process surely is the
// container's. It reports whether it did.
func (x *one) kill() bool {
	if !x.r.local || x.pid <= 1 || x.id == "" {
		return false
	}
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", x.pid))
	if err != nil || !strings.Contains(string(cgroup), x.id) {
		return false
	}
	p, err := os.FindProcess(x.pid)
	return err == nil && p.Signal(syscall.SIGKILL) == nil
}

// Reap removes containers and images that killed runs left behind.
func (r *Runner) Reap(ctx context.Context) ([]string, error) {
	ours := filters.NewArgs(filters.Arg("label", runner.OwnerLabel))
	containers, err := r.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, r.engineError("listing what killed runs left", err)
	}
	var reaped []string
	var failed []error
	for _, c := range containers {
		if !ownerDead(c.Labels) {
			continue
		}
		if err := r.removeContainer(ctx, c.ID); err != nil {
			failed = append(failed, r.engineError("removing container "+c.ID[:12], err))
			continue
		}
		reaped = append(reaped, "container "+strings.TrimPrefix(strings.Join(c.Names, " "), "/"))
	}
	images, err := r.cli.ImageList(ctx, image.ListOptions{All: true, Filters: ours})
	if err != nil {
		return reaped, errors.Join(append(failed, r.engineError("listing what killed runs left", err))...)
	}
	for _, i := range images {
		if !ownerDead(i.Labels) {
			continue
		}
		if _, err := r.cli.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true}); err != nil && !cerrdefs.IsNotFound(err) {
			failed = append(failed, r.engineError("removing image "+i.ID, err))
			continue
		}
		reaped = append(reaped, "image "+strings.Join(append(i.RepoTags, i.ID), " "))
	}
	return reaped, errors.Join(failed...)
}

func ownerDead(labels map[string]string) bool {
	owner, err := runner.ParseOwner(labels[runner.OwnerLabel])
	return err == nil && owner.Dead()
}
