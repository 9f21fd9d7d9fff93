//go:build !linux

package cache

import "io/fs"

type handle struct{}

func (handle) close()                      {}
func identify(fs.FileInfo) (fileID, bool)  { return fileID{}, false }
func open(string) (handle, error)          { return handle{}, ErrNotSupported }
func drop(handle) error                    { return ErrNotSupported }
func residentPages(handle) (uint64, error) { return 0, ErrNotSupported }

// CanDropAll refuses.
func CanDropAll() error { return ErrNotSupported }

// DropAll refuses.
func DropAll() error { return ErrNotSupported }

// Sync refuses.
func Sync(string) error { return ErrNotSupported }
