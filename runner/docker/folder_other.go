//go:build !linux && !darwin

package docker

import "os"

// ownFolder reports whether path is a folder: other systems' are a user's own.
func ownFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// free is not known here.
func free(string) (left int64, filesystem string, ok bool) { return 0, "", false }
