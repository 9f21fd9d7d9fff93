// Package listen hears from the kernel that a program begins to listen on a
// TCP port, and when. That costs the program nothing, where every try to
// connect takes some of its processor time, and is exact where tries leave a
// gap.
//
// It needs Linux 5.15 and the capability SYS_ADMIN.
package listen

import (
	"net/netip"
	"time"
)

// An Event is one successful listen(2) on a TCP socket.
type Event struct {
	// At is when the kernel began to accept connections, with monotonic
	// reading: some microseconds before the call returned to the program.
	At time.Time
	// Network is the socket's network namespace, as NetworkOf tells it.
	Network uint64
	// Addr is where it listens; its address is unspecified for all of them.
	Addr netip.AddrPort
}

// ClockError bounds the error of Event.At. Go and the kernel's programs read
// the same clock; what is between them is found by readings that enclose each
// other, and New refuses where that leaves more.
const ClockError = 10 * time.Microsecond
