package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/runner"
)

// A rendering is how a command tells what it has found: --format and --out.
type rendering[T any] struct {
	formats report.Formats[T]
	format  string
	out     []string
}

// register adds the flags. What is the word for what is written to files.
func (r *rendering[T]) register(f *pflag.FlagSet, formats report.Formats[T], what string) {
	r.formats = formats
	f.StringArrayVarP(&r.out, "out", "o", nil, fmt.Sprintf("write %s to this `file` too: %s (repeatable)", what, strings.Join(formats.Suffixes(), ", ")))
	f.StringVar(&r.format, "format", formats.Names()[0], "what goes to stdout, by `name`: "+strings.Join(formats.Names(), ", "))
	offer(f, "format", formats.Names()...)
	suffixes(f, "out", formats.Suffixes()...)
}

// outputs are where a command tells what it has found.
type outputs[T any] struct {
	stdout report.Writer[T]
	files  []output[T]
}

type output[T any] struct {
	path   string
	writer report.Writer[T]
}

// open finds out before anything is done whether the files can be written
// afterwards.
func (r *rendering[T]) open() (outputs[T], error) {
	stdout, err := r.formats.Named(r.format)
	if err != nil {
		return outputs[T]{}, usage("--format: %w", err)
	}
	to := outputs[T]{stdout: stdout}
	for _, path := range r.out {
		w, err := r.formats.ForFile(path)
		if err != nil {
			return to, usage("--out: %w", err)
		}
		if err := writable(path); err != nil {
			return to, runner.As(runner.ErrEnvironment, fmt.Errorf("--out %s cannot be written: %w", path, err))
		}
		to.files = append(to.files, output[T]{path, w})
	}
	return to, nil
}

// tell writes what was found to stdout and to the files, also if some of that
// fails.
func (to outputs[T]) tell(std streams, found T) error {
	_, err := to.write(found)
	return errors.Join(err, to.stdout(std.results(), found))
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

// write writes all files, also if some of them fail. What was found is kept if
// one that can be read again was written.
func (to outputs[T]) write(found T) (kept bool, err error) {
	var failed []error
	for _, f := range to.files {
		if err := f.write(found); err != nil {
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
func (f output[T]) write(found T) error {
	if special(f.path) {
		return f.overwrite(found, f.path)
	}
	path, mode := followed(f.path), os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	file, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return err
	}
	err = errors.Join(f.writer(file, found), file.Chmod(mode), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	if errors.Is(err, syscall.EBUSY) { // mounted there, as with docker run --volume r.json:/r.json
		return f.overwrite(found, path)
	}
	return err
}

func (f output[T]) overwrite(found T, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.writer(file, found), file.Close())
}
