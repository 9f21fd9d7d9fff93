package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A job is a regular file that is read, and what for.
type job struct {
	file   int   // its place in Files
	keep   []int // places of names, its own or others, that get its content
	names  []int // of other names
	digest bool
	look   func(io.Reader) error
}

// visit reads what is wanted of files' contents.
func visit(ctx context.Context, x *Index, folders []string, opts Options) error {
	jobs, warnings := x.jobs(opts)
	x.Warnings = append(x.Warnings, warnings...)
	workers := runtime.GOMAXPROCS(0)
	if opts.Look != nil {
		workers = 1 // as it has no lock
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	var mutex sync.Mutex // of contents
	for range workers {
		all.Go(func() {
			v := visitor{ctx: ctx, x: x, folders: folders, layer: -1, buffer: make([]byte, 256<<10), hash: sha256.New(), contents: &mutex}
			defer v.close()
			const some = 64 // of one folder, mostly
			for ctx.Err() == nil {
				begin := int(next.Add(some)) - some
				if begin >= len(jobs) {
					return
				}
				for _, j := range jobs[begin:min(begin+some, len(jobs))] {
					if err := v.do(j); err != nil {
						cancel(fmt.Errorf("%q in layer folder %s: %w", x.Files[j.file].Path, folders[x.Files[j.file].Layer], err))
						return
					}
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// jobs are the files to read.
func (x *Index) jobs(opts Options) (jobs []job, warnings []string) {
	others := make(map[int][]int)
	for i, f := range x.Files {
		if f.Kind == HardLink {
			if first, ok := x.find(f.Layer, f.Link); ok {
				others[first] = append(others[first], i)
			}
		}
	}
	left := budget{limits: opts.limits()}
	for i, f := range x.Files {
		if f.Kind != Regular {
			continue
		}
		j := job{file: i, names: others[i], digest: opts.digestsOf(x.Layers[f.Layer]), look: opts.look(f.Path, f.Size)}
		for _, name := range append([]int{i}, j.names...) {
			if Wanted(x.Files[name].Path) {
				j.keep = append(j.keep, name)
			}
		}
		if len(j.keep) > 0 && !left.take(f.Path, f.Size) {
			j.keep = nil
		}
		if len(j.keep) > 0 || j.digest || j.look != nil {
			jobs = append(jobs, j)
		}
	}
	return jobs, left.warnings()
}

// A visitor reads files, and keeps the folder of the last one open.
type visitor struct {
	ctx      context.Context //nolint:containedctx // a visit is one call
	x        *Index
	folders  []string
	layer    int // of the open folder, -1 for none
	path     string
	fd       int
	buffer   []byte
	hash     hash.Hash
	contents *sync.Mutex
}

func (v *visitor) close() {
	if v.layer >= 0 {
		_ = unix.Close(v.fd)
	}
	v.layer = -1
}

// enter opens the folder at this path of a layer.
func (v *visitor) enter(layer int, path string) error {
	if v.layer == layer && v.path == path {
		return nil
	}
	v.close()
	fd, err := openAt(unix.AT_FDCWD, v.folders[layer], openFolder)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			break // the root
		}
		below, err := openAt(fd, name, openFolder)
		_ = unix.Close(fd)
		if err != nil {
			return err
		}
		fd = below
	}
	v.layer, v.path, v.fd = layer, path, fd
	return nil
}

func (v *visitor) do(j job) error {
	f := &v.x.Files[j.file]
	if err := v.enter(f.Layer, folder(f.Path)); err != nil {
		return err
	}
	fd, err := openAt(v.fd, f.Path[strings.LastIndexByte(f.Path, '/')+1:], unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != f.Size {
		return fs.ErrNotExist // something else by now
	}
	var in io.Reader = io.NewSectionReader(opened{v.ctx, fd}, 0, f.Size) // those who look may read it at any place
	var kept []byte
	if len(j.keep) > 0 {
		kept = make([]byte, f.Size)
		if _, err := io.ReadFull(in, kept); err != nil {
			return err
		}
		in = bytes.NewReader(kept)
	}
	if j.digest {
		v.hash.Reset()
		in = io.TeeReader(in, v.hash)
	}
	if j.look != nil {
		if err := j.look(in); err != nil {
			return err
		}
	}
	if j.digest {
		if _, err := io.CopyBuffer(discard{}, in, v.buffer); err != nil {
			return err
		}
		f.Digest = fmt.Sprintf("%x", v.hash.Sum(nil))
		for _, i := range j.names {
			v.x.Files[i].Digest = f.Digest
		}
	}
	v.contents.Lock()
	defer v.contents.Unlock()
	for _, i := range j.keep {
		v.x.contents[i] = kept
	}
	return nil
}

// opened is an open file. It is no os.File, as that costs system calls more,
// and there are tens of thousands of files.
type opened struct {
	ctx context.Context //nolint:containedctx // it is read within one call
	fd  int
}

func (o opened) ReadAt(p []byte, at int64) (n int, err error) {
	for o.ctx.Err() == nil && n < len(p) {
		more, err := unix.Pread(o.fd, p[n:], at+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return n, err
		case more == 0:
			return n, io.EOF
		}
		n += more
	}
	return n, context.Cause(o.ctx)
}
