package probe

import (
	"encoding/binary"
	"net"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestArrival: what had been there for long when it was read arrived long
// before.
func TestArrival(t *testing.T) {
	const lies = 100 * time.Millisecond
	sent := make(chan time.Time, 1)
	s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { say(c, "x"); sent <- time.Now() })
	dial := func() *arrivals {
		c, err := dial(t.Context(), s.addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return &arrivals{conn: c.Conn}
	}
	dial()
	<-sent
	time.Sleep(50 * time.Millisecond) // the kernel takes its time to begin
	before := time.Now()
	a := dial()
	said := <-sent
	time.Sleep(lies)
	b := make([]byte, 8)
	if n, err := a.Read(b); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if at := a.since(before); at.Before(before) || time.Since(at) < lies || at.Sub(said) > lies/2 {
		t.Errorf("said %v after the beginning, arrived %v after it", said.Sub(before), at.Sub(before))
	}
}

// TestLay reads what the kernel adds, and what it would not.
func TestLay(t *testing.T) {
	now := time.Unix(1000, 500)
	message := func(seconds, nanos int64) []byte {
		b := make([]byte, unix.CmsgSpace(16))
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		h.Level, h.Type = unix.SOL_SOCKET, unix.SO_TIMESTAMPNS
		h.SetLen(unix.CmsgLen(16))
		binary.NativeEndian.PutUint64(b[unix.CmsgLen(0):], uint64(seconds))
		binary.NativeEndian.PutUint64(b[unix.CmsgLen(8):], uint64(nanos))
		return b
	}
	for name, test := range map[string]struct {
		told []byte
		want time.Duration
	}{
		"nothing":              {nil, 0},
		"a second ago":         {message(999, 500), time.Second},
		"the clock was set":    {message(2000, 0), 0},
		"half of a message":    {message(999, 500)[:20], 0},
		"what is no message":   {[]byte("no message at all, but some text"), 0},
		"the beginning of one": {make([]byte, 3), 0},
	} {
		if got := lay(test.told, now); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
