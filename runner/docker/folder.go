package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mlbench/runner"
)

// folderPrefix begins the names of folders that runs at level Pull make, and
// those that copy build contexts, on this host, for as long as they last. The owner follows, and then what makes
// the name unique.
const folderPrefix = "mlbench-pull-"

// pulledFile, in such a folder, lists what the run has the engine pull from a
// registry that is not its own, as such an image cannot bear a label of ours.
// Its first line is the engine's ID. Each other line is a reference, written
// before it is pulled, or the ID of the image that came of the one before it.
const pulledFile = "pulled"

// blobsLink, in such a folder, leads to the one with the copies, where they
// are elsewhere: a later run may have another TMPDIR.
const blobsLink = "blobs"

// A disk is a file system with how many bytes are left on it.
type disk struct {
	id         any
	free, ours int64 // to root, which engines mostly run as, and to this user
}

// full reports whether the disk of a folder has no room for even a small file.
func full(folder string) bool {
	const small = 1 << 20
	d, ok := diskOf(folder)
	return ok && d.free < small
}

// folders are where such folders may be, first where every run looks, whatever
// its TMPDIR: /var/tmp is made for what is large, and /tmp is in memory on many
// hosts.
func folders() []string {
	return slices.Compact([]string{"/var/tmp", os.TempDir()})
}

// makeFolder makes this run's, once. Close removes it.
func (r *Runner) makeFolder() error {
	if r.folder != "" {
		return nil
	}
	var failed []error
	for _, dir := range folders() {
		made, err := os.MkdirTemp(dir, folderPrefix+url.PathEscape(runner.Self().String())+"-")
		if err == nil {
			r.folder = made
			return nil
		}
		failed = append(failed, err)
	}
	return cannotMake(errors.Join(failed...))
}

func cannotMake(err error) error {
	return runner.As(runner.ErrEnvironment, fmt.Errorf("making a folder for what is pulled or built: %w: set TMPDIR to one that can be written to", err))
}

// makeBlobs makes the folder for copies: in TMPDIR where there is such a
// folder, else this run's own.
func (r *Runner) makeBlobs() error {
	if err := r.makeFolder(); err != nil {
		return err
	}
	dir := os.Getenv("TMPDIR")
	if info, _ := os.Stat(dir); info == nil || !info.IsDir() {
		r.blobs = r.folder
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return cannotMake(err)
	}
	blobs := filepath.Join(dir, filepath.Base(r.folder)+"b") // another name, as dir may be where folder is
	if err := os.Symlink(blobs, filepath.Join(r.folder, blobsLink)); err != nil {
		return cannotMake(err)
	}
	if err := os.Mkdir(blobs, 0o700); err != nil {
		return cannotMake(err)
	}
	r.blobs = blobs
	return nil
}

func (r *Runner) removeFolder() error {
	if r.folder == "" {
		return nil
	}
	_, err := removeBlobs(r.folder)
	if err == nil {
		err = os.RemoveAll(r.folder)
	}
	if err == nil {
		r.folder = ""
	}
	return err
}

// removeBlobs removes the folder that blobsLink in this one leads to; none is
// "".
func removeBlobs(folder string) (removed string, err error) {
	link := filepath.Join(folder, blobsLink)
	blobs, _ := os.Readlink(link) // "" where there is none
	if !strings.HasPrefix(filepath.Base(blobs), folderPrefix) {
		return "", nil
	}
	if err := os.RemoveAll(blobs); err != nil {
		return "", err
	}
	return blobs, os.Remove(link)
}

// notePulled writes down by which name an image is about to be pulled that was
// not here, or which ID it has got, so that it is ours to remove.
func (r *Runner) notePulled(ctx context.Context, name string) error {
	if err := r.makeFolder(); err != nil {
		return err
	}
	path, text := filepath.Join(r.folder, pulledFile), name+"\n"
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		id, err := r.engineID(ctx)
		if err != nil {
			return err
		}
		text = id + "\n" + text
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	_, err = f.WriteString(text)
	return runner.As(runner.ErrEnvironment, errors.Join(err, f.Close()))
}

// engineID tells engines apart. One keeps its own when it is started again.
func (r *Runner) engineID(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	info, err := r.cli.Info(ctx)
	if err != nil {
		return "", r.engineError(ctx, "asking the engine what it is", errors.Join(err, ctx.Err()))
	}
	return info.ID, nil
}

// reapFolders removes the folders that killed runs left, and what those had
// pulled. Of a reference that somebody else has pulled since, nothing tells
// that it is not theirs: it then is gone from the engine, and not from its
// registry.
func (r *Runner) reapFolders(ctx context.Context) (reaped []string, err error) {
	var failed []error
	for _, dir := range folders() {
		entries, _ := os.ReadDir(dir) // one that cannot be read has nothing of ours
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if !deadFolder(path) {
				continue
			}
			gone, err := r.reapFolder(ctx, path)
			reaped = append(reaped, gone...)
			if err != nil {
				failed = append(failed, fmt.Errorf("removing %s: %w", path, err))
			}
		}
	}
	return reaped, errors.Join(failed...)
}

// reapFolder removes a folder, once all that it tells of is removed. One that
// tells of what another engine has pulled stays for a run on that one.
func (r *Runner) reapFolder(ctx context.Context, path string) (reaped []string, err error) {
	blobs, err := removeBlobs(path)
	if err != nil {
		return nil, err
	}
	if blobs != "" {
		reaped = append(reaped, "folder "+blobs)
	}
	gone, elsewhere, err := r.reapPulled(ctx, filepath.Join(path, pulledFile))
	reaped = append(reaped, gone...)
	if err != nil || elsewhere {
		return reaped, err
	}
	if elsewhere, err = r.reapBuilt(ctx, filepath.Join(path, builtFile)); err != nil || elsewhere {
		return reaped, err
	}
	if err := os.RemoveAll(path); err != nil {
		return reaped, err
	}
	return append(reaped, "folder "+path), nil
}

// deadFolder reports whether a folder is of a run that lives no more. Anyone
// can make one of such a name in a folder for all: it has to be ours.
func deadFolder(path string) bool {
	name, ok := strings.CutPrefix(filepath.Base(path), folderPrefix)
	end := strings.LastIndexByte(name, '-')
	if !ok || end < 0 || !ownFolder(path) {
		return false
	}
	text, err := url.PathUnescape(name[:end])
	if err != nil {
		return false
	}
	owner, err := runner.ParseOwner(text)
	return err == nil && owner.Dead()
}

// reapPulled removes what a killed run has pulled; elsewhere is true where
// another engine has it.
func (r *Runner) reapPulled(ctx context.Context, list string) (reaped []string, elsewhere bool, err error) {
	f, err := os.Open(list)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = f.Close() }()
	id, err := r.engineID(ctx)
	if err != nil {
		return nil, false, err
	}
	lines := bufio.NewScanner(f)
	if lines.Scan() && lines.Text() != id {
		return nil, true, nil
	}
	var failed []error
	for lines.Scan() {
		name := lines.Text()
		was, err := r.takeAway(name)
		if err != nil {
			failed = append(failed, err)
		} else if was {
			reaped = append(reaped, "image "+name)
		}
	}
	return reaped, false, errors.Join(append(failed, lines.Err())...)
}
