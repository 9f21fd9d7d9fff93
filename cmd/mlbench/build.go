package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"mlbench/bench"
	"mlbench/bench/repro"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
)

// builtAs is the name of images that are built for one run; their tags are
// their own. It begins as the names of all that is mlbench's do, so that the next
// run removes what a killed one has left.
const builtAs = "mlbench-built"

// A builder builds folders for one run, and removes the images after it. What
// their steps have made stays in the engine's cache, as after docker build, so
// that the next run builds only what has changed.
type builder struct {
	engine *docker.Runner
	note   func(line string)
	id     string
	refs   []string // of images that are there, or may be
}

func newBuilder(engine *docker.Runner, note func(line string)) *builder {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	return &builder{engine: engine, note: note, id: hex.EncodeToString(id)}
}

// build builds a folder, and says of which image, and how.
func (b *builder) build(ctx context.Context, f *folder) (ref string, from *runner.Origin, err error) {
	ref = fmt.Sprintf("%s:%s-%d", builtAs, b.id, len(b.refs)+1)
	from = &runner.Origin{Folder: f.written, Dockerfile: f.build.Dockerfile, Target: f.build.Target, Args: repro.WithoutSecrets(f.build.Args)}
	from.Commit, from.Dirty = commit(ctx, f.path, f.build.Dockerfile) // before, as steps take long
	b.note(fmt.Sprintf("%s: building it", f.named))
	b.refs = append(b.refs, ref)
	what := f.build
	what.Tag, what.Passing = ref, true
	made, err := b.engine.Build(ctx, what)
	if err != nil {
		return "", nil, withoutBase(err)
	}
	from.Builder, from.Engine, from.TookMS = made.With, made.Version, bench.Millis(made.Took)
	b.note(fmt.Sprintf("%s: built in %.1f s", f.named, made.Took.Seconds()))
	return ref, from, nil
}

// withoutBase adds to a build's error what may stand in for an image that it begins
// with, where it cannot be had.
func withoutBase(err error) error {
	var base *runner.BaseError
	if !errors.As(err, &base) {
		return err
	}
	f, cannot := base.Build.Context.Open(base.Build.Dockerfile)
	if cannot != nil { // any more
		return err
	}
	defer func() { _ = f.Close() }()
	ref, arg, ok := dockerfile.Argument(f, base.Build.Dockerfile, base.Build.Args, base.From)
	if !ok {
		return err
	}
	return fmt.Errorf("%w\n%s is not in the engine and cannot be pulled: name an image that can be used instead with --build-arg %s=IMAGE", err, ref, arg)
}

// folders builds those of the candidates that are folders, each once however
// often it is named.
func (b *builder) folders(ctx context.Context, candidates []runner.Candidate, folders map[string]*folder) error {
	type built struct {
		ref  string
		from *runner.Origin
	}
	made := make(map[*folder]built)
	for i := range candidates {
		f := folders[candidates[i].Name]
		if f == nil {
			continue
		}
		m, ok := made[f]
		if !ok {
			var err error
			if m.ref, m.from, err = b.build(ctx, f); err != nil {
				return err
			}
			made[f] = m
		}
		candidates[i].Ref, candidates[i].Built = m.ref, m.from
	}
	return nil
}

// indexes reads what is in images, and in those of folders, which are built.
func (b *buildFlags) indexes(ctx context.Context, std streams, refs []string, opts image.Options) (_ []*image.Index, err error) {
	note := newProgress(std.notes()).Note
	folders := make([]*folder, len(refs))
	any := false
	for i, ref := range refs {
		if !meansFolder(ref, b.dockerfile, note) {
			continue
		}
		if folders[i], err = b.at(ref, ref); err != nil {
			return nil, err
		}
		any = true
	}
	if flag := b.given(); flag != "" && !any {
		return nil, forFolders(flag)
	}
	r, err := docker.New(docker.Options{Notify: note, Log: std.log()})
	if err != nil {
		return nil, err
	}
	builds := newBuilder(r, note)
	defer func() { err = errors.Join(err, builds.close(), r.Close()) }()
	if any {
		if _, err := r.Host(ctx); err != nil { // before anything would have to be removed
			return nil, err
		}
	}
	indexes := make([]*image.Index, len(refs))
	for i, ref := range refs {
		if folders[i] != nil {
			if ref, _, err = builds.build(ctx, folders[i]); err != nil {
				return nil, err
			}
		}
		indexes[i], err = r.Index(ctx, ref, opts)
		switch {
		case err != nil && folders[i] == nil:
			return nil, notAnImage(ref, err)
		case err != nil:
			return nil, err
		}
		indexes[i].Ref = refs[i]
	}
	return indexes, nil
}

func forFolders(flag string) error {
	return usage("--%s is for folders that are built, and none is named: name one as ./folder, or leave it out", flag)
}

// close removes the images.
func (b *builder) close() error {
	if b == nil {
		return nil
	}
	var failed []error
	for _, ref := range b.refs {
		failed = append(failed, b.engine.RemoveImage(ref))
	}
	b.refs = nil
	return errors.Join(failed...)
}
