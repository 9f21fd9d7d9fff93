package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mlbench/runner"
)

// CopyContext copies what the engine would get of a build's context into a
// folder that Close removes, or a later run's Reap, and settles what it is built
// with. Files keep their modes and times, so that what builders know of them
// from before still holds.
func (r *Runner) CopyContext(ctx context.Context, b runner.Build) (runner.ContextCopy, error) {
	b.Dockerfile, b.Name = cmp.Or(b.Dockerfile, "Dockerfile"), cmp.Or(b.Name, b.Tag)
	failed := func(kind, err error) (runner.ContextCopy, error) {
		return runner.ContextCopy{}, runner.As(kind, fmt.Errorf("copying the context of %s: %w", b.Name, err))
	}
	if _, err := fs.Stat(b.Context, b.Dockerfile); err != nil {
		return failed(runner.ErrUsage, fmt.Errorf("its Dockerfile cannot be read: %w", err))
	}
	if _, err := r.buildWith(ctx, &b); err != nil {
		return runner.ContextCopy{}, err
	}
	ignore, err := ignored(b)
	if err != nil {
		return failed(runner.ErrUsage, err)
	}
	if err := r.makeFolder(); err != nil {
		return runner.ContextCopy{}, err
	}
	if err := r.openBuilt(ctx); err != nil {
		return runner.ContextCopy{}, err
	}
	c := runner.ContextCopy{Build: b}
	w, err := weightOf(b, ignore)
	if err != nil {
		return failed(runner.ErrUsage, err)
	}
	c.Files, c.Bytes = w.files, w.bytes
	if d, ok := diskOf(r.folder); ok && d.ours < c.Bytes {
		return failed(runner.ErrEnvironment, fmt.Errorf("it has %d MB, and there is room for %d MB in %s: make room, or name in %s what no step needs",
			c.Bytes/1e6, d.ours/1e6, filepath.Dir(r.folder), dockerignore))
	}
	if c.Folder, err = os.MkdirTemp(r.folder, "context-"); err != nil {
		return failed(runner.ErrEnvironment, err)
	}
	c.Context = os.DirFS(c.Folder)
	err = walk(b, ignore, func(path string, d fs.DirEntry) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return copyInto(c.Folder, b.Context, path, d)
	})
	for _, name := range []string{b.Dockerfile + dockerignore, dockerignore} { // it is asked again in every build
		if _, gone := os.Lstat(filepath.Join(c.Folder, name)); err == nil && gone != nil {
			var d fs.FileInfo
			if d, gone = fs.Stat(b.Context, name); gone == nil {
				err = copyInto(c.Folder, b.Context, name, fs.FileInfoToDirEntry(d))
			}
		}
	}
	if err != nil {
		return failed(runner.ErrEnvironment, err)
	}
	return c, nil
}

// copyInto copies one file, folder or link of a context.
func copyInto(folder string, from fs.FS, path string, d fs.DirEntry) error {
	to := filepath.Join(folder, filepath.FromSlash(path))
	info, err := d.Info()
	if err != nil {
		return err
	}
	// Of a folder that is ignored a file may be sent all the same.
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch d.Type() {
	case fs.ModeDir:
		// It has to be ours to fill and to remove.
		return errors.Join(os.MkdirAll(to, 0o700), os.Chmod(to, info.Mode().Perm()|0o700))
	case fs.ModeSymlink:
		link, err := fs.ReadLink(from, path)
		if err != nil {
			return err
		}
		return os.Symlink(link, to)
	case fs.ModeSocket: // of a program that runs there
		return nil
	}
	in, err := from.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Close())
	const modes = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	return errors.Join(err, os.Chmod(to, info.Mode()&modes), os.Chtimes(to, info.ModTime(), info.ModTime()))
}
