package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".mlbench-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// special files, such as /dev/stdout, are written to and not replaced.
func special(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// write writes all files, also if some of them fail.
func (files outputs) write(r *bench.Result) error {
	var failed []error
	for _, f := range files {
		if err := f.write(r); err != nil {
			failed = append(failed, runner.As(runner.ErrEnvironment, fmt.Errorf("--out %s: %w", f.path, err)))
		}
	}
	return errors.Join(failed...)
}

// write replaces the file as a whole, so that nobody reads half of it and a
// full disk leaves the old one.
func (f output) write(r *bench.Result) error {
	if special(f.path) {
		file, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.writer(file, r), file.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(f.path), ".mlbench-*")
	if err != nil {
		return err
	}
	err = errors.Join(f.writer(file, r), file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
