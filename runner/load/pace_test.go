package load

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"mlbench/runner"
)

// TestBacklogOfWarmUp is of a server that stalls before the counted time: what
// was due then and could not be sent is no throughput of the counted seconds.
func TestBacklogOfWarmUp(t *testing.T) {
	t.Parallel()
	var begun atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun.CompareAndSwap(0, time.Now().UnixNano())
		time.Sleep(time.Until(time.Unix(0, begun.Load()).Add(warmUp + 300*time.Millisecond)))
	}))
	defer s.Close()
	const rate = 100
	got, err := Run(t.Context(), addrOf(s), predict, runner.Load{Seconds: 2, Rate: rate, Connections: 4})
	if err != nil || got.PerSecond > rate || got.PerSecond < 0.9*rate {
		t.Errorf("%v requests per second, %v; want %d at most", got.PerSecond, err, rate)
	}
	if *got.P99 < 200*time.Millisecond || *got.P99 > 500*time.Millisecond {
		t.Errorf("p99 %v; want what was waited in the counted time", got.P99)
	}
}

// TestRateIsKept is of a rate that can be kept: no more requests are counted
// than it is, so that candidates that both keep it tie.
func TestRateIsKept(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	got, err := Run(t.Context(), addrOf(s), predict, runner.Load{Seconds: 2, Rate: 40, Connections: 8})
	if err != nil || got.Requests() > 80 || got.Requests() < 76 || len(got.Errors) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
