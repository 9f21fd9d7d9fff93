package docker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
	"mlbench/runner/cache"
)

var _ runner.Builder = (*Runner)(nil)

// buildKitSince is the engine API that has BuildKit for all (Engine 18.09).
const buildKitSince = "1.39"

// Build makes an image with the engine, and notifies of each step. Both
// builders take the context as a tar through the same call. BuildKit's does
// without a session then, and so without the engine's deprecated end points
// for one; what needs a session are secrets, SSH, and registries that want a
// login for an image that is not in the engine yet.
func (r *Runner) Build(ctx context.Context, b runner.Build) (runner.Built, error) {
	b.Dockerfile, b.Name = cmp.Or(b.Dockerfile, "Dockerfile"), cmp.Or(b.Name, b.Tag)
	usage := func(err error) (runner.Built, error) {
		return runner.Built{}, runner.As(runner.ErrUsage, fmt.Errorf("building %s: %w", b.Name, err))
	}
	if _, err := fs.Stat(b.Context, b.Dockerfile); err != nil {
		return usage(fmt.Errorf("its Dockerfile cannot be read: %w", err))
	}
	version, err := r.buildWith(ctx, &b)
	if err != nil {
		return runner.Built{}, err
	}
	ignore, err := ignored(b)
	if err != nil {
		return usage(err)
	}
	if err := r.weigh(b, ignore); err != nil {
		return runner.Built{}, unsent(b, err)
	}
	since, err := r.engineTime(ctx, b)
	if err != nil {
		return runner.Built{}, err
	}
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := archive(writer, b, ignore)
		_ = writer.CloseWithError(err) // never fails
		sent <- err
	}()

	begin := time.Now()
	id, told, err := r.build(ctx, b, reader)
	took := time.Since(begin)
	_ = reader.Close() // never fails
	if cannot := <-sent; cannot != nil && ctx.Err() == nil && !errors.Is(cannot, io.ErrClosedPipe) {
		err = unsent(b, cannot) // what the client makes of that says less
	}
	if err == nil && r.local && !b.Fresh {
		// As far as this user may: what the build left to be written would be in
		// the way of what is started next.
		_ = cache.Sync(r.rootDir)
	}
	if r.opts.Log != nil {
		r.opts.Log.Debug("build", slog.String("name", b.Name), slog.String("with", string(b.With)),
			slog.Duration("took", took.Round(time.Millisecond)), slog.Bool("failed", err != nil))
	}
	built := runner.Built{ID: id, With: b.With, Version: version, Took: took, Steps: told.done()}
	if b.Undoable {
		built.Undo, err = r.undoable(ctx, b, told, since, err)
	}
	return built, err
}

// unsent is the error of a context that cannot be sent.
func unsent(b runner.Build, err error) error {
	kind := runner.ErrUsage
	if errors.Is(err, fs.ErrPermission) {
		kind = runner.ErrEnvironment
	}
	return runner.As(kind, fmt.Errorf("building %s: its context cannot be sent to the engine: %w", b.Name, err))
}

// buildWith decides what b is built with, and is its version.
func (r *Runner) buildWith(ctx context.Context, b *runner.Build) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	engine, err := r.cli.ServerVersion(ctx)
	if err != nil {
		return "", r.engineError(ctx, "asking the engine for its version", err)
	}
	has := engine.Os == "linux" && versions.GreaterThanOrEqualTo(engine.APIVersion, buildKitSince)
	switch {
	case b.With == runner.AnyBuild && has:
		b.With = runner.BuildKit
	case b.With == runner.AnyBuild, b.With == "":
		b.With = runner.Classic
	case b.With == runner.BuildKit && !has:
		return "", runner.As(runner.ErrEnvironment, fmt.Errorf("building %s: the engine %s has no BuildKit (Linux and API %s have it): build with the classic builder, or update the engine", b.Name, engine.Version, buildKitSince))
	}
	return engine.Version, nil
}

// steps are what a builder tells of its work.
type steps interface {
	message(m jsonmessage.JSONMessage)
	failed() string // the step that failed, if known, and its last output
	base() string   // the image that it wanted, as the builder calls it; "" where it was no FROM
	done() []runner.Step
}

// build has the engine build, and tidies up.
func (r *Runner) build(ctx context.Context, b runner.Build, content io.Reader) (id string, told steps, err error) {
	options := build.ImageBuildOptions{
		Tags: []string{b.Tag}, Dockerfile: b.Dockerfile, BuildArgs: make(map[string]*string), Target: b.Target, NoCache: b.Fresh,
		Remove: true, ForceRemove: true, Version: build.BuilderV1,
	}
	for name, value := range b.Args {
		options.BuildArgs[name] = &value
	}
	if b.Passing {
		options.Labels = maps.Clone(r.labels())
	}
	note := func(step string) {
		if !b.Quiet {
			r.opts.Notify(b.Name + ": " + strings.Join(strings.Fields(step), " "))
		}
	}
	if b.With == runner.BuildKit {
		options.Version = build.BuilderBuildKit
		told = newTrace(note)
		if b.Fresh {
			before, err := r.cached(ctx)
			if err != nil {
				return "", told, err
			}
			defer func() { err = errors.Join(err, r.removeCached(ctx, before)) }()
		}
	} else {
		classic := newClassic(note, len(options.Labels))
		told = classic
		if b.Undoable {
			classic.keep = r.noteBuilt
		}
		if b.Fresh {
			defer func() { r.removeUnused(ctx, classic.made) }()
		}
	}
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	failed := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// BuildKit says it in the stream, and there only in words.
		kind := runner.ErrEnvironment
		if cerrdefs.IsInvalidArgument(err) || saysAny(err, "dockerfile parse error", "target stage", "failed to reach build target") {
			kind = runner.ErrUsage
		}
		if b.With == runner.BuildKit && wantsLogin(err) {
			err = fmt.Errorf("%w: `docker pull` the image first, as no login is passed on to BuildKit", err)
		}
		if said := (*jsonmessage.JSONError)(nil); errors.As(err, &said) {
			err = runner.As(runner.ErrStep, err)
		}
		err = fmt.Errorf("building %s: %w%s", b.Name, err, told.failed())
		if from := told.base(); from != "" {
			err = &runner.BaseError{From: from, Build: b, Err: err}
		}
		return runner.As(kind, err)
	}
	answer, err := r.cli.ImageBuild(ctx, content, options)
	if err != nil {
		return "", told, failed(err)
	}
	defer func() { _ = answer.Body.Close() }()
	err = messages(answer.Body, failed, func(m jsonmessage.JSONMessage) {
		if m.Aux != nil && m.ID != traceID {
			var made struct{ ID string }
			if json.Unmarshal(*m.Aux, &made) == nil && made.ID != "" {
				id = made.ID // of several stages the last is the image
			}
		}
		told.message(m)
	})
	if err == nil && id == "" {
		err = failed(errors.New("the engine does not tell which image it has made"))
	}
	return id, told, err
}

// wantsLogin tells the error of a build that a registry refused an image.
func wantsLogin(err error) bool {
	return saysAny(err, "pull access denied", "authorization failed", "401 Unauthorized", "no basic auth")
}

func saysAny(err error, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(err.Error(), w) })
}

// RemoveImage removes an image that was built, whatever became of ctx. One
// that is not there is no error.
func (r *Runner) RemoveImage(ref string) error { return r.removeImage(ref) }
