package probe

import (
	"net"
	"os"
	"testing"
)

func TestHolder(t *testing.T) {
	self := func(pid int) bool { return pid == os.Getpid() }
	for _, addr := range []string{"127.0.0.1:0", ":0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Logf("%s: %v", addr, err)
			continue
		}
		port := l.Addr().(*net.TCPAddr).Port
		if pid, found := Holder(port, self); !found || pid != os.Getpid() {
			t.Errorf("%s: %d, %v", addr, pid, found)
		}
		if pid, found := Holder(port, func(pid int) bool { return !self(pid) }); found {
			t.Errorf("%s: process %d holds it", addr, pid)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, found := Holder(port, self); found {
			t.Errorf("%s: held after it was closed", addr)
		}
	}
}
