//go:build linux || darwin

package docker

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownFolder reports whether path is a folder, and no link to one, that this
// user has made.
func ownFolder(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// diskOf is the disk that path is on; ok is false where that cannot be told.
func diskOf(path string) (d disk, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil || s.Blocks == 0 {
		return d, false
	}
	size := int64(s.Bsize) //nolint:unconvert // other systems have other types
	return disk{s.Fsid, int64(s.Bfree) * size, int64(s.Bavail) * size}, true
}
