package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
	"mlbench/runner/cache"
)

// CanEvict prefers to drop the pages of the candidates' own files, which can
// be proved and disturbs nothing else; else a helper container drops the
// whole page cache.
func (r *Runner) CanEvict(ctx context.Context, candidates []runner.Candidate) (runner.Eviction, error) {
	var unreadable error
	for _, c := range candidates { // not only read, but told of
		if _, unreadable = r.Resident(ctx, c); unreadable != nil {
			break
		}
	}
	if unreadable == nil {
		return runner.Eviction{How: "pages of the candidates' own files dropped (posix_fadvise)", Proved: true}, nil
	}
	if ctx.Err() != nil {
		return runner.Eviction{}, context.Cause(ctx)
	}
	if !r.local {
		return runner.Eviction{}, runner.As(runner.ErrNotPermitted, fmt.Errorf(
			"the images' pages cannot be dropped from memory: %w; nor can a helper container do it, as the engine is not on this host: %s", unreadable, evictRemedy))
	}
	// Whether the helper works shows when it is first needed: to try it here
	// would empty the host's cache for a level that may not be wanted.
	r.byHelper = true
	return runner.Eviction{How: "the host's whole page cache dropped (drop_caches, by a helper container)"}, nil
}

const evictRemedy = "run mlbench as root on the engine's host, or use --cold warm"

// Evict makes the candidates cold. Every layer is gone through once, whoever
// shares it.
func (r *Runner) Evict(ctx context.Context, candidates []runner.Candidate) ([]runner.Residency, error) {
	if r.byHelper {
		if err := r.dropThroughHelper(ctx); err != nil {
			return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("--cold cache: %w: %s", err, evictRemedy))
		}
		return nil, nil
	}
	stayed := make([]runner.Residency, len(candidates))
	evicted := make(map[*cache.Files]runner.Residency)
	for i, c := range candidates {
		layers, err := r.layerFiles(ctx, c)
		if err != nil {
			return nil, runner.As(runner.ErrEnvironment, err)
		}
		for _, files := range layers {
			left, ok := evicted[files]
			if !ok {
				if left, err = files.Evict(ctx); err != nil {
					return nil, runner.As(runner.ErrEnvironment, err)
				}
				evicted[files] = left
			}
			stayed[i] = stayed[i].Plus(left)
		}
	}
	return stayed, nil
}

// Resident says how much of the candidate's image is in memory.
func (r *Runner) Resident(ctx context.Context, c runner.Candidate) (runner.Residency, error) {
	return r.count(ctx, c, (*cache.Files).Resident)
}

// StillResident looks only where Resident found something, in a layer that is
// shared for whichever candidate it was asked last.
func (r *Runner) StillResident(ctx context.Context, c runner.Candidate) (runner.Residency, error) {
	return r.count(ctx, c, (*cache.Files).StillResident)
}

func (r *Runner) count(ctx context.Context, c runner.Candidate, of func(*cache.Files, context.Context) (runner.Residency, error)) (runner.Residency, error) {
	var sum runner.Residency
	layers, err := r.layerFiles(ctx, c)
	if err != nil {
		return sum, runner.As(runner.ErrNotPermitted, err)
	}
	for _, files := range layers {
		in, err := of(files, ctx)
		if err != nil {
			return sum, err
		}
		sum = sum.Plus(in)
	}
	return sum, nil
}

// ResidentFiles says of which of the candidate's files how much is in memory.
func (r *Runner) ResidentFiles(ctx context.Context, c runner.Candidate) ([]runner.FileResidency, error) {
	layers, err := r.layerFiles(ctx, c)
	if err != nil {
		return nil, runner.As(runner.ErrNotPermitted, err)
	}
	var all []runner.FileResidency
	for i, files := range layers {
		in, err := files.InMemory(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range in {
			all = append(all, runner.FileResidency{Layer: i, Path: f.Path, Resident: f.Resident})
		}
	}
	return all, nil
}

// layerFiles are the files in the folders of the candidate's layers, the lowest
// first: their pages are what overlay2 containers read.
func (r *Runner) layerFiles(ctx context.Context, c runner.Candidate) ([]*cache.Files, error) {
	if layers, ok := r.files[c.Digest]; ok {
		return layers, nil
	}
	img, err := r.inspectImage(ctx, c.Digest)
	if err != nil {
		return nil, r.engineError(ctx, "inspecting image "+c.Ref, err)
	}
	folders, err := r.layerFolders(img)
	if err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("the engine names no layer folders of image %s", c.Ref)
	}
	// What was just built or pulled may not be on the disk yet, and such
	// pages cannot be dropped.
	if err := cache.Sync(folders[0]); err != nil {
		return nil, err
	}
	var layers []*cache.Files
	for _, folder := range folders {
		files, ok := r.layers[folder]
		if !ok {
			if files, err = cache.List(ctx, []string{folder}); err != nil {
				return nil, err
			}
			r.layers[folder] = files
		}
		layers = append(layers, files)
	}
	r.files[c.Digest] = layers
	return layers, nil
}

// helperScript runs in the helper container, with the host's programs.
const helperScript = "sync && echo 3 > /vm/drop_caches"

// dropThroughHelper writes the kernel's switch from a container: whoever may
// use the engine may do so, and it needs no privileged container, which fails
// where root itself lacks a capability. The container's image is empty, and
// the programs are the host's, so nothing is downloaded.
func (r *Runner) dropThroughHelper(ctx context.Context) error {
	if err := r.makeHelper(ctx); err != nil {
		return err
	}
	name := "mlbench-" + r.session + "-evict"
	calls, cancel := detached(ctx, r.launch)
	defer cancel()
	defer func() {
		removing, cancel := detached(ctx, r.remove)
		defer cancel()
		_ = r.removeContainer(removing, name) // the next run reaps what stays
	}()
	created, err := r.cli.ContainerCreate(calls, &container.Config{
		Image: r.helper, Labels: r.labels(), User: "0:0", Entrypoint: []string{"/bin/sh", "-c", helperScript},
	}, &container.HostConfig{
		NetworkMode: "none",
		Mounts:      helperMounts(),
		LogConfig:   container.LogConfig{Type: "json-file"},
	}, nil, nil, name)
	if err != nil {
		return r.engineError(calls, "creating the helper container", err)
	}
	if err := r.cli.ContainerStart(calls, created.ID, container.StartOptions{}); err != nil {
		return r.engineError(calls, "starting the helper container", err)
	}
	done, failed := r.cli.ContainerWait(calls, created.ID, container.WaitConditionNotRunning)
	select {
	case d := <-done:
		if d.Error != nil {
			return r.engineError(calls, "waiting for the helper container", errors.New(d.Error.Message))
		}
		if d.StatusCode != 0 {
			x := one{r: r, id: created.ID}
			return fmt.Errorf("the helper container ended with status %d: %s", d.StatusCode, strings.Join(x.lastLines(calls), " "))
		}
	case err := <-failed:
		return r.engineError(calls, "waiting for the helper container", err)
	}
	return nil
}

func helperMounts() []mount.Mount {
	mounts := []mount.Mount{{Type: mount.TypeBind, Source: "/proc/sys/vm", Target: "/vm"}}
	for _, dir := range []string{"/bin", "/lib", "/lib64", "/usr"} {
		if _, err := os.Stat(dir); err == nil {
			mounts = append(mounts, mount.Mount{Type: mount.TypeBind, Source: dir, Target: dir, ReadOnly: true})
		}
	}
	return mounts
}

// makeHelper imports the helper's empty image, once.
func (r *Runner) makeHelper(ctx context.Context) error {
	if r.helper != "" {
		return nil
	}
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	var empty bytes.Buffer
	if err := tar.NewWriter(&empty).Close(); err != nil {
		return err
	}
	var changes []string
	for k, v := range r.labels() {
		changes = append(changes, fmt.Sprintf("LABEL %s=%q", k, v))
	}
	ref := "mlbench-helper:" + r.session
	failed := func(err error) error {
		// What came of it is not known.
		return errors.Join(r.engineError(ctx, "importing the helper's image", err), r.removeImage(ref))
	}
	answer, err := r.cli.ImageImport(ctx, image.ImportSource{Source: io.Reader(&empty), SourceName: "-"}, ref,
		image.ImportOptions{Changes: changes})
	if err != nil {
		return failed(err)
	}
	defer func() { _ = answer.Close() }()
	if err := messages(answer, failed, func(jsonmessage.JSONMessage) {}); err != nil {
		return err
	}
	r.helper = ref
	return nil
}

func (r *Runner) removeHelper() error {
	if r.helper == "" {
		return nil
	}
	err := r.removeImage(r.helper)
	if err == nil {
		r.helper = ""
	}
	return err
}

func (r *Runner) removeImage(ref string) error {
	ctx, cancel := detached(context.Background(), r.launch)
	defer cancel()
	_, err := r.cli.ImageRemove(ctx, ref, image.RemoveOptions{Force: true, PruneChildren: true})
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	return r.engineError(ctx, "removing image "+ref, err)
}
