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
// made the image, so no link is followed and no pipe waited for. Access times
// are left alone where that is allowed: to the file's owner (open(2)).
func open(path string) (*os.File, error) {
	const flags = os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK
	file, err := os.OpenFile(path, flags|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		file, err = os.OpenFile(path, flags, 0)
	}
	return file, err
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
	pages, err := cachestat(file)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		pages, err = mincore(file, info)
	}
	if err != nil {
		return 0, fmt.Errorf("counting the pages of %s: %w", file.Name(), err)
	}
	// The last page of a file is rarely full.
	return min(int64(pages)*int64(os.Getpagesize()), info.Size()), nil
}

// cachestat asks the kernel for the number of a file's resident pages. Since
// 6.14 it is refused, with EPERM, for files that are not the caller's; so do
// some seccomp profiles that do not know it.
func cachestat(file *os.File) (pages uint64, err error) {
	if noCachestat.Load() {
		return 0, unix.ENOSYS
	}
	var stat unix.Cachestat_t
	err = unix.Cachestat(uint(file.Fd()), &unix.CachestatRange{}, &stat, 0)
	if errors.Is(err, unix.ENOSYS) {
		noCachestat.Store(true)
	}
	return stat.Cache, err
}

// mincore counts a file's resident pages through a mapping of it.
func mincore(file *os.File, info fs.FileInfo) (pages uint64, err error) {
	size := info.Size()
	if size == 0 {
		return 0, nil
	}
	if !told(file, info) {
		return 0, unix.EPERM
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

// told reports whether mincore tells the truth: of files that the caller
// neither owns nor may write, it calls every page resident (Linux 5.2).
func told(file *os.File, info fs.FileInfo) bool {
	fsuid, err := unix.SetfsuidRetUid(-1) // -1 changes nothing, and the answer is who the kernel takes us for
	if st, ok := info.Sys().(*syscall.Stat_t); ok && err == nil && int(st.Uid) == fsuid {
		return true
	}
	var caps [2]unix.CapUserData
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&head, &caps[0]); err == nil && caps[0].Effective&(1<<unix.CAP_FOWNER) != 0 {
		return true
	}
	self := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
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
