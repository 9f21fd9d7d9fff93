//go:build unix

package docker

import "golang.org/x/sys/unix"

// full reports whether the disk of a folder has no room for even a small file.
func full(folder string) bool {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil || disk.Blocks == 0 {
		return false
	}
	const small = 1 << 20
	return disk.Bfree*uint64(disk.Bsize) < small
}
