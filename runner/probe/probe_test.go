package probe

import (
	"bytes"
	"context"
	"net"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain fails if any probe leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftBehind(); code == 0 && left != "" {
		os.Stderr.WriteString("goroutines left behind:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// leftBehind is the stacks of goroutines that were started here and have not
// ended after a while.
func leftBehind() string {
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
			return err.Error()
		}
		left = slices.DeleteFunc(strings.Split(b.String(), "\n\n"), func(stack string) bool {
			return strings.Contains(stack, "leftBehind") || !strings.Contains(stack, "mlbench/runner/probe.")
		})
		if len(left) == 0 {
			return ""
		}
	}
	return strings.Join(left, "\n\n") + "\n"
}

// slow is how long a test may wait for what comes at once: only a machine
// that is stuck takes so long.
const slow = 30 * time.Second

// within returns a context that ends a probe which does not find what it should.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := Until(t.Context(), time.Now().Add(d), nil)
	t.Cleanup(cancel)
	return ctx
}

// at is a target that began now.
func at(addrs ...string) Target {
	now := time.Now()
	return Target{Addrs: addrs, Begin: now, Since: now}
}

// free is a loopback address at which nothing listens.
func free(t *testing.T) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	_ = l.Close()
	return l.Addr().String()
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// server answers every connection with serve, the nth from 0, and closes it.
type server struct {
	addr     string
	accepted chan int // the number of every connection, as it comes

	mu sync.Mutex
	n  int
}

func serve(t *testing.T, addr string, each func(n int, c net.Conn)) *server {
	t.Helper()
	l := listen(t, addr)
	s := &server{addr: l.Addr().String(), accepted: make(chan int, 1<<16)}
	var group sync.WaitGroup
	var open sync.Map
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, true)
			s.mu.Lock()
			n := s.n
			s.n++
			s.mu.Unlock()
			s.accepted <- n
			group.Go(func() {
				defer func() { _ = c.Close() }()
				each(n, c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		group.Wait()
	})
	return s
}

// count is how many connections there were.
func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// request reads a request's head, and returns its path.
func request(c net.Conn) string {
	var head []byte
	for b := make([]byte, 4096); !bytes.Contains(head, []byte("\r\n\r\n")); {
		n, err := c.Read(b)
		head = append(head, b[:n]...)
		if err != nil {
			return ""
		}
	}
	f := strings.Fields(string(head))
	if len(f) < 2 {
		return ""
	}
	return f[1]
}

func say(c net.Conn, what string) { _, _ = c.Write([]byte(what)) }

const (
	yes       = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
	notYet    = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
	forbidden = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
	notFound  = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
)

func TestPause(t *testing.T) {
	for _, test := range []struct{ elapsed, took, want time.Duration }{
		{0, 0, time.Millisecond},
		{time.Second, 0, 2 * time.Millisecond},
		{time.Minute, 0, 120 * time.Millisecond},
		{0, 20 * time.Millisecond, 20 * time.Millisecond},
		{10 * time.Second, tryTimeout, longestWork},  // a server that hung
		{10 * time.Second, dialTimeout, longestWork}, // a lost packet
		{0, 300 * time.Microsecond, 700 * time.Microsecond},
		{0, 700 * time.Microsecond, 700 * time.Microsecond}, // half of a thread
		{time.Hour, tryTimeout, 2200 * time.Millisecond},    // every 500th, still
		{-time.Second, -time.Second, 1 * time.Millisecond},  // never none
	} {
		if got := pause(test.elapsed, test.took); got != test.want {
			t.Errorf("pause(%v, %v) = %v, want %v", test.elapsed, test.took, got, test.want)
		}
	}
}

// TestPauseBoundsTries adds up the pauses of a start of a minute.
func TestPauseBoundsTries(t *testing.T) {
	tries := 0
	for at := time.Duration(0); at < time.Minute; at += pause(at, 0) {
		tries++
	}
	if tries > 3000 {
		t.Errorf("%d tries in a minute", tries)
	}
}

func TestLag(t *testing.T) {
	if lag := Lag(); lag <= 0 || lag != Lag() {
		t.Errorf("lag %v, then %v", lag, Lag())
	}
}
