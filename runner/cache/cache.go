// Package cache makes files cold: it drops their pages from the kernel's page
// cache and proves it by asking which pages are still there.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"mlbench/runner"
)

// ErrNotSupported means that this system offers no way to drop or to count
// pages.
var ErrNotSupported = errors.New("page cache control is only known on Linux")

// Files are the regular files below some folders, each once however many
// links lead to it. They are listed once: image layers do not change. They are
// for one goroutine at a time.
type Files struct {
	files []file
	total int64

	seen   []file // those in which Resident last found something in memory
	looked bool   // it was called
}

type file struct {
	path string
	size int64 // as it was when it was listed
	from int   // how much of path is the folder's
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
				f.files = append(f.files, file{path, info.Size(), len(filepath.Clean(folder))})
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

// Evict drops the pages of all files and counts the bytes that stay: of pages
// that a running program has mapped, and of those not yet written to disk. It
// is one pass that opens every file once and touches only those with pages in
// memory. Of its time nearly all goes into opening files; some tens of
// thousands a second and processor can be looked at. To look only at those that
// starts were seen to touch would be faster, and no proof.
func (f *Files) Evict(ctx context.Context) (runner.Residency, error) {
	var stayed atomic.Int64
	err := each(ctx, f.files, func(x file, h handle) error {
		n, err := x.resident(h)
		if err != nil || n == 0 {
			return err
		}
		if err := drop(h); err != nil {
			return fmt.Errorf("dropping the pages of %s: %w", x.path, err)
		}
		n, err = x.resident(h)
		stayed.Add(n)
		return err
	})
	return runner.Residency{Resident: stayed.Load(), Total: f.total}, err
}

// Resident counts the bytes that are in memory, and remembers in which files.
func (f *Files) Resident(ctx context.Context) (runner.Residency, error) {
	r, found, err := f.count(ctx, f.files)
	if err == nil {
		f.seen, f.looked = found, true
	}
	return r, err
}

// A FileInMemory is a file of which something is in memory.
type FileInMemory struct {
	Path     string // below the folder that List was given
	Resident int64  // bytes
}

// InMemory names the files that have something in memory, in no order.
func (f *Files) InMemory(ctx context.Context) ([]FileInMemory, error) {
	var mutex sync.Mutex
	var in []FileInMemory
	err := each(ctx, f.files, func(x file, h handle) error {
		n, err := x.resident(h)
		if n > 0 {
			mutex.Lock()
			defer mutex.Unlock()
			in = append(in, FileInMemory{strings.TrimPrefix(filepath.ToSlash(x.path[x.from:]), "/"), n})
		}
		return err
	})
	return in, err
}

// StillResident counts them again in the files in which Resident found some
// when it was called last: what the others hold by now is left out. Before it
// was, that is an error.
func (f *Files) StillResident(ctx context.Context) (runner.Residency, error) {
	if !f.looked {
		return runner.Residency{}, errors.New("it is not known which files were in memory")
	}
	r, _, err := f.count(ctx, f.seen)
	return r, err
}

func (f *Files) count(ctx context.Context, among []file) (r runner.Residency, found []file, err error) {
	var mutex sync.Mutex
	r.Total = f.total
	err = each(ctx, among, func(x file, h handle) error {
		n, err := x.resident(h)
		if n > 0 {
			mutex.Lock()
			defer mutex.Unlock()
			r.Resident += n
			found = append(found, x)
		}
		return err
	})
	return r, found, err
}

// resident is how many bytes of the file are in memory.
func (x file) resident(h handle) (int64, error) {
	pages, err := residentPages(h)
	if err != nil {
		return 0, fmt.Errorf("counting the pages of %s: %w", x.path, err)
	}
	// The last page of a file is rarely full.
	return min(int64(pages)*int64(os.Getpagesize()), x.size), nil
}

// each opens every file and passes it on, from as many goroutines as there are
// processors.
func each(ctx context.Context, files []file, do func(file, handle) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	failed := make([]error, workers)
	for w := range workers {
		group.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(files)) || failed[w] != nil || ctx.Err() != nil {
					return
				}
				failed[w] = one(files[i], do)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(failed...)
}

func one(x file, do func(file, handle) error) error {
	h, err := open(x.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its image was removed meanwhile
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: x.path, Err: err}
	}
	defer h.close()
	return do(x, h)
}
