package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func identify(info fs.FileInfo) (fileID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{dev: uint64(st.Dev), ino: st.Ino}, true //nolint:unconvert // Dev is 32 bits wide on some systems
}

// open opens a file to look at its pages: a layer's folder belongs to whoever
// made the image, so no link is followed and no pipe waited for.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOATIME, 0)
}

func drop(file *os.File) error {
	err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	if err != nil {
		return fmt.Errorf("dropping the pages of %s: %w", file.Name(), err)
	}
	return nil
}

// noCachestat remembers that the kernel has no cachestat (it came with 6.5).
var noCachestat atomic.Bool

// resident is how many bytes of the file are in memory.
func resident(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	var pages uint64
	if !noCachestat.Load() {
		var stat unix.Cachestat_t
		err = unix.Cachestat(uint(file.Fd()), &unix.CachestatRange{}, &stat, 0)
		pages = stat.Cache
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
			noCachestat.Store(true)
		}
	}
	if noCachestat.Load() {
		pages, err = mincore(file, info.Size())
	}
	if err != nil {
		return 0, fmt.Errorf("counting the pages of %s: %w", file.Name(), err)
	}
	// The last page of a file is rarely full.
	return min(int64(pages)*int64(os.Getpagesize()), info.Size()), nil
}

// mincore counts a file's resident pages through a mapping of it.
func mincore(file *os.File, size int64) (pages uint64, err error) {
	if size == 0 {
		return 0, nil
	}
	m, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_NONE, unix.MAP_SHARED)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Munmap(m) }()
	page := int64(os.Getpagesize())
	in := make([]byte, (size+page-1)/page)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE,
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(size), uintptr(unsafe.Pointer(unsafe.SliceData(in))))
	if errno != 0 {
		return 0, errno
	}
	for _, b := range in {
		pages += uint64(b & 1)
	}
	return pages, nil
}

// dropFile is the kernel's switch (proc(5), /proc/sys/vm).
const dropFile = "/proc/sys/vm/drop_caches"

// CanDropAll says whether DropAll may work; its error names the remedy.
func CanDropAll() error {
	if err := unix.Access(dropFile, unix.W_OK); err != nil {
		return fmt.Errorf("cannot write %s (%w): run as root, or use --cold warm", dropFile, err)
	}
	return nil
}

// DropAll writes everything to disk and drops the whole page cache, directory
// entries and inodes included.
func DropAll() error {
	unix.Sync() // dirty pages cannot be dropped
	if err := os.WriteFile(dropFile, []byte("3"), 0); err != nil {
		return fmt.Errorf("dropping the page cache: %w", err)
	}
	return nil
}

// Sync writes the file system's dirty pages to disk, as those cannot be dropped.
func Sync(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return unix.Syncfs(int(f.Fd()))
}
