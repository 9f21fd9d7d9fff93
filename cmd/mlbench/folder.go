package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"mlbench/bench/suite"
	"mlbench/runner"
)

// A folder is what a candidate's image is built from.
type folder struct {
	named   string       // as the candidate is called
	written string       // as the user wrote its path
	path    string       // from the current folder
	build   runner.Build // Context, Dockerfile, Args and Target
}

// buildFlags say how folders are built.
type buildFlags struct {
	args       []string
	dockerfile string
	target     string
}

func (b *buildFlags) register(f *pflag.FlagSet) {
	b.registerArgs(f)
	f.StringVar(&b.dockerfile, "dockerfile", "", "for folders, the Dockerfile, a `path` in the folder (default Dockerfile)")
}

// registerArgs adds all but the Dockerfile.
func (b *buildFlags) registerArgs(f *pflag.FlagSet) {
	f.StringArrayVar(&b.args, "build-arg", nil, "for folders, `value` of an ARG: NAME=VALUE, or NAME to take the environment's (repeatable)")
	f.StringVar(&b.target, "build-target", "", "for folders, the `stage` to build (default the last)")
}

// given names a flag that is of use for folders alone, "" where there is none.
func (b *buildFlags) given() string {
	switch {
	case len(b.args) > 0:
		return "build-arg"
	case b.dockerfile != "":
		return "dockerfile"
	case b.target != "":
		return "build-target"
	}
	return ""
}

// defaultDockerfile is the one that docker build takes.
const defaultDockerfile = "Dockerfile"

// meansFolder decides what an argument is where images may stand. What is a path
// by its looks means a folder, be there one or not. What has a slash within may
// be both: it is a folder where there is one with a Dockerfile. A single word is
// an image. Note says so where it could have been meant otherwise.
func meansFolder(arg, dockerfile string, note func(line string)) bool {
	if suite.IsPath(arg) {
		return true
	}
	if dockerfile == "" {
		dockerfile = defaultDockerfile
	}
	info, err := os.Stat(filepath.Join(arg, dockerfile))
	there := err == nil && !info.IsDir()
	if strings.ContainsRune(arg, filepath.Separator) {
		if there {
			note(fmt.Sprintf("%s is a folder with a %s here, so it is built; an image of that name is %s:latest", arg, dockerfile, arg))
		}
		return there
	}
	if there {
		note(fmt.Sprintf("%s is taken as the name of an image; the folder is .%c%s", arg, filepath.Separator, arg))
	}
	return false
}

func (o *options) meansFolder(arg string) bool {
	note := o.hint
	if note == nil {
		note = func(string) {}
	}
	return meansFolder(arg, o.build.dockerfile, note)
}

// isFolder remembers that the candidate of that name is built.
func (o *options) isFolder(name string, f *folder) {
	if o.folders == nil {
		o.folders = make(map[string]*folder)
	}
	o.folders[name] = f
}

// findFolders finds out which of the candidates, which arguments name, are
// folders.
func (o *options) findFolders(candidates []runner.Candidate) error {
	once := make(map[string]*folder)
	for _, c := range candidates {
		if o.spec.Runner != "docker" || once[c.Ref] == nil && !o.meansFolder(c.Ref) {
			continue
		}
		if once[c.Ref] == nil {
			f, err := o.build.at(c.Ref, c.Ref)
			if err != nil {
				return err
			}
			once[c.Ref] = f
		}
		o.isFolder(c.Name, once[c.Ref])
	}
	return o.checkFolders()
}

// checkFolders refuses what flags say that has no meaning for the candidates.
func (o *options) checkFolders() error {
	if flag := o.build.given(); flag != "" && len(o.folders) == 0 {
		return forFolders(flag)
	}
	for _, f := range o.folders {
		if o.spec.Registry != "" {
			return usage("--registry: %s is a folder that is built here, and no registry has its image: leave --registry out, and mlbench serves a copy", f.named)
		}
	}
	return nil
}

// at finds out whether the folder at path can be built as flags say.
func (b *buildFlags) at(named, path string) (*folder, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("%s: there is no such folder: name one with a Dockerfile, or an image", named)
	case err != nil:
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("%s: it cannot be looked into: %w", named, err))
	case !info.IsDir():
		return nil, usage("%s is a file, and no folder: name the folder that has it, and the Dockerfile with --dockerfile", named)
	}
	dockerfile := filepath.ToSlash(filepath.Clean(b.dockerfile))
	if b.dockerfile == "" {
		dockerfile = defaultDockerfile
	}
	if !fs.ValidPath(dockerfile) || dockerfile == "." {
		return nil, usage("--dockerfile: %s is no path within %s: name it from there, e.g. --dockerfile Dockerfile", b.dockerfile, named)
	}
	if err := inside(named, path, dockerfile); err != nil {
		return nil, err
	}
	args, err := buildArgs(b.args, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return &folder{named: named, written: named, path: path, build: runner.Build{
		Context: os.DirFS(path), Dockerfile: dockerfile, Args: args, Target: b.target, With: runner.AnyBuild, Name: named,
	}}, nil
}

// inside is an error where the Dockerfile is not a file in the folder. A link
// that leads out of it leads nowhere for the engine, which gets the folder alone.
func inside(named, path, dockerfile string) error {
	file := filepath.Join(path, filepath.FromSlash(dockerfile))
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s: it cannot be read: %w", named, err))
	case err != nil:
		return usage("there is no %s in %s%s", dockerfile, named, others(path))
	case !info.Mode().IsRegular():
		return usage("%s in %s is no file: name the Dockerfile with --dockerfile", dockerfile, named)
	}
	to, err := filepath.EvalSymlinks(file)
	if err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s: %w", named, err))
	}
	from, err := filepath.EvalSymlinks(path)
	if err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s: %w", named, err))
	}
	if !filepath.IsAbs(from) || !filepath.IsAbs(to) { // one may be, by a link
		if from, err = filepath.Abs(from); err == nil {
			to, err = filepath.Abs(to)
		}
		if err != nil {
			return runner.As(runner.ErrEnvironment, err)
		}
	}
	if rel, err := filepath.Rel(from, to); err != nil || !filepath.IsLocal(rel) {
		return usage("%s in %s is a link to %s, outside of the folder, of which the engine gets nothing: copy the file there", dockerfile, named, to)
	}
	return nil
}

// others are the Dockerfiles of other names that a folder has, as a hint.
func others(path string) string {
	entries, _ := os.ReadDir(path) // what cannot be read gives no hint
	var names []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if strings.Contains(name, "dockerfile") && !strings.HasSuffix(name, "ignore") || strings.HasPrefix(name, "containerfile") {
			names = append(names, e.Name())
		}
	}
	switch len(names) {
	case 0:
		return ": name the folder that has one, or an image"
	case 1:
		return fmt.Sprintf(": there is %s: --dockerfile %[1]s", names[0])
	}
	return fmt.Sprintf(": there are %s: choose one with --dockerfile", strings.Join(names[:min(len(names), 5)], ", "))
}
