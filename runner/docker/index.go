package docker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	dockerimage "github.com/docker/docker/api/types/image"

	"mlbench/runner"
	"mlbench/runner/image"
)

// Index reads what is in an image, which it pulls if it is not here: from the
// folders of its layers where this process may read them (as root on the
// engine's host), else from what the engine's save call sends, which takes the
// engine some 10 s a gigabyte.
func (r *Runner) Index(ctx context.Context, ref string, opts image.Options) (*image.Index, error) {
	if r.arch == "" { // Host was not called
		if _, err := r.Host(ctx); err != nil {
			return nil, err
		}
	}
	img, err := r.image(ctx, ref)
	if err != nil {
		return nil, err
	}
	x, err := r.indexFolders(ctx, img, opts)
	if errors.Is(err, image.ErrNoFolders) {
		x, err = r.indexSaved(ctx, img, opts)
	}
	switch {
	case err == nil:
		x.Ref = ref
		return x, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	if _, found := r.inspectImage(ctx, img.ID); cerrdefs.IsNotFound(found) {
		err = fmt.Errorf("it was removed meanwhile: build or pull it again (%w)", err)
	}
	return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("reading image %s: %w", ref, err))
}

func (r *Runner) indexFolders(ctx context.Context, img dockerimage.InspectResponse, opts image.Options) (*image.Index, error) {
	folders, err := r.layerFolders(img)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", image.ErrNoFolders, err)
	}
	if r.remapped {
		return nil, fmt.Errorf("%w: the engine has given other owners to what is in them (userns-remap)", image.ErrNoFolders)
	}
	config, err := r.storedConfig(img.ID)
	if err != nil {
		return nil, err
	}
	return image.ReadFolders(ctx, config, folders, opts)
}

// layerFolders are the folders of an image's layers, from the lowest on, as far
// as they are known: those of overlay2.
func (r *Runner) layerFolders(img dockerimage.InspectResponse) ([]string, error) {
	if !r.local {
		return nil, errors.New("the engine's files are on another host")
	}
	if r.graph != "overlay2" {
		return nil, fmt.Errorf("the engine's storage driver is %q, and layer folders are only known for overlay2", r.graph)
	}
	var folders []string
	if upper := img.GraphDriver.Data["UpperDir"]; upper != "" {
		folders = append(folders, upper)
	}
	if lower := img.GraphDriver.Data["LowerDir"]; lower != "" {
		folders = append(folders, strings.Split(lower, ":")...)
	}
	// The engine names them as overlayfs wants them, the highest first.
	slices.Reverse(folders)
	return folders, nil
}

// maxConfig is more than any engine reads of an image's configuration.
const maxConfig = 16 << 20

// storedConfig is an image's configuration as the engine keeps it, with all
// that its API leaves out.
func (r *Runner) storedConfig(id string) (image.Config, error) {
	algorithm, digest, _ := strings.Cut(id, ":")
	path := filepath.Join(r.rootDir, "image", r.graph, "imagedb", "content", algorithm, digest)
	f, err := os.Open(path)
	if err != nil {
		return image.Config{}, fmt.Errorf("%w: nor can the image's configuration: %w", image.ErrNoFolders, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig))
	if err != nil {
		return image.Config{}, err
	}
	if fmt.Sprintf("sha256:%x", sha256.Sum256(b)) != id {
		return image.Config{}, fmt.Errorf("%w: %s is not the image's configuration", image.ErrNoFolders, path)
	}
	config, err := image.ParseConfig(b)
	config.ID = id
	return config, err
}

func (r *Runner) indexSaved(ctx context.Context, img dockerimage.InspectResponse, opts image.Options) (*image.Index, error) {
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	r.opts.Notify(fmt.Sprintf("reading %d MB of image out of the engine: as root on its host it would take a second", img.Size/1e6))
	answer, err := r.cli.ImageSave(ctx, []string{img.ID})
	if err != nil {
		return nil, r.engineError(ctx, "reading the image out of the engine", err)
	}
	defer func() { _ = answer.Close() }()
	x, err := image.ReadSaved(ctx, answer, img.ID, img.Architecture, opts)
	if err != nil && engineGone(err) {
		err = r.engineError(ctx, "reading the image out of the engine", err)
	}
	return x, err
}
