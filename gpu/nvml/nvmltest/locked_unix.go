//go:build unix

package nvmltest

import (
	"os"
	"syscall"
)

// locked reports whether another process holds a record lock of a file.
func locked(f *os.File) (bool, error) {
	l := syscall.Flock_t{Type: syscall.F_WRLCK}
	err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &l)
	return l.Type != syscall.F_UNLCK, err
}
