package probe

import (
	"time"

	"golang.org/x/sys/unix"
)

// precise sleeps in the kernel, which is exact to its timer slack of 50 µs.
func precise(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}
