package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mlbench/runner"
	"mlbench/runner/image"
)

// readArchive reads an image of the archive that --input names; name is "" for
// the only one.
func readArchive(ctx context.Context, std streams, path, name string, opts image.Options) (*image.Index, error) {
	in := std.in
	if path != "-" {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil, usage("--input: %s is a folder: give an archive, e.g. tar -C %s -cf - . | mlbench … --input -", path, path)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, usage("--input: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	} else {
		path = "stdin"
	}
	x, err := image.ReadArchive(ctx, in, name, opts)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, image.ErrMalformed):
		return nil, usage("--input %s: %w: give what docker save writes, or an OCI layout in a tar", path, err)
	default:
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("--input %s: %w", path, err))
	}
	if x.Ref == "" {
		x.Ref = filepath.Base(path)
	}
	return x, nil
}

// notAnImage adds to the error of reading an image what else of that name is
// here, which may be what was meant.
func notAnImage(ref string, err error) error {
	info, statErr := os.Stat(ref)
	switch {
	case err == nil || statErr != nil || errors.Is(err, errInterrupted):
		return err
	case info.IsDir():
		return fmt.Errorf("%w\n%s is a folder here: name it as .%c%[2]s to have it built first", err, ref, filepath.Separator)
	}
	return fmt.Errorf("%w\n%s is a file here: give an archive of an image as --input %s", err, ref, ref)
}
