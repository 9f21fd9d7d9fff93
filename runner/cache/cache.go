// Package cache makes files cold: it drops their pages from the kernel's page
// cache and proves it by asking which pages are still there.
package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"mlbench/runner"
)

// ErrNotSupported means that this system offers no way to drop or to count
// pages.
var ErrNotSupported = errors.New("page cache control is only known on Linux")

// Files are the regular files below some folders, each once however many
// links lead to it. They are listed once: image layers do not change.
type Files struct {
	paths []string
	total int64
}

// List finds the files below the folders. A folder that is not there or not
// readable is an error.
func List(ctx context.Context, folders []string) (*Files, error) {
	f := new(Files)
	seen := make(map[fileID]bool)
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && path != folder:
				return nil // its image was removed meanwhile
			case err != nil:
				return err
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case !d.Type().IsRegular():
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if id, ok := identify(info); ok {
				if seen[id] {
					return nil
				}
				seen[id] = true
			}
			if info.Size() > 0 {
				f.paths = append(f.paths, path)
				f.total += info.Size()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// fileID tells whether two names are the same file.
type fileID struct{ dev, ino uint64 }

// Evict drops the pages of all files. Pages that a running program has mapped
// and pages not yet written to disk stay: Resident tells. Only files with
// pages in memory are touched.
func (f *Files) Evict(ctx context.Context) error {
	return f.each(ctx, func(file *os.File, resident int64) error {
		if resident == 0 {
			return nil
		}
		return drop(file)
	})
}

// Resident counts the bytes that are in memory.
func (f *Files) Resident(ctx context.Context) (runner.Residency, error) {
	var resident atomic.Int64
	err := f.each(ctx, func(_ *os.File, n int64) error {
		resident.Add(n)
		return nil
	})
	return runner.Residency{Resident: resident.Load(), Total: f.total}, err
}

// each opens every file and passes it on with the bytes of it that are in
// memory, from as many goroutines as there are processors.
func (f *Files) each(ctx context.Context, do func(file *os.File, resident int64) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	failed := make([]error, workers)
	for w := range workers {
		group.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(f.paths)) || failed[w] != nil || ctx.Err() != nil {
					return
				}
				failed[w] = one(f.paths[i], do)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(failed...)
}

func one(path string, do func(file *os.File, resident int64) error) error {
	file, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its image was removed meanwhile
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	n, err := resident(file)
	if err != nil {
		return err
	}
	return do(file, n)
}
