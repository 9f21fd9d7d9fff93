package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	cerrdefs "github.com/containerd/errdefs"

	"mlbench/runner"
)

// folderPrefix begins the names of folders that runs at level Pull make, on
// this host, for as long as they last. The owner follows, and then what makes
// the name unique.
const folderPrefix = "mlbench-pull-"

// pulledFile, in such a folder, lists what the run has the engine pull from a
// registry that is not its own, a reference a line, written before the pull:
// such an image cannot bear a label of ours.
const pulledFile = "pulled"

// folders are where such folders may be: /var/tmp is made for what is large,
// and /tmp is in memory on many hosts.
func folders() []string {
	var dirs []string
	for _, dir := range []string{os.Getenv("TMPDIR"), "/var/tmp", os.TempDir()} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// makeFolder makes this run's, once. Close removes it.
func (r *Runner) makeFolder() error {
	if r.folder != "" {
		return nil
	}
	dirs := folders()
	if len(dirs) == 0 {
		return runner.As(runner.ErrEnvironment, errors.New("there is no folder for temporary files: set TMPDIR to one"))
	}
	dir, err := os.MkdirTemp(dirs[0], folderPrefix+url.PathEscape(runner.Self().String())+"-")
	if err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("making a folder for what is pulled: %w: set TMPDIR to one that can be written to", err))
	}
	r.folder = dir
	return nil
}

func (r *Runner) removeFolder() error {
	if r.folder == "" {
		return nil
	}
	err := os.RemoveAll(r.folder)
	if err == nil {
		r.folder = ""
	}
	return err
}

// notePulled writes down that a reference is about to be pulled that was not
// here, so that it is ours to remove.
func (r *Runner) notePulled(ref string) error {
	if err := r.makeFolder(); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(r.folder, pulledFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	_, err = f.WriteString(ref + "\n")
	return runner.As(runner.ErrEnvironment, errors.Join(err, f.Close()))
}

// reapFolders removes the folders that killed runs left, and what those had
// pulled. Of a reference that somebody else has pulled since, nothing tells
// that it is not theirs: it then is gone from the engine, and not from its
// registry.
func (r *Runner) reapFolders(ctx context.Context) (reaped []string, err error) {
	var failed []error
	for _, dir := range folders() {
		found, _ := filepath.Glob(filepath.Join(dir, folderPrefix+"*")) // the pattern is well-formed
		for _, path := range found {
			if !deadFolder(path) {
				continue
			}
			gone, err := r.reapPulled(ctx, filepath.Join(path, pulledFile))
			reaped = append(reaped, gone...)
			if err == nil {
				err = os.RemoveAll(path)
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("removing %s: %w", path, err))
				continue
			}
			reaped = append(reaped, "folder "+path)
		}
	}
	return reaped, errors.Join(failed...)
}

// deadFolder reports whether a folder is of a run that lives no more. Anyone
// can make one of such a name in a folder for all: it has to be ours.
func deadFolder(path string) bool {
	name := strings.TrimPrefix(filepath.Base(path), folderPrefix)
	end := strings.LastIndexByte(name, '-')
	if end < 0 || !ownFolder(path) {
		return false
	}
	text, err := url.PathUnescape(name[:end])
	if err != nil {
		return false
	}
	owner, err := runner.ParseOwner(text)
	return err == nil && owner.Dead()
}

// reapPulled removes what a killed run has pulled.
func (r *Runner) reapPulled(ctx context.Context, list string) (reaped []string, err error) {
	f, err := os.Open(list)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var failed []error
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		ref := lines.Text()
		_, err := r.cli.ImageInspect(ctx, ref)
		if cerrdefs.IsNotFound(err) {
			continue
		}
		if err == nil {
			err = r.removeImage(ref)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		reaped = append(reaped, "image "+ref)
	}
	return reaped, errors.Join(append(failed, lines.Err())...)
}
