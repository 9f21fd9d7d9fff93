package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
	"mlbench/runner/cache"
	"mlbench/runner/image"
)

const registryRemedy = "push the images to a registry that the engine reaches, and name that with --registry"

// pullCopies serves copies of the candidates' images, and has them pulled.
func (r *Runner) pullCopies(ctx context.Context, candidates []runner.Candidate) ([]runner.Candidate, runner.Pulling, error) {
	var none runner.Pulling
	if !r.local {
		return nil, none, runner.As(runner.ErrNotPermitted, fmt.Errorf(
			"the engine at %s is not on this host, so it does not reach a registry that mlbench serves here: %s", r.cli.DaemonHost(), registryRemedy))
	}
	var ids []string
	var size int64
	for _, c := range candidates {
		if slices.Contains(ids, c.Digest) {
			continue
		}
		img, err := r.inspect(ctx, c.Digest)
		if err != nil {
			return nil, none, err
		}
		if len(img.RootFS.Layers) == 0 {
			return nil, none, runner.As(runner.ErrNotPermitted, fmt.Errorf("image %s has no layers, so there is nothing to pull: use --cold warm", c.Image()))
		}
		ids, size = append(ids, c.Digest), size+img.Size
	}
	if err := r.makeBlobs(); err != nil {
		return nil, none, err
	}
	if err := r.checkRoom(size); err != nil {
		return nil, none, err
	}
	var err error
	if r.server, err = serve(r.blobs, "mlbench-"+r.session); err != nil {
		return nil, none, runner.As(runner.ErrEnvironment, fmt.Errorf("serving a registry on this host: %w", err))
	}
	if err := r.checkReach(ctx); err != nil {
		return nil, none, err
	}
	copies, err := r.copyImages(ctx, ids, size)
	if err != nil {
		return nil, none, err
	}
	out := slices.Clone(candidates)
	for i, c := range candidates {
		made := copies[slices.Index(ids, c.Digest)]
		f := &fresh{ref: r.server.ref(made.manifest), id: made.config, sizes: make(map[string]int64), from: "the copy of " + c.Name}
		for _, l := range made.layers {
			f.sizes[shortDigest(l.Digest)] = l.Size
		}
		r.fresh[c.Name] = f
		r.toRemove = append(r.toRemove, f)
		out[i].CompressedBytes = &made.size
	}
	return out, runner.Pulling{How: "each image pulled for every start and removed after it, from a registry that mlbench serves on this host: as a copy with layers that no other image has, over loopback; " + unpackedInMemory}, nil
}

// checkReach has the engine ask our registry for something, to see that they
// share a network.
func (r *Runner) checkReach(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	answer, err := r.cli.ImagePull(asking, r.server.host+"/"+r.server.repo+":none", dockerimage.PullOptions{})
	if err == nil {
		err = messages(answer, func(err error) error { return err }, func(jsonmessage.JSONMessage) {})
		_ = answer.Close()
	}
	if err == nil {
		err = errors.New("something else answered it there")
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.server.reached.Load():
		return nil
	}
	return runner.As(runner.ErrNotPermitted, fmt.Errorf(
		"the engine does not reach the registry that mlbench serves at %s (%w): %s", r.server.host, err, registryRemedy))
}

// copyImages copies images of the engine, which have size bytes together, into
// the folder and offers them.
func (r *Runner) copyImages(ctx context.Context, ids []string, size int64) ([]imageCopy, error) {
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	begin := time.Now()
	r.opts.Notify(fmt.Sprintf("copying %d MB of images, to be pulled from here", size/1e6))
	failed := func(err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, syscall.ENOSPC):
			return runner.As(runner.ErrEnvironment, fmt.Errorf("copying images into %s: %w: %s", r.blobs, err, roomRemedy))
		}
		return r.engineError(ctx, "copying images out of the engine", err)
	}
	to, err := newCopier(r.blobs)
	if err != nil {
		return nil, failed(err)
	}
	stream, err := r.cli.ImageSave(ctx, ids)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = stream.Close() }()
	in := &told{Reader: stream, last: time.Now(), tell: func(n int64) {
		r.opts.Notify(fmt.Sprintf("copying images: %d of %d MB", n/1e6, size/1e6))
	}}
	found, err := image.ScanArchive(ctx, in, to.layer)
	if err != nil {
		return nil, failed(err)
	}
	var copies []imageCopy
	var written int64
	seen := make(map[string]bool)
	for _, id := range ids {
		config, layers, err := found.Image(id, r.arch)
		if err != nil {
			return nil, failed(fmt.Errorf("image %s: %w", id, err))
		}
		made, err := to.image(config, layers, r.labels())
		if err != nil {
			return nil, failed(err)
		}
		copies = append(copies, made)
		for _, l := range made.layers {
			if !seen[l.Digest] {
				seen[l.Digest], written = true, written+l.Size
			}
		}
	}
	_ = cache.Sync(r.blobs) // else it would be in the way of the first pulls
	r.server.offer(copies...)
	r.opts.Notify(fmt.Sprintf("copied them in %v: %d MB compressed, in %s until the run ends", time.Since(begin).Round(100*time.Millisecond), written/1e6, filepath.Dir(r.blobs)))
	return copies, nil
}

// copiedEvery is how often it is told how far the copying is: it takes minutes.
const copiedEvery = 10 * time.Second

// told tells now and then how much was read.
type told struct {
	io.Reader
	n    int64
	last time.Time
	tell func(n int64)
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if t.n += int64(n); time.Since(t.last) >= copiedEvery {
		t.last = time.Now()
		t.tell(t.n)
	}
	return n, err
}

const roomRemedy = "free some, set TMPDIR to a folder on a larger disk, or use --registry"

// checkRoom refuses where there is no room for copies of so many bytes. The
// engine writes images down once more before it sends them, and again when it
// pulls them; compressed, they may be as large as before.
func (r *Runner) checkRoom(size int64) error {
	here, known := diskOf(r.blobs)
	engine, engineKnown := diskOf(r.rootDir)
	lacks := func(dir string, left, want int64) error {
		return runner.As(runner.ErrEnvironment, fmt.Errorf(
			"--cold pull: copies of the images may need %d MB in %s, and %d MB are free: %s", want/1e6, dir, left/1e6, roomRemedy))
	}
	switch {
	case known && engineKnown && here.id == engine.id && here.ours < 2*size:
		return lacks(filepath.Dir(r.blobs)+" and "+r.rootDir, here.ours, 2*size)
	case known && here.ours < size:
		return lacks(filepath.Dir(r.blobs), here.ours, size)
	case engineKnown && engine.free < size:
		return lacks(r.rootDir, engine.free, size)
	}
	return nil
}
