//go:build !linux

package probe

import (
	"net"
	"time"
)

// read reads a connection once; what it read is taken to arrive then.
func read(conn net.Conn, b []byte) (n int, at time.Time, err error) {
	n, err = conn.Read(b)
	return n, time.Now(), err
}
