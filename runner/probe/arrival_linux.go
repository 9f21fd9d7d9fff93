package probe

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stamp makes the kernel tell when what is read of a socket arrived.
func stamp(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }

// keepStamping makes it do so from the first packet on: it takes the kernel
// some milliseconds to begin when the first socket asks for it, and it ends
// with the last. This one stays.
var keepStamping = sync.OnceFunc(func() {
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
		_ = stamp(fd)
	}
})

// read reads a connection once, and says when what it read arrived.
func read(conn net.Conn, b []byte) (n int, at time.Time, err error) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		n, err = conn.Read(b)
		return n, time.Now(), err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, at, err
	}
	var ancillary [64]byte
	told := 0
	waiting := raw.Read(func(fd uintptr) (done bool) {
		for {
			n, told, _, _, err = unix.Recvmsg(int(fd), b, ancillary[:], unix.MSG_DONTWAIT)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	switch {
	case waiting != nil:
		return 0, at, waiting
	case err != nil:
		return 0, at, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("recvmsg", err)}
	case n == 0 && len(b) > 0:
		return 0, at, io.EOF
	}
	now := time.Now()
	return n, now.Add(-lay(ancillary[:told], now)), nil
}

// lay is for how long what was read had been there, by the kernel's stamp and
// the wall clock, which may have been set meanwhile; 0 where nothing tells.
func lay(ancillary []byte, now time.Time) time.Duration {
	messages, err := unix.ParseSocketControlMessage(ancillary)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SO_TIMESTAMPNS || len(m.Data) < 16 {
			continue
		}
		seconds, nanos := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
		return max(now.Sub(time.Unix(int64(seconds), int64(nanos))), 0)
	}
	return 0
}
