package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"mlbench/runner"
	"mlbench/runner/probe"
)

var _ runner.Builder = (*Runner)(nil)

// Build makes an image with the engine's own builder, and notifies of each
// step.
func (r *Runner) Build(ctx context.Context, b runner.Build) error {
	ignore, err := ignored(b.Context)
	if err != nil {
		return runner.As(runner.ErrUsage, fmt.Errorf("building %s: .dockerignore: %w", b.Tag, err))
	}
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(archive(writer, b.Context, ignore)) }()
	defer func() { _ = reader.Close() }()

	args := make(map[string]*string, len(b.Args))
	for name, value := range b.Args {
		args[name] = &value
	}
	last := &probe.Lines{Keep: logLines}
	failed := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var told strings.Builder
		for _, line := range last.Last() {
			told.WriteString("\n    " + line)
		}
		return runner.As(runner.ErrEnvironment, fmt.Errorf("building %s: %w%s", b.Tag, err, told.String()))
	}
	answer, err := r.cli.ImageBuild(ctx, reader, build.ImageBuildOptions{
		Tags: []string{b.Tag}, BuildArgs: args, Remove: true, ForceRemove: true,
	})
	if err != nil {
		return failed(err)
	}
	defer func() { _ = answer.Body.Close() }()
	return messages(answer.Body, failed, func(m jsonmessage.JSONMessage) {
		_, _ = last.Write([]byte(m.Stream)) // Lines never fails
		if strings.HasPrefix(m.Stream, "Step ") {
			r.opts.Notify(b.Tag + ": " + strings.TrimSpace(m.Stream))
		}
	})
}

// ignored reads the patterns of a context's .dockerignore, as the docker
// command does: the engine gets a context that they are applied to already.
func ignored(context fs.FS) (*patternmatcher.PatternMatcher, error) {
	f, err := context.Open(".dockerignore")
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

// archive writes the context as the engine wants it.
func archive(w io.Writer, context fs.FS, ignore *patternmatcher.PatternMatcher) error {
	out := tar.NewWriter(w)
	err := fs.WalkDir(context, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		skip, err := ignore.MatchesOrParentMatches(path)
		if err != nil || skip && path != "Dockerfile" {
			return err
		}
		return add(out, context, path, d)
	})
	return errors.Join(err, out.Close())
}

func add(out *tar.Writer, context fs.FS, path string, d fs.DirEntry) error {
	if !d.Type().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a folder", path)
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	header.Name = path
	// Embedded files are read-only; what a checkout would have is this.
	header.Mode = 0o644 | int64(info.Mode().Perm()&0o111)
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	f, err := context.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(out, f)
	return err
}
