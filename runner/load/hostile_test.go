package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"mlbench/runner"
)

// TestRawServers answers with bytes that net/http's server would not write.
func TestRawServers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		close  bool
		ok     bool
		error  string
		kept   bool // connections are used again
	}{
		"HTTP/1.0":                  {answer: "HTTP/1.0 200 OK\r\n\r\nok", close: true, ok: true},
		"HTTP/1.0 that keeps alive": {answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", ok: true, kept: true},
		"chunked":                   {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ok: true, kept: true},
		"early hints":               {answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ok: true, kept: true},
		"a bad place to go":         {answer: "HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n", error: "302 Found", kept: true},
		"nowhere to go":             {answer: "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n\r\n", error: "307 Temporary Redirect", kept: true},
		"TLS alert":                 {answer: "\x15\x03\x01\x00\x02\x02\x46", close: true, error: "an answer that is no HTTP"},
		"no HTTP":                   {answer: "220 mail ready\r\n", close: true, error: "an answer that is no HTTP"},
		"chunks cut short":          {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", close: true, error: "connection closed without a whole answer"},
		"chunks that are none":      {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", close: true, error: "an answer that is no HTTP"},
		"two lengths":               {answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", close: true, error: "an answer that is no HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, opened := rawServer(t, "127.0.0.1:0", test.answer, test.close)
			got, err := Run(t.Context(), addr, predict, runner.Load{Seconds: 1, Connections: 2})
			if err != nil || got.Requests() == 0 || test.ok != (got.PerSecond > 0 && len(got.Errors) == 0) {
				t.Errorf("%+v, %v", got, err)
			}
			if !test.ok && (len(got.Errors) != 1 || got.Errors[0].What != test.error) {
				t.Errorf("errors %+v, want %q", got.Errors, test.error)
			}
			if n := opened.Load(); test.kept && n > 20 { // one or the other is given up on a busy machine
				t.Errorf("%d connections for %d requests", n, got.Requests())
			}
		})
	}
}

// TestIPv6 loads a candidate that only has an address of version 6.
func TestIPv6(t *testing.T) {
	t.Parallel()
	addr, _ := rawServer(t, "[::1]:0", "HTTP/1.1 204 No Content\r\n\r\n", false)
	got, err := Run(t.Context(), addr, predict, runner.Load{Seconds: 1, Connections: 1})
	if err != nil || got.PerSecond == 0 || len(got.Errors) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFailsFast is of a server that answers nothing whole, and at once: it is
// not asked as fast as it fails, whether it fails before the headers or after.
func TestFailsFast(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"before the headers": "",
		"after the headers":  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := rawServer(t, "127.0.0.1:0", answer, true)
			got, err := Run(t.Context(), addr, predict, runner.Load{Seconds: 1, Connections: 2})
			if most := 2 * int(time.Second/afterFailure); err != nil || got.PerSecond != 0 || got.Requests() > most {
				t.Errorf("%d requests, %v; want %d at most", got.Requests(), err, most)
			}
		})
	}
}

// TestInterruptedBody ends a load whose answers go on for ever, a byte at a
// time, at once.
func TestInterruptedBody(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}))
	defer s.Close()
	var since atomic.Pointer[time.Time]
	time.AfterFunc(warmUp+200*time.Millisecond, func() { now := time.Now(); since.Store(&now); cancel() })
	got, err := Run(ctx, addrOf(s), predict, runner.Load{Seconds: 600, Connections: 3})
	if took := time.Since(*since.Load()); err != nil || !got.Cut || len(got.Errors) > 0 || took > time.Second {
		t.Errorf("%v after it was to end: %+v, %v", took, got, err)
	}
}

// rawServer reads requests and answers each with the same bytes; it counts the
// connections.
func rawServer(t *testing.T, on, answer string, closes bool) (addr string, opened *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", on)
	if err != nil {
		t.Skipf("needs %s: %v", on, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	opened = new(atomic.Int64)
	serve := func(c net.Conn) {
		defer func() { _ = c.Close() }()
		for r := bufio.NewReader(c); ; {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			if _, err := fmt.Fprint(c, answer); err != nil || closes {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			opened.Add(1)
			go serve(c)
		}
	}()
	return l.Addr().String(), opened
}
