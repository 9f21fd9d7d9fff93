//go:build !linux

package cache

import (
	"io/fs"
	"os"
)

func identify(fs.FileInfo) (fileID, bool) { return fileID{}, false }
func open(path string) (*os.File, error)  { return os.Open(path) }
func drop(*os.File) error                 { return ErrNotSupported }
func resident(*os.File) (int64, error)    { return 0, ErrNotSupported }

// CanDropAll refuses.
func CanDropAll() error { return ErrNotSupported }

// DropAll refuses.
func DropAll() error { return ErrNotSupported }

// Sync refuses.
func Sync(string) error { return ErrNotSupported }
