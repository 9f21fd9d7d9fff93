package docker

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"mlbench/runner"
)

const dockerignore = ".dockerignore"

// ignored reads the patterns of a context's .dockerignore, as the docker
// command does: the engine gets a context that they are applied to already.
// BuildKit's users may have one for each Dockerfile.
func ignored(b runner.Build) (*patternmatcher.PatternMatcher, error) {
	names := []string{dockerignore}
	if b.With == runner.BuildKit {
		names = []string{b.Dockerfile + dockerignore, dockerignore}
	}
	for _, name := range names {
		f, err := b.Context.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		patterns, err := ignorefile.ReadAll(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		m, err := patternmatcher.New(patterns)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return m, nil
	}
	return patternmatcher.New(nil)
}

// walk visits what of the context goes to the engine.
func walk(b runner.Build, ignore *patternmatcher.PatternMatcher, each func(path string, d fs.DirEntry) error) error {
	return fs.WalkDir(b.Context, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		skip, err := ignore.MatchesOrParentMatches(path)
		switch {
		case err != nil:
			return err
		case skip && d.IsDir(): // an exclusion or the Dockerfile may be in it
			return nil
		case skip && path != b.Dockerfile:
			return nil
		}
		return each(path, d)
	})
}

// archive writes the context as the engine wants it.
func archive(w io.Writer, b runner.Build, ignore *patternmatcher.PatternMatcher) error {
	out := tar.NewWriter(w)
	err := walk(b, ignore, func(path string, d fs.DirEntry) error { return add(out, b.Context, path, d) })
	return errors.Join(err, out.Close())
}

func add(out *tar.Writer, context fs.FS, path string, d fs.DirEntry) error {
	link := ""
	switch d.Type() {
	case 0, fs.ModeDir:
	case fs.ModeSymlink:
		var err error
		if link, err = fs.ReadLink(context, path); err != nil {
			return err
		}
	case fs.ModeSocket: // of a program that runs there
		return nil
	default:
		return fmt.Errorf("%s is neither a file nor a folder nor a link: remove it, or name it in %s", path, dockerignore)
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name = path
	if d.IsDir() {
		header.Name += "/"
	}
	if header.Mode&0o222 == 0 {
		header.Mode |= 0o200 // embedded files are read-only; what a checkout would have is this
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	if err := out.WriteHeader(header); err != nil || d.Type() != 0 {
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
