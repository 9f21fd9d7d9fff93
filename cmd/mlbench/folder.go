package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"mlbench/runner"
)

// A folder is what a candidate's image is built from.
type folder struct {
	named string       // as the user named it
	path  string       // from the current folder
	build runner.Build // Context, Dockerfile and Args
}

// buildFlags say how folders are built.
type buildFlags struct {
	args       []string
	dockerfile string
}

func (b *buildFlags) register(f *pflag.FlagSet) {
	f.StringArrayVar(&b.args, "build-arg", nil, "for folders, `value` of an ARG: NAME=VALUE, or NAME to take the environment's (repeatable)")
	f.StringVar(&b.dockerfile, "dockerfile", "", "for folders, the Dockerfile, a `path` in the folder (default Dockerfile)")
}

// at finds out whether the folder at path can be built as flags say.
func (b *buildFlags) at(named, path string) (*folder, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("%s: there is no such folder: name one with a Dockerfile", named)
	case err != nil:
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("%s: it cannot be looked into: %w", named, err))
	case !info.IsDir():
		return nil, usage("%s is a file, and no folder: name the folder that has it, and the Dockerfile with --dockerfile", named)
	}
	dockerfile := "Dockerfile"
	if b.dockerfile != "" {
		dockerfile = filepath.ToSlash(filepath.Clean(b.dockerfile))
	}
	if !fs.ValidPath(dockerfile) || dockerfile == "." {
		return nil, usage("--dockerfile: %s is no path within %s: name it from there, e.g. --dockerfile Dockerfile", b.dockerfile, named)
	}
	if info, err := os.Stat(filepath.Join(path, filepath.FromSlash(dockerfile))); err != nil || !info.Mode().IsRegular() {
		return nil, usage("there is no %s in %s: name the folder that has one", dockerfile, named)
	}
	args, err := buildArgs(b.args, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return &folder{named: named, path: path, build: runner.Build{
		Context: os.DirFS(path), Dockerfile: dockerfile, Args: args, With: runner.AnyBuild, Name: named,
	}}, nil
}
