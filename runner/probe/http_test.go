package probe

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlbench/runner"
)

// TestHTTPBecomesReady probes servers that become ready in different ways, and
// which say themselves when that was.
func TestHTTPBecomesReady(t *testing.T) {
	const untilReady = 200 * time.Millisecond
	for _, test := range []struct {
		name   string
		before func(c net.Conn, ready <-chan struct{}) // of a request before it
	}{
		{"503 until ready", func(c net.Conn, _ <-chan struct{}) { say(c, notYet) }},
		{"404 until ready", func(c net.Conn, _ <-chan struct{}) { say(c, notFound) }},
		{"hangs until ready", func(c net.Conn, ready <-chan struct{}) { <-ready; say(c, yes) }},
		{"closes until ready", func(net.Conn, <-chan struct{}) {}},
		{"half an answer until ready", func(c net.Conn, _ <-chan struct{}) { say(c, "HTTP/1.1 200 OK\r\nConte") }},
		{"redirects until ready", func(c net.Conn, _ <-chan struct{}) {
			say(c, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
		}},
		{"greets until ready", func(c net.Conn, _ <-chan struct{}) { say(c, "SSH-2.0-OpenSSH_9.2\r\n") }},
		{"interim answers, then 503, until ready", func(c net.Conn, _ <-chan struct{}) {
			say(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+notYet)
		}},
		{"resets until ready", func(c net.Conn, _ <-chan struct{}) { _ = c.(*net.TCPConn).SetLinger(0) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ready := make(chan struct{})
			var was atomic.Pointer[time.Time]
			s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) {
				request(c)
				select {
				case <-ready:
					say(c, yes)
				default:
					test.before(c, ready)
				}
			})
			target := at(s.addr)
			go func() {
				<-s.accepted
				time.Sleep(untilReady) // not to wait for anything: how long it is unready
				now := time.Now()
				was.Store(&now)
				close(ready)
			}()
			seen, err := HTTP(within(t, slow), target, []string{"/health"})
			if err != nil {
				t.Fatalf("%v, tried %q", err, seen.Tried)
			}
			checkMarks(t, seen)
			m := seen.Marks[runner.Ready]
			if late := target.Begin.Add(m.At).Sub(*was.Load()); late < 0 {
				t.Errorf("seen %v before it was ready: %+v", -late, m)
			}
			if seen.Health != "/health" || len(seen.Tried) != 1 || seen.Tried[0] != "/health: 200" {
				t.Errorf("%+v", seen)
			}
		})
	}
}

// TestHTTPWaitingRequest: a request that waited for the server comes back when
// it is ready, however long the pause before it was.
func TestHTTPWaitingRequest(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", func(n int, c net.Conn) {
		request(c)
		if n == 0 {
			time.Sleep(100 * time.Millisecond) // the server starts
		}
		say(c, yes)
	})
	seen, err := HTTP(within(t, slow), at(s.addr), []string{"/"})
	if m := seen.Marks[runner.Ready]; err != nil || m.Source != "http-waiting" || m.Resolution >= m.At || s.count() != 2 {
		t.Errorf("%v, %+v after %d requests", err, m, s.count())
	}
}

// TestHTTPAfterAHang: a server that hung for a whole try and is ready then is
// asked again soon, not after a pause as long as the try.
func TestHTTPAfterAHang(t *testing.T) {
	t.Parallel()
	cut := make(chan time.Time, 1)
	s := serve(t, "127.0.0.1:0", func(n int, c net.Conn) {
		request(c)
		if n == 0 {
			_, _ = c.Read(make([]byte, 1)) // until it gives up
			cut <- time.Now()
			return
		}
		say(c, yes)
	})
	target := at(s.addr)
	seen, err := HTTP(within(t, slow), target, []string{"/"})
	if err != nil {
		t.Fatal(err)
	}
	// The pause that was once would be tryTimeout.
	if late := target.Begin.Add(seen.Marks[runner.Ready].At).Sub(<-cut); late > tryTimeout/2 {
		t.Errorf("asked again only %v later", late)
	}
}

func TestHTTPNotHTTP(t *testing.T) {
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	endless := func(line string) func(int, net.Conn) {
		return func(_ int, c net.Conn) {
			for chunk := []byte(strings.Repeat(line, 1000)); ; {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}
	}
	for _, test := range []struct {
		name, addr, tried string
	}{
		{"TLS", tls.Listener.Addr().String(), "/: 400"}, // Go's server says so in plain HTTP
		{"TLS alert", serve(t, "127.0.0.1:0", func(_ int, c net.Conn) {
			request(c)
			say(c, "\x15\x03\x01\x00\x02\x02\x16")
		}).addr, `/: malformed HTTP response "\x15\x03\x01\x00\x02\x02\x16"`},
		{"SSH", serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, "SSH-2.0-OpenSSH_9.2p1\r\n") }).addr,
			`/: malformed HTTP response "SSH-2.0-OpenSSH_9.2p1"`},
		{"HTTP/2", serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\n\n") }).addr,
			`/: malformed HTTP response "\x00\x00\x06\x04\x00\x00\x00\x00\x00"`},
		{"nothing", serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c) }).addr, "/: connection closed without an answer"},
		{"endless headers", serve(t, "127.0.0.1:0", func(n int, c net.Conn) {
			request(c)
			say(c, "HTTP/1.1 200 OK\r\n")
			endless("X-More: and more\r\n")(n, c)
		}).addr, "/: the answer's headers do not end"},
		{"gigantic status line", serve(t, "127.0.0.1:0", func(n int, c net.Conn) {
			request(c)
			say(c, "HTTP/1.1 200 ")
			endless("O")(n, c)
		}).addr,
			"/: the answer's headers do not end"},
		{"long line", serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, strings.Repeat("x", 1<<18)+"\n") }).addr,
			`/: malformed HTTP response "` + strings.Repeat("x", maxProblem-len(`malformed HTTP response "`)) + "…"},
		{"interim for ever", serve(t, "127.0.0.1:0", endless("HTTP/1.1 100 Continue\r\n\r\n")).addr, "/: the answer's headers do not end"},
		{"1000", serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, "HTTP/1.1 1000 Well\r\n\r\n") }).addr,
			`/: malformed HTTP status code "1000"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			// One try, to its end: what is asked is what it is called.
			begin := time.Now()
			a, err := ask(t.Context(), opened{}, test.addr, get(t, "/"), slow)
			var seen notes
			if err != nil {
				seen.set("/", requestProblem(err, time.Since(begin)))
			} else {
				seen.set("/", http.StatusText(a.status))
				if a.status == http.StatusBadRequest {
					seen.set("/", "400")
				}
			}
			if got := seen.list()[0]; got != test.tried {
				t.Errorf("%q, want %q", got, test.tried)
			}
		})
	}
}

// TestHTTPEndlessBody: the status is all that is asked of a health path.
func TestHTTPEndlessBody(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
	} {
		s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) {
			request(c)
			say(c, head)
			_, _ = c.Read(make([]byte, 1)) // until the other side has enough
		})
		seen, err := HTTP(within(t, slow), at(s.addr), []string{"/"})
		if err != nil || seen.Health != "/" {
			t.Errorf("%v, %+v", err, seen)
		}
		// A first response is one with its body.
		ended := make(chan struct{})
		ctx, cancel := Until(t.Context(), time.Now().Add(100*time.Millisecond), ended)
		seen, err = FirstResponse(ctx, at(s.addr), runner.Request{Method: "GET", Path: "/"})
		cancel()
		if !errors.Is(err, ErrTimeout) || seen.Tried[0] != "GET /: 200, and its body did not end" {
			t.Errorf("%q: first response %v, %+v", head, err, seen)
		}
	}
}

func TestPathDiscovery(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers map[string][]string // by path, in turn; the last one again and again
		health  string
		asked   string // the paths in order, up to the 2xx
	}{
		{"the first", map[string][]string{"/a": {yes}}, "/a", "/a"},
		{"passes on", map[string][]string{"/a": {notFound}, "/b": {forbidden}, "/c": {yes}}, "/c", "/a /b /c"},
		{"405 and redirects pass on", map[string][]string{
			"/a": {"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"}, "/b": {"HTTP/1.1 307 Go\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n"}, "/c": {yes},
		}, "/c", "/a /b /c"},
		{"503 holds the round", map[string][]string{"/a": {notFound}, "/b": {notYet, notYet, yes}, "/c": {yes}}, "/b", "/a /b /a /b /a /b"},
		{"the first again", map[string][]string{"/a": {notFound, yes}, "/b": {notFound}, "/c": {notFound}}, "/a", "/a /b /c /a"},
		{"a close holds the round", map[string][]string{"/a": {"", yes}, "/b": {yes}}, "/a", "/a /a"},
		{"any 2xx", map[string][]string{"/a": {"HTTP/1.1 204 None\r\n\r\n"}}, "/a", "/a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			turns := make(map[string]int)
			s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) {
				path := request(c)
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, path)
				answers := test.answers[path]
				say(c, answers[min(turns[path], len(answers)-1)])
				turns[path]++
			})
			seen, err := HTTP(within(t, slow), at(s.addr), []string{"/a", "/b", "/c"})
			if err != nil || seen.Health != test.health {
				t.Fatalf("%v, %+v", err, seen)
			}
			mu.Lock()
			defer mu.Unlock()
			got := strings.Join(asked, " ")
			// A slow machine's first answer may count as one that waited, and
			// is then asked for once more.
			if got != test.asked && got != test.asked+" "+test.health {
				t.Errorf("asked %s, want %s", got, test.asked)
			}
		})
	}
}

// TestTriesAreBounded counts connections at a server that is unready for a
// second: one a millisecond at most, and half of that at its end.
func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	const span = time.Second
	s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, notYet) })
	_, err := HTTP(within(t, span), at(s.addr), []string{"/a", "/b"})
	if !errors.Is(err, ErrTimeout) {
		t.Fatal(err)
	}
	if n := s.count(); n < 2 || n > int(span/time.Millisecond) {
		t.Errorf("%d tries in %v", n, span)
	}
}

func TestFirstResponse(t *testing.T) {
	var bodies atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/predict" || r.Header.Get("Content-Type") != "application/json" ||
			!strings.HasPrefix(r.Host, "localhost:") || !bytes.Equal(body, []byte(`{"x": 1}`)) {
			t.Errorf("%s %s %v %q", r.Method, r.URL, r.Header, body)
		}
		if bodies.Add(1) < 3 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer s.Close()
	target := at(free(t), s.Listener.Addr().String())
	seen, err := FirstResponse(within(t, slow), target, runner.Request{Method: "POST", Path: "/predict", Body: []byte(`{"x": 1}`)})
	m := seen.Marks[runner.FirstResponse]
	if err != nil || m.At <= 0 || m.Resolution < 0 || m.Resolution > m.At || bodies.Load() != 3 {
		t.Errorf("%v, %+v after %d requests", err, m, bodies.Load())
	}
}

// TestFirstResponseRefused: a wrong request is told of soon, and not at the
// end of a long timeout.
func TestFirstResponseRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) { request(c); say(c, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n") })
	seen, err := FirstResponse(within(t, slow), at(free(t), s.addr), runner.Request{Method: "POST", Path: "/predict"})
	if !errors.Is(err, ErrRefused) || !slices.Contains(seen.Tried, "POST /predict: 404") {
		t.Errorf("%v, tried %q", err, seen.Tried)
	}
	// One such answer that took long is no sign of it.
	slowOnce := serve(t, "127.0.0.1:0", func(n int, c net.Conn) {
		request(c)
		if n == 0 {
			time.Sleep(refusedFor + 100*time.Millisecond)
			say(c, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
			return
		}
		say(c, yes)
	})
	if _, err := FirstResponse(within(t, slow), at(slowOnce.addr), runner.Request{Method: "POST", Path: "/predict"}); err != nil {
		t.Errorf("after one slow refusal: %v", err)
	}
	for status, want := range map[int]bool{400: true, 404: true, 422: true, 408: false, 425: false, 429: false, 500: false, 503: false, 302: false} {
		if refuses(status) != want {
			t.Errorf("%d: %v", status, !want)
		}
	}
}

func TestBadRequests(t *testing.T) {
	for _, r := range []runner.Request{
		{Method: "GET", Path: "no-slash"}, {Method: "GET", Path: ""}, {Method: "GET", Path: "/a\r\nHost: evil"}, {Method: "G T", Path: "/"},
	} {
		if q, err := newQuestion(Target{Addrs: []string{"127.0.0.1:1"}}, r); err == nil {
			t.Errorf("%q: %q", r, q.text)
		}
	}
}

func get(t testing.TB, path string) question {
	t.Helper()
	q, err := newQuestion(Target{Addrs: []string{"127.0.0.1:80"}}, runner.Request{Method: "GET", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// script is a connection whose other side says what in holds, and closes.
type script struct {
	net.Conn
	in     io.Reader
	out    bytes.Buffer
	closed bool
}

func (c *script) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *script) Write(b []byte) (int, error) { return c.out.Write(b) }
func (c *script) Close() error                { c.closed = true; return nil }
func (c *script) SetDeadline(time.Time) error { return nil }

// FuzzAsk answers a request with any bytes.
func FuzzAsk(f *testing.F) {
	for _, s := range []string{
		yes, notYet, "", "\n", "HTTP/1.1 200", "HTTP/1.1 100 Continue\r\n\r\n" + yes, "HTTP/1.0 200\r\n\r\n", "SSH-2.0-x\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nHTTP/1.1 999 x\r\n\r\n", "HTTP/1.1 +20 x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		conn := &script{in: bytes.NewReader(said)}
		a, err := ask(t.Context(), opened{Conn: conn}, "127.0.0.1:80", get(t, "/"), slow)
		if !conn.closed {
			t.Error("left open")
		}
		if err != nil {
			if p := requestProblem(err, 0); p == "" || len(p) > maxProblem+len("…") {
				t.Errorf("problem %q", p)
			}
			return
		}
		if a.status < 200 || a.status > 999 || a.done.Before(a.at) {
			t.Errorf("%+v", a)
		}
		if a.ok() && !bytes.Contains(said, []byte(" 2")) {
			t.Errorf("ready by %q", said)
		}
	})
}
