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

// A handle is an open file. It is no os.File, as that costs two system calls
// more, and there are tens of thousands of files.
type handle int

func (h handle) close() { _ = unix.Close(int(h)) }

// open opens a file to look at its pages: a layer's folder belongs to whoever
// made the image, so no link is followed and no pipe waited for. Access times
// are left alone where that is allowed: to the file's owner (open(2)).
func open(path string) (handle, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	h, err := openRaw(path, flags|unix.O_NOATIME)
	if errors.Is(err, unix.EPERM) {
		h, err = openRaw(path, flags)
	}
	return h, err
}

func openRaw(path string, flags int) (handle, error) {
	for {
		fd, err := unix.Open(path, flags, 0)
		if !errors.Is(err, unix.EINTR) { // of a network file system, on a signal
			return handle(fd), err
		}
	}
}

func drop(h handle) error { return unix.Fadvise(int(h), 0, 0, unix.FADV_DONTNEED) }

// noCachestat remembers that the kernel has no cachestat (it came with 6.5).
var noCachestat atomic.Bool

// residentPages is how many pages of the file are in memory.
func residentPages(h handle) (uint64, error) {
	pages, err := cachestat(h)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		pages, err = mincore(h)
	}
	return pages, err
}

// cachestat asks the kernel for the number of a file's resident pages. Since
// 6.14 it is refused, with EPERM, for files that are not the caller's; so do
// some seccomp profiles that do not know it.
func cachestat(h handle) (pages uint64, err error) {
	if noCachestat.Load() {
		return 0, unix.ENOSYS
	}
	var stat unix.Cachestat_t
	err = unix.Cachestat(uint(h), &unix.CachestatRange{}, &stat, 0)
	if errors.Is(err, unix.ENOSYS) {
		noCachestat.Store(true)
	}
	return stat.Cache, err
}

// mincore counts a file's resident pages through a mapping of it.
func mincore(h handle) (pages uint64, err error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(h), &stat); err != nil {
		return 0, err
	}
	size := stat.Size
	if size == 0 {
		return 0, nil
	}
	if !told(h, stat) {
		return 0, unix.EPERM
	}
	m, err := unix.Mmap(int(h), 0, int(size), unix.PROT_NONE, unix.MAP_SHARED)
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

// told reports whether mincore tells the truth: of files that the caller
// neither owns nor may write, it calls every page resident (Linux 5.2).
func told(h handle, stat unix.Stat_t) bool {
	fsuid, err := unix.SetfsuidRetUid(-1) // -1 changes nothing, and the answer is who the kernel takes us for
	if err == nil && int(stat.Uid) == fsuid {
		return true
	}
	var caps [2]unix.CapUserData
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&head, &caps[0]); err == nil && caps[0].Effective&(1<<unix.CAP_FOWNER) != 0 {
		return true
	}
	self := fmt.Sprintf("/proc/self/fd/%d", h)
	return unix.Faccessat(unix.AT_FDCWD, self, unix.W_OK, unix.AT_EACCESS) == nil
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
