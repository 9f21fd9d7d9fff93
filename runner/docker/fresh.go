package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
	"mlbench/runner/cache"
)

// A fresh image is pulled at the beginning of each of its starts, and removed
// after it.
type fresh struct {
	ref   string           // by digest, so that a tag that moves meanwhile changes nothing
	id    string           // that no image in the engine may have before; "" where that is not asked
	login string           // as the engine wants it
	sizes map[string]int64 // of the layers, by the beginning of their digests; nil where only the engine tells
	from  string           // for people
}

// shortDigest is how progress streams name a layer.
func shortDigest(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(len(hex), 12)]
}

const unpackedInMemory = "what a pull unpacks is in memory when the candidate starts, as on a fresh node"

// PullEachTime makes starts cold at level Pull. See runner.Puller.
//
// Without a registry, copies of the images are served on this host, in whose
// layers nothing of the engine's has a part, so that nothing of the user's has
// to be removed for a pull to be one.
func (r *Runner) PullEachTime(ctx context.Context, candidates []runner.Candidate) ([]runner.Candidate, runner.Pulling, error) {
	r.fresh = make(map[string]*fresh)
	if r.opts.Registry == "" {
		return r.pullCopies(ctx, candidates)
	}
	p := runner.Pulling{How: fmt.Sprintf("each image pulled from %s for every start and removed after it; %s", r.opts.Registry, unpackedInMemory)}
	for i, c := range candidates {
		found := r.pulled[c.Ref]
		if found == nil {
			return nil, p, runner.As(runner.ErrUsage, fmt.Errorf("%s was not prepared", c.Ref)) // the caller's mistake
		}
		if layers := len(found.image.RootFS.Layers); layers > 0 && found.held.Layers == layers {
			return nil, p, runner.As(runner.ErrNotPermitted, fmt.Errorf(
				"all %d layers of %s are in the engine already, held by %s, so nothing would be pulled: remove what holds them (docker rmi), or leave --registry away: mlbench then serves a copy with layers of its own",
				layers, found.fresh.from, some(found.held.By)))
		}
		if found.held.Layers > 0 {
			found.held.Candidate = i
			p.Held = append(p.Held, found.held)
		}
		r.fresh[c.Digest] = found.fresh
	}
	return candidates, p, nil
}

// some names a few of many.
func some(names []string) string {
	const most = 3
	out := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

// A registryImage is what Prepare found in a registry.
type registryImage struct {
	image      image.InspectResponse
	compressed *int64
	fresh      *fresh
	held       runner.Held
}

// fromRegistry pulls what a candidate names in the user's registry, once and
// unmeasured, to see what it is, and removes it again. A reference that is in
// the engine already is the user's, and so stays and stands in the way.
//
// Nothing is ever pulled by a tag: an engine that removes one takes away
// references by digest too, which may be the user's.
func (r *Runner) fromRegistry(ctx context.Context, c runner.Candidate) (img image.InspectResponse, compressed *int64, err error) {
	if found := r.pulled[c.Ref]; found != nil {
		return found.image, found.compressed, nil
	}
	named, err := inRegistry(c.Ref, r.opts.Registry)
	if err != nil {
		return img, nil, err
	}
	ref := reference.FamiliarString(named)
	if err := r.notHere(ctx, ref); err != nil {
		return img, nil, err
	}
	cannot := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if engineGone(err) {
			return r.engineError(ctx, "pulling "+ref, err)
		}
		return runner.As(runner.ErrEnvironment, fmt.Errorf(
			"--cold pull: image %s cannot be pulled: %w: push it there first, or leave --registry away (a private registry needs your login)", ref, err))
	}
	f := &fresh{from: ref, ref: ref, login: r.login(ctx, ref)}
	if _, ok := named.(reference.Digested); !ok {
		there, err := r.cli.DistributionInspect(ctx, ref, f.login)
		if err != nil {
			return img, nil, cannot(err)
		}
		byDigest, err := reference.WithDigest(reference.TrimNamed(named), there.Descriptor.Digest)
		if err != nil {
			return img, nil, cannot(err)
		}
		f.ref = reference.FamiliarString(byDigest)
		if err := r.notHere(ctx, f.ref); err != nil {
			return img, nil, err
		}
	}
	if err := r.notePulled(f.ref); err != nil {
		return img, nil, err
	}
	defer func() { err = errors.Join(err, r.removePulled(f.ref, err != nil)) }()
	r.opts.Notify(fmt.Sprintf("pulling %s once, to see what it is", ref))
	t, err := r.pull(ctx, f.ref)
	if err != nil {
		return img, nil, cannot(err)
	}
	if img, err = r.inspect(ctx, f.ref); err != nil {
		return img, nil, err
	}
	found := &registryImage{image: img, compressed: t.compressed(), fresh: f}
	if found.held, err = r.held(ctx, img.RootFS.Layers, img.ID); err != nil {
		return img, nil, err
	}
	if others := append(without(img.RepoDigests, f.ref), img.RepoTags...); len(others) > 0 { // the same image by names of the user's
		found.held = runner.Held{Layers: len(img.RootFS.Layers), By: others}
	}
	if r.pulled == nil {
		r.pulled = make(map[string]*registryImage)
	}
	r.pulled[c.Ref] = found
	return img, found.compressed, nil
}

// notHere is an error if an image is in the engine.
func (r *Runner) notHere(ctx context.Context, ref string) error {
	_, err := r.cli.ImageInspect(ctx, ref)
	switch {
	case err == nil:
		return runner.As(runner.ErrNotPermitted, fmt.Errorf(
			"--cold pull: image %s is in the engine already, and mlbench removes nothing of yours: remove it (docker rmi %s), or leave --registry away: mlbench then serves a copy with layers of its own", ref, ref))
	case cerrdefs.IsNotFound(err):
		return nil
	}
	return r.engineError(ctx, "inspecting image "+ref, err)
}

func without(names []string, name string) []string {
	var out []string
	for _, n := range names {
		if n != name {
			out = append(out, n)
		}
	}
	return out
}

// errPullTimeout means that a pull took longer than the start may.
var errPullTimeout = errors.New("not ready in time")

// pull has the engine pull the candidate's image: the mark Pulled. Its errors
// wrap runner.ErrEnvironment or errPullTimeout.
func (x *one) pull(ctx context.Context, s *runner.Start) error {
	pulling, cancel := context.WithDeadline(ctx, s.BeginAt.Add(x.timeout))
	defer cancel()
	t := new(tally)
	x.cut = true
	err := x.r.stream(pulling, x.fresh.ref, x.fresh.login, func(m jsonmessage.JSONMessage) { t.add(m, time.Now()) })
	end := time.Now()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case pulling.Err() != nil:
		return fmt.Errorf("%w: its image was still being pulled after %v", errPullTimeout, x.timeout)
	case err != nil && engineGone(err):
		return x.r.engineError(ctx, "pulling "+x.fresh.from, err)
	case err != nil:
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s: pulling %s: %w", x.c.Name, x.fresh.from, err))
	}
	x.cut = false
	s.Marks[runner.Pulled] = runner.Mark{At: end.Sub(s.BeginAt), Source: "engine-call"}
	var size func(string) int64
	if x.fresh.sizes != nil {
		size = func(id string) int64 { return x.fresh.sizes[id] }
	}
	s.Pull = t.pull(s.BeginAt, end, size)
	return nil
}

// makeAbsent sees to it that the image is not in the engine, and that nothing
// of what earlier starts or the copying wrote still waits to go to the disk,
// where it would be in this pull's way.
func (x *one) makeAbsent(ctx context.Context) error {
	if x.r.local {
		_ = cache.Sync(x.r.rootDir) // only root may; it makes starts more alike, and none wrong
	}
	ctx, cancel := context.WithTimeout(ctx, x.r.ask)
	defer cancel()
	for _, name := range []string{x.fresh.ref, x.fresh.id} {
		if name == "" {
			continue
		}
		_, err := x.r.cli.ImageInspect(ctx, name)
		if err == nil {
			if err = x.r.removeImage(name); err == nil {
				_, err = x.r.cli.ImageInspect(ctx, name)
			}
		}
		switch {
		case err == nil:
			return runner.As(runner.ErrEnvironment, fmt.Errorf("image %s was removed and is there all the same", name))
		case !cerrdefs.IsNotFound(err):
			return x.r.engineError(ctx, "seeing that image "+name+" is absent", err)
		}
	}
	return nil
}

// settle is how long an engine may take to notice that nobody waits for a pull.
const settle = 500 * time.Millisecond

// removePulled takes away what was pulled. After a pull that was cut off it
// looks again, as the engine may just be giving the image its name.
func (r *Runner) removePulled(ref string, cut bool) error {
	err := r.removeImage(ref)
	for deadline := time.Now().Add(settle); cut && err == nil && time.Now().Before(deadline); {
		time.Sleep(settle / 10)
		err = r.removeImage(ref)
	}
	return err
}

// closeFresh ends what level Pull has needed: copies, server and folder. Where
// an image of the user's registry could not be removed the folder stays, for a
// later run to read there what it is to remove.
func (r *Runner) closeFresh() error {
	var failed []error
	for _, f := range r.fresh {
		failed = append(failed, r.removeImage(f.ref))
	}
	if r.server != nil {
		failed = append(failed, r.server.close())
		r.server = nil
	}
	err := errors.Join(failed...)
	if err != nil && r.opts.Registry != "" {
		return err
	}
	return errors.Join(err, r.removeFolder())
}
