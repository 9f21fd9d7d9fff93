package probe

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mlbench/runner"
)

// TestHTTPFlaps: ready is the first 2xx, whatever comes after it. A first
// request that meets the relapse is asked until it is over.
func TestHTTPFlaps(t *testing.T) {
	answers := []string{notYet, yes, notYet, notYet, yes}
	s := serve(t, "127.0.0.1:0", func(n int, c net.Conn) {
		request(c)
		if n == 1 {
			time.Sleep(2 * waited) // an answer that waited, so that it is asked for again
		}
		say(c, answers[min(n, len(answers)-1)])
	})
	target := at(s.addr)
	seen, err := HTTP(within(t, slow), target, []string{"/health"})
	if err != nil || s.count() != 3 {
		t.Fatalf("%v after %d requests, tried %q", err, s.count(), seen.Tried)
	}
	m := seen.Marks[runner.Ready]
	if m.Source != "http" || m.Resolution <= 0 || m.Resolution > m.At {
		t.Errorf("ready %+v", m)
	}
	first, err := FirstResponse(within(t, slow), target, runner.Request{Method: "GET", Path: "/predict"})
	if err != nil || s.count() != 5 || first.Marks[runner.FirstResponse].At <= m.At {
		t.Errorf("%v after %d requests, %+v", err, s.count(), first)
	}
}

// TestHTTPGigabyte: of a health path's body of 1 GB little is read, and none
// of it kept; nor is one waited for that comes slowly.
func TestHTTPGigabyte(t *testing.T) {
	const size = 1 << 30
	var sent atomic.Int64
	left := make(chan struct{}, 1)
	s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) {
		request(c)
		say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
		chunk := make([]byte, 64<<10)
		for range size / len(chunk) {
			n, err := c.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				left <- struct{}{}
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	seen, err := HTTP(within(t, slow), at(s.addr), []string{"/"})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatalf("%v, tried %q", err, seen.Tried)
	}
	select {
	case <-left:
	case <-time.After(slow):
		t.Fatal("the connection was not closed")
	}
	// What both sides' sockets hold comes on top of what is read.
	if n := sent.Load(); n > maxAnswer+64<<20 {
		t.Errorf("%d bytes were taken", n)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// TestHTTPRedirects: a redirect is not readiness, is not followed, and the
// message says where it leads.
func TestHTTPRedirects(t *testing.T) {
	for location, tried := range map[string]string{
		"/health":                      "/health: 302, a redirect to itself",
		"":                             "/health: 302",
		"/health/":                     "/health: 302, a redirect to /health/: name the path that answers 2xx (--health)",
		"live?a=b":                     "/health: 302, a redirect to /live?a=b: name the path that answers 2xx (--health)",
		"https://localhost/health":     "/health: 302, a redirect to https://localhost/health, which is another server",
		"//elsewhere/health":           "/health: 302, a redirect to http://elsewhere/health, which is another server",
		"http://[":                     "/health: 302",
		"/" + strings.Repeat("x", 999): "/health: " + ("302, a redirect to /" + strings.Repeat("x", 999))[:maxProblem] + "…",
	} {
		var followed atomic.Bool
		s := serve(t, "127.0.0.1:0", func(_ int, c net.Conn) {
			if path := request(c); path != "/health" && path != "" {
				followed.Store(true)
			}
			say(c, "HTTP/1.1 302 Found\r\nLocation: "+location+"\r\nContent-Length: 0\r\n\r\n")
		})
		// Not before it was asked twice.
		ended := make(chan struct{})
		ctx, cancel := Until(t.Context(), time.Now().Add(slow), ended)
		go func() {
			for range 3 {
				<-s.accepted
			}
			close(ended)
		}()
		seen, err := HTTP(ctx, at(s.addr), []string{"/health"})
		cancel()
		if !errors.Is(err, ErrEnded) || len(seen.Tried) != 1 || seen.Tried[0] != tried || followed.Load() {
			t.Errorf("to %q: %v, tried %q, want %q; followed: %v", location, err, seen.Tried, tried, followed.Load())
		}
	}
}

// drip answers with headers that come byte by byte and never end.
func drip(_ int, c net.Conn) {
	request(c)
	say(c, "HTTP/1.1 200 OK\r\n")
	for {
		time.Sleep(20 * time.Millisecond)
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
	}
}

// TestHTTPDrip: headers that come byte by byte and never end are no answer,
// hold neither a try beyond its time nor a start beyond its own, and the
// message tells them from silence.
func TestHTTPDrip(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", drip)
	begin := time.Now()
	_, err := ask(t.Context(), opened{}, s.addr, get(t, "/"), 300*time.Millisecond)
	if err == nil || requestProblem(err, 300*time.Millisecond) != "an answer whose headers did not end within 300ms" {
		t.Errorf("%v", err)
	}
	seen, err := HTTP(within(t, 300*time.Millisecond), at(s.addr), []string{"/"})
	if !errors.Is(err, ErrTimeout) || len(seen.Tried) != 1 || seen.Tried[0] != "/: an answer whose headers have not ended yet" {
		t.Errorf("%v, tried %q", err, seen.Tried)
	}
	if took := time.Since(begin); took > tryTimeout {
		t.Errorf("two tries of 300 ms took %v", took)
	}
}
