package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	id    string           // of the image; "" where the engine had it before, by whatever name, or it is not known yet
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
		r.fresh[c.Name] = found.fresh
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
	ctx, stop := r.whileAlive(ctx)
	defer stop()
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
	before, err := r.cli.ImageList(ctx, image.ListOptions{All: true})
	if err != nil {
		return img, nil, r.engineError(ctx, "listing images", err)
	}
	if err := r.notePulled(ctx, f.ref); err != nil {
		return img, nil, err
	}
	r.toRemove = append(r.toRemove, f)
	defer func() { err = errors.Join(err, r.removePulled(f, err != nil)) }()
	r.opts.Notify(fmt.Sprintf("pulling %s once, to see what it is", ref))
	t, err := r.pull(ctx, f.ref)
	if err != nil {
		return img, nil, cannot(err)
	}
	if img, err = r.inspect(ctx, f.ref); err != nil {
		return img, nil, err
	}
	if !slices.ContainsFunc(before, func(i image.Summary) bool { return i.ID == img.ID }) {
		f.id = img.ID
		if err := r.notePulled(ctx, f.id); err != nil {
			return img, nil, err
		}
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
	_, err := r.inspectImage(ctx, ref)
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

// makeAbsent sees to it that the image is not in the engine, and that the login
// for it is one of now: some hold for an hour only. As far as this user may, it
// has the disk of the engine's folder take what earlier starts left to be
// written, which would be in this pull's way; that makes starts more alike, and
// none wrong.
func (x *one) makeAbsent(ctx context.Context) error {
	if x.r.local {
		_ = cache.Sync(x.r.rootDir) // mostly only root may open it
	}
	if err := x.r.removePulled(x.fresh, false); err != nil {
		return err
	}
	_, err := x.r.inspectImage(ctx, x.fresh.ref)
	switch {
	case err == nil:
		return runner.As(runner.ErrEnvironment, fmt.Errorf("image %s was removed and is there all the same", x.fresh.ref))
	case !cerrdefs.IsNotFound(err):
		return x.r.engineError(ctx, "seeing that image "+x.fresh.ref+" is absent", err)
	}
	if x.r.opts.Registry != "" {
		x.fresh.login = x.r.login(ctx, x.fresh.ref)
	}
	return nil
}

// settle is how long an engine may take to notice that nobody waits for a pull.
const settle = 500 * time.Millisecond

// removePulled takes away what was pulled. After a pull that was cut off it
// looks again, as the engine may just be giving the image its name.
func (r *Runner) removePulled(f *fresh, cut bool) error {
	for begin := time.Now(); ; time.Sleep(settle / 10) {
		_, err := r.takeAway(f.ref)
		if err == nil && f.id != "" {
			_, err = r.takeAway(f.id)
		}
		if err != nil || !cut || time.Since(begin) > settle {
			return err
		}
	}
}

// takeAway removes an image by a reference or an ID, and reports whether there
// was something to remove. An engine that takes away an image's last reference
// leaves the image itself, and calls that no failure, while a container runs
// from it; what has an ID and no name is therefore looked for too. What has
// been given a name by somebody is theirs.
func (r *Runner) takeAway(name string) (was bool, err error) {
	ctx, cancel := detached(context.Background(), r.ask)
	defer cancel()
	img, err := r.cli.ImageInspect(ctx, name)
	switch {
	case cerrdefs.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, r.engineError(ctx, "inspecting image "+name, err)
	case img.ID == name && len(img.RepoTags)+len(img.RepoDigests) > 0:
		return false, nil
	}
	return true, r.removeImage(name)
}

// closeFresh ends what level Pull has needed: copies, server and folder. Where
// an image of the user's registry could not be removed the folder stays, for a
// later run to read there what it is to remove.
func (r *Runner) closeFresh() error {
	var failed []error
	for _, f := range r.toRemove {
		failed = append(failed, r.removePulled(f, false))
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
