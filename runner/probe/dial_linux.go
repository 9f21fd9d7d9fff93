package probe

import (
	"context"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// connectTo waits for the connection inside the call. Within one host it is
// made while the call runs, and Go's own dialer, which asks for news of it
// afterwards, learns of it some 0.1 ms later. For the same reason it sends
// before it makes a net.Conn of the socket.
func connectTo(ctx context.Context, addr netip.AddrPort, first []byte) (opened, error) {
	family, to := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()})
	if addr.Addr().Is4() {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return opened{}, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), addr.String())
	defer func() { _ = file.Close() }() // net.FileConn has its own
	limit := unix.NsecToTimeval(int64(dialTimeout))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return opened{}, os.NewSyscallError("setsockopt", err)
	}
	keepStamping()
	_ = stamp(fd) // without it moments are a little later
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		close(interrupted)
	})
	defer func() {
		if !stop() {
			<-interrupted // before fd is closed, and another's
		}
	}()
	for {
		err := unix.Connect(fd, to)
		switch err {
		case nil, unix.EISCONN: // the latter after EINTR
			sent := 0
			if len(first) > 0 {
				// What is not taken at once, and why, shows at the next write.
				sent, _ = unix.SendmsgN(fd, first, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			}
			conn, err := net.FileConn(file)
			return opened{conn, max(sent, 0)}, err
		case unix.EINTR: // it goes on; asked again, it is waited for again
		case unix.EINPROGRESS, unix.EALREADY: // past limit; the latter after EINTR
			return opened{}, os.ErrDeadlineExceeded
		default:
			return opened{}, os.NewSyscallError("connect", err)
		}
	}
}
