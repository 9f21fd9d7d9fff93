package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"mlbench/runner"
)

var predict = runner.Request{Method: "POST", Path: "/predict?n=1", Body: []byte(`{"x": 1}`)}

func addrOf(s *httptest.Server) string { return s.Listener.Addr().String() }

// TestRun loads servers of all kinds.
func TestRun(t *testing.T) {
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		load  runner.Load
		want  func(runner.Throughput) bool
		error string // the commonest; "" for none
	}{
		"fast": {answer("ok"), runner.Load{Seconds: 2, Connections: 4}, func(x runner.Throughput) bool {
			return len(x.Seconds) == 2 && x.Seconds[1].Successes > 0 && x.PerSecond > 4 && *x.P50 <= *x.P99
		}, ""},
		"slow": {func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(20 * time.Millisecond)
			w.WriteHeader(http.StatusNoContent)
		}, runner.Load{Seconds: 1, Connections: 2}, func(x runner.Throughput) bool {
			return x.PerSecond > 0 && x.PerSecond <= 102 && *x.P50 >= 20*time.Millisecond
		}, ""},
		"at a rate": {answer("ok"), runner.Load{Seconds: 1, Rate: 30, Connections: 2}, func(x runner.Throughput) bool {
			return x.Requests() > 0 && x.Requests() <= 60 && x.Seconds[0].Successes == x.Requests()
		}, ""},
		"too slow for the rate": {func(http.ResponseWriter, *http.Request) {
			time.Sleep(50 * time.Millisecond)
		}, runner.Load{Seconds: 1, Rate: 200, Connections: 2}, func(x runner.Throughput) bool {
			// More than the second that they were due before.
			return x.Requests() <= 42 && x.Requests() > 0 && *x.P50 > 100*time.Millisecond
		}, ""},
		"erroring": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}, runner.Load{Seconds: 1, Connections: 1}, func(x runner.Throughput) bool {
			return x.PerSecond == 0 && x.P50 == nil && x.P99 == nil && x.Errors[0].Count == x.Requests()
		}, "503 Service Unavailable"},
		"redirecting": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, runner.Load{Seconds: 1, Connections: 1}, func(x runner.Throughput) bool { return x.PerSecond == 0 }, "302 Found"},
		"closing": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, runner.Load{Seconds: 1, Connections: 2}, func(x runner.Throughput) bool { return x.PerSecond == 0 }, "connection closed without a whole answer"},
		"closing in the middle": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, runner.Load{Seconds: 1, Connections: 2}, func(x runner.Throughput) bool { return x.PerSecond == 0 }, "connection closed without a whole answer"},
		"endless headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 4<<20))
		}, runner.Load{Seconds: 1, Connections: 1}, func(x runner.Throughput) bool { return x.PerSecond == 0 }, "headers over 64 KiB long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(test.serve)
			s.Config.ErrorLog = nil
			defer s.Close()
			got, err := Run(t.Context(), addrOf(s), predict, test.load)
			if err != nil || got.Cut || !test.want(got) || len(got.Seconds) != test.load.Seconds {
				t.Errorf("%+v, %v", got, err)
			}
			if test.error == "" && len(got.Errors) > 0 || test.error != "" && (len(got.Errors) == 0 || got.Errors[0].What != test.error) {
				t.Errorf("errors %+v, want %q", got.Errors, test.error)
			}
		})
	}
}

// TestEndlessBody is of a server whose answer never ends: no more of it is read
// than is bounded, and nothing kept.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 1<<20); ; sent.Add(1 << 20) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	got, err := Run(t.Context(), addrOf(s), predict, runner.Load{Seconds: 1, Connections: 1})
	if err != nil || got.PerSecond != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(got.Errors) > 0 && got.Errors[0].What != "an answer over 64 MiB long" {
		t.Errorf("%+v", got.Errors)
	}
}

func TestBodyIsBounded(t *testing.T) {
	b := &body{from: io.NopCloser(strings.NewReader("12345")), left: 3, done: func() {}}
	read, err := io.ReadAll(b)
	if string(read) != "123" || err == nil || err.Error() != sign+"an answer over 64 MiB long" {
		t.Errorf("%q, %v", read, err)
	}
}

// TestSameRequest is that the candidate is asked what its first request asked,
// at the address where it answers, whatever proxy the environment names.
func TestSameRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	type seen struct{ method, uri, host, kind, agent, encoding, body string }
	var mu sync.Mutex
	all, headers := make(map[seen]bool), make(map[string]bool)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all[seen{r.Method, r.RequestURI, r.Host, r.Header.Get("Content-Type"), r.UserAgent(), r.Header.Get("Accept-Encoding"), string(b)}] = true
		for name := range r.Header {
			headers[name] = true
		}
	}))
	defer s.Close()
	if _, err := Run(t.Context(), addrOf(s), predict, runner.Load{Seconds: 1, Connections: 2}); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addrOf(s))
	want := map[seen]bool{{"POST", "/predict?n=1", "localhost:" + port, "application/json", "mlbench", "", `{"x": 1}`}: true}
	if !reflect.DeepEqual(all, want) || len(headers) != 3 {
		t.Errorf("%+v with %v", all, headers)
	}
}

// TestInterrupted ends a load whose requests all hang.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, rate := range map[string]int{"closed loop": 0, "at a rate": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			var once sync.Once
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				once.Do(cancel)
				_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the client leave
				<-r.Context().Done()
			}))
			defer s.Close()
			got, err := Run(ctx, addrOf(s), predict, runner.Load{Seconds: 600, Rate: rate, Connections: 2})
			if err != nil || !got.Cut || len(got.Errors) != 0 || got.PerSecond != 0 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestDies is of a server that is gone after some answers, and of a context
// that tells so later.
func TestDies(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	time.AfterFunc(2500*time.Millisecond, func() { s.Close() })
	time.AfterFunc(4500*time.Millisecond, cancel)
	got, err := Run(ctx, addrOf(s), predict, runner.Load{Seconds: 60, Connections: 2})
	if err != nil || !got.Cut || len(got.Seconds) == 0 || len(got.Seconds) > 59 || got.Seconds[0].Successes == 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(got.Errors) == 0 || got.Errors[0].What != "connection refused" {
		t.Errorf("%+v", got.Errors)
	}
	failed, told := 0, 0
	for _, s := range got.Seconds {
		failed += s.Requests - s.Successes
	}
	for _, p := range got.Errors {
		told += p.Count
	}
	if failed != told {
		t.Errorf("%d requests failed in whole seconds, and errors are told of %d", failed, told)
	}
}

func TestUsage(t *testing.T) {
	for name, test := range map[string]struct {
		addr    string
		request runner.Request
		load    runner.Load
	}{
		"no time":        {"localhost:1", predict, runner.Load{Connections: 1}},
		"no connection":  {"localhost:1", predict, runner.Load{Seconds: 1}},
		"negative rate":  {"localhost:1", predict, runner.Load{Seconds: 1, Rate: -1, Connections: 1}},
		"no address":     {"localhost", predict, runner.Load{Seconds: 1, Connections: 1}},
		"no path":        {"localhost:1", runner.Request{Method: "GET", Path: "predict"}, runner.Load{Seconds: 1, Connections: 1}},
		"no such method": {"localhost:1", runner.Request{Method: "G T", Path: "/"}, runner.Load{Seconds: 1, Connections: 1}},
	} {
		if _, err := Run(t.Context(), test.addr, test.request, test.load); !errors.Is(err, runner.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProblemsAreBounded is of a server that fails each request otherwise.
func TestProblemsAreBounded(t *testing.T) {
	p := newPace(t.Context(), 0, 1)
	p.begun = time.Unix(100, 0)
	tally := newTally(runner.Load{Seconds: 1})
	for i := range 500 {
		tally.add(&vegeta.Result{Timestamp: p.begun.Add(warmUp), Code: uint16(300 + i)}, p)
	}
	tally.add(&vegeta.Result{Timestamp: p.begun.Add(warmUp), Error: strings.Repeat("é", 1000)}, p)
	got := tally.throughput(p, false)
	if len(got.Errors) != maxProblems+1 || got.Errors[0] != (runner.Problem{What: otherProblems, Count: 501 - maxProblems}) {
		t.Errorf("%+v", got.Errors)
	}
}

func TestQuantile(t *testing.T) {
	var hundred []uint32
	for i := range uint32(100) {
		hundred = append(hundred, i+1)
	}
	for _, test := range []struct {
		sorted []uint32
		q      float64
		want   time.Duration
	}{
		{[]uint32{7}, 0.5, 7 * time.Microsecond},
		{[]uint32{1, 2}, 0.5, time.Microsecond},
		{[]uint32{1, 2, 3}, 0.99, 3 * time.Microsecond},
		{hundred, 0.5, 50 * time.Microsecond},
		{hundred, 0.99, 99 * time.Microsecond},
	} {
		if got := quantile(test.sorted, test.q); got == nil || *got != test.want {
			t.Errorf("%v of %v: %v, want %v", test.q, test.sorted, got, test.want)
		}
	}
	if got := quantile(nil, 0.5); got != nil {
		t.Errorf("of nothing: %v", *got)
	}
}
