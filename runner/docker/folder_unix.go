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

// free is how many bytes there are left where path is, and on which file
// system that is; ok is false where that cannot be told.
func free(path string) (left int64, filesystem unix.Fsid, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return 0, unix.Fsid{}, false
	}
	return int64(s.Bavail) * int64(s.Bsize), s.Fsid, true //nolint:unconvert // other systems have other types
}
