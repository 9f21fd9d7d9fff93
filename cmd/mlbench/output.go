package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/runner"
)

// outputs are the files that --out names.
type outputs []output

type output struct {
	path   string
	writer report.Writer
}

// openOutputs finds out before anything is measured whether the files can be
// written afterwards.
func openOutputs(paths []string) (outputs, error) {
	var files outputs
	for _, path := range paths {
		w, err := report.ForFile(path)
		if err != nil {
			return nil, usage("--out: %w", err)
		}
		if err := writable(path); err != nil {
			return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("--out %s cannot be written: %w", path, err))
		}
		files = append(files, output{path, w})
	}
	return files, nil
}

func writable(path string) error {
	if special(path) {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return errors.New("it is a folder")
	}
	dir := filepath.Dir(followed(path))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	removeStale(dir)
	f, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// unfinished is what the name of a file begins with until it is whole; digits
// follow.
const unfinished = ".mlbench-unfinished-"

// removeStale removes what runs left unfinished that were killed in the moment
// of writing. That takes no hour.
func removeStale(dir string) {
	files, _ := os.ReadDir(dir) // what is not found stays
	for _, f := range files {
		number, ok := strings.CutPrefix(f.Name(), unfinished)
		if !ok || strings.Trim(number, "0123456789") != "" {
			continue
		}
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}

// special files, such as /dev/stdout, are written to and not replaced.
func special(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// followed is where a symbolic link leads, be there a file or not yet: the
// link stays, and its file is replaced.
func followed(path string) string {
	for range 40 { // as many as the kernel follows
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(path) + string(filepath.Separator) + to // ".." in it is the kernel's to follow
		}
		path = to
	}
	return path
}

// write writes all files, also if some of them fail. The result is kept if one
// that can be read again was written.
func (files outputs) write(r *bench.Result) (kept bool, err error) {
	var failed []error
	for _, f := range files {
		if err := f.write(r); err != nil {
			failed = append(failed, runner.As(runner.ErrEnvironment, fmt.Errorf("--out %s: %w", f.path, err)))
		} else if strings.EqualFold(filepath.Ext(f.path), ".json") {
			kept = true
		}
	}
	return kept, errors.Join(failed...)
}

// keep writes a result that would be lost where temporary files go, and says so.
func keep(r *bench.Result) error {
	file, err := os.CreateTemp("", "mlbench-*.json")
	if err == nil {
		if err = errors.Join(report.JSON(file, r), file.Close()); err != nil {
			_ = os.Remove(file.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("nor can the result be kept elsewhere: %w", err)
	}
	return fmt.Errorf("the result is kept in %s, for `mlbench report`", file.Name())
}

// write replaces the file as a whole, so that nobody reads half of it and a
// full disk leaves the old one.
func (f output) write(r *bench.Result) error {
	if special(f.path) {
		return f.overwrite(r, f.path)
	}
	path, mode := followed(f.path), os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	file, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return err
	}
	err = errors.Join(f.writer(file, r), file.Chmod(mode), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	if errors.Is(err, syscall.EBUSY) { // mounted there, as with docker run --volume r.json:/r.json
		return f.overwrite(r, path)
	}
	return err
}

func (f output) overwrite(r *bench.Result, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.writer(file, r), file.Close())
}
