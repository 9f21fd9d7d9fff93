package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// A walk lists what is in a layer's folder, on all processors.
type walk struct {
	limits
	ctx    context.Context //nolint:containedctx // a walk is one call
	layer  int
	most   int           // entries
	text   int64         // bytes of names that may still come
	slots  chan struct{} // of goroutines
	others sync.WaitGroup

	mutex sync.Mutex // of all below
	files []File
	names map[uint64][]int // places in files, by inode, of what may have several names
	bytes int64
	err   error
}

func newWalk(ctx context.Context, lim limits, layer, most int, text int64) *walk {
	return &walk{
		limits: lim, ctx: ctx, layer: layer, most: most, text: text,
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)), names: make(map[uint64][]int),
	}
}

const openFolder = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// all walks through the folder at this path.
func (w *walk) all(path string) error {
	fd, err := openAt(unix.AT_FDCWD, path, openFolder)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoFolders, &fs.PathError{Op: "open", Path: path, Err: err})
	}
	defer func() { _ = unix.Close(fd) }()
	isOpaque, err := opaque(fd)
	if err != nil {
		return fmt.Errorf("layer folder %s: %w", path, err)
	}
	if isOpaque { // else nothing is said of the root
		w.files = append(w.files, rootOf(w.layer))
	}
	w.folder(fd, "")
	w.others.Wait()
	if w.err != nil {
		return fmt.Errorf("layer folder %s: %w", path, w.err)
	}
	return nil
}

// openAt opens by a file's name in an open folder. Signals interrupt that on
// network file systems.
func openAt(at int, name string, flags int) (fd int, err error) {
	for {
		if fd, err = unix.Openat(at, name, flags, 0); !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// A found is an entry of a folder.
type found struct {
	File
	inode   uint64
	several bool // names, maybe
}

// folder lists an open folder and all below.
func (w *walk) folder(fd int, path string) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := unix.ReadDirent(fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			w.fail(path, err)
			return
		}
		_, _, names := unix.ParseDirent(buffer[:n], -1, nil)
		entries := make([]found, 0, len(names))
		for _, name := range names {
			f, err := w.look(fd, path, name)
			if err != nil {
				w.fail(path+"/"+name, err)
				return
			}
			entries = append(entries, f)
		}
		place, ok := w.add(entries)
		if !ok {
			return
		}
		for i, name := range names {
			if entries[i].Kind == Folder {
				w.below(fd, name, entries[i].Path, place+i)
			}
		}
	}
}

// below walks through a folder in a folder, which is at that place in files, at
// the same time if there is a processor for it.
func (w *walk) below(at int, name, path string, place int) {
	fd, err := openAt(at, name, openFolder)
	if err != nil {
		w.fail(path, err)
		return
	}
	isOpaque, err := opaque(fd)
	if err != nil {
		w.fail(path, err)
	}
	if isOpaque {
		w.mutex.Lock()
		w.files[place].Kind = Opaque
		w.mutex.Unlock()
	}
	select {
	case w.slots <- struct{}{}:
		w.others.Add(1)
		go func() {
			w.folder(fd, path)
			_ = unix.Close(fd)
			<-w.slots
			w.others.Done()
		}()
	default:
		w.folder(fd, path)
		_ = unix.Close(fd)
	}
}

// look is the entry of this name in an open folder.
func (w *walk) look(at int, folder, name string) (found, error) {
	path := name
	if folder != "" {
		path = folder + "/" + name
	}
	if err := w.entry(path); err != nil {
		return found{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return found{}, err
	}
	f := found{File: File{Path: path, Layer: w.layer, UID: int(st.Uid), GID: int(st.Gid)}, inode: st.Ino}
	f.Kind, f.Mode = kind(st.Mode)
	switch f.Kind {
	case Regular:
		f.Size, f.several = st.Size, st.Nlink > 1
	case Symlink:
		b := make([]byte, min(st.Size, int64(w.path))+1)
		n, err := unix.Readlinkat(at, name, b)
		if err != nil {
			return f, err
		}
		f.Link, f.Size, f.several = string(b[:n]), st.Size, st.Nlink > 1
	case Special:
		if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 {
			f.File = File{Path: path, Layer: w.layer, Kind: Whiteout}
		}
	}
	return f, nil
}

// add takes entries down, and reports from which place on, and whether to go on.
func (w *walk) add(entries []found) (place int, ok bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.err == nil && w.ctx.Err() != nil {
		w.err = context.Cause(w.ctx)
	}
	if len(w.files)+len(entries) > w.most && w.err == nil {
		w.err = w.tooMany()
	}
	if w.err != nil {
		return 0, false
	}
	place = len(w.files)
	for _, f := range entries {
		if f.several {
			w.names[f.inode] = append(w.names[f.inode], len(w.files))
		}
		w.files = append(w.files, f.File)
		if w.text -= int64(len(f.Path) + len(f.Link)); w.text < 0 {
			w.err = w.tooLong()
			return 0, false
		}
		if w.bytes += f.Size; w.bytes > w.limits.bytes {
			w.err = w.tooLarge()
			return 0, false
		}
	}
	return place, true
}

func (w *walk) fail(path string, err error) {
	if err == nil {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("%q: %w", path, err)
	}
}
