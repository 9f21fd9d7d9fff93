package probe

import (
	"net"
	"time"
)

// arrivals reads a connection and knows when what it read last arrived. Where
// the reader has to wait for a processor, that is no time of the candidate's.
type arrivals struct {
	conn net.Conn
	last time.Time // zero before anything was read
}

func (a *arrivals) Read(b []byte) (n int, err error) {
	n, at, err := read(a.conn, b)
	if n > 0 {
		a.last = at
	}
	return n, err
}

// since is when what was read last arrived, which was after it was asked for.
func (a *arrivals) since(asked time.Time) time.Time {
	if a.last.Before(asked) { // the wall clock was set
		return time.Now()
	}
	return a.last
}
