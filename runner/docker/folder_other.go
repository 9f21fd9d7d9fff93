//go:build !linux && !darwin

package docker

import "os"

// ownFolder reports whether path is a folder: other systems' are a user's own.
func ownFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// diskOf is not known here.
func diskOf(string) (d disk, ok bool) { return d, false }
