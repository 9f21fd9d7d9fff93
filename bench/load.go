package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"mlbench/runner"
)

// Bounds of a load. Seconds are counted one by one, and what is sent waits in
// connections of this host.
const (
	maxLoad        = 10 * time.Minute
	maxRate        = 100_000
	maxConnections = 1024
	mostPerSecond  = 1e9 // in a file
)

// DefaultConnections is how many requests are under way at once where nothing
// else is said: some more than a small service has workers.
const DefaultConnections = 8

// A Load is what a start of RoleLoad answered, as a runner.Throughput has it.
// Times are milliseconds.
type Load struct {
	BeginMS   float64          `json:"begin_ms"`       // since begin_at; the warm-up second is before
	Seconds   []LoadSecond     `json:"seconds"`        // by when their requests were sent
	PerSecond float64          `json:"requests_per_s"` // answered with 2xx
	P50MS     *float64         `json:"p50_ms"`         // of these; nil without any
	P99MS     *float64         `json:"p99_ms"`
	Errors    []runner.Problem `json:"errors,omitempty"` // what others got

	Rate        int `json:"rate"` // requests per second that were asked for; 0 for as many as connections allow
	Connections int `json:"connections"`

	// Ended says that the candidate ended before the load did. It then counts
	// as one that answers nothing, as a failed start counts as one that is
	// never ready.
	Ended bool `json:"ended,omitempty"`

	// What it had of the GPUs in the counted seconds; nil where nothing tells.
	GPUBusyPercent *float64 `json:"gpu_busy_percent,omitempty"` // of the busiest GPU and by whomever, the mean over time
	GPUMemoryBytes *int64   `json:"gpu_memory_bytes,omitempty"` // the most
}

// A LoadSecond is one second of a load.
type LoadSecond struct {
	Requests  int      `json:"requests"`
	Successes int      `json:"successes"`
	P50MS     *float64 `json:"p50_ms"`
	P99MS     *float64 `json:"p99_ms"`
}

// Requests is how many were sent, and Failed how many of them were not
// answered with 2xx.
func (l Load) Requests() (sent, failed int) {
	for _, s := range l.Seconds {
		sent += s.Requests
		failed += s.Requests - s.Successes
	}
	return sent, failed
}

// recordLoad writes down what a start answered. Its GPUs are recorded before.
func (s *Start) recordLoad(t runner.Throughput, asked runner.Load, begin time.Time) {
	l := &Load{
		BeginMS: max(Millis(t.Begin.Sub(begin)), 0), Seconds: []LoadSecond{}, PerSecond: t.PerSecond,
		P50MS: optionalMillis(t.P50), P99MS: optionalMillis(t.P99), Errors: t.Errors,
		Rate: asked.Rate, Connections: asked.Connections, Ended: t.Cut,
	}
	for _, x := range t.Seconds {
		l.Seconds = append(l.Seconds, LoadSecond{x.Requests, x.Successes, optionalMillis(x.P50), optionalMillis(x.P99)})
	}
	if s.GPU != nil {
		l.recordGPU(s.GPU.Memory)
	}
	s.Load = l
}

// recordGPU takes from the points, each of which holds until the next, what
// was in use in the counted seconds.
func (l *Load) recordGPU(points []GPUPoint) {
	end := l.BeginMS + 1000*float64(len(l.Seconds))
	busy, told := 0.0, 0.0 // percent times milliseconds, and milliseconds
	for i, p := range points {
		from, to := max(p.MS, l.BeginMS), end
		if i+1 < len(points) {
			to = min(points[i+1].MS, end)
		}
		if to <= from {
			continue
		}
		if l.GPUMemoryBytes == nil || p.Bytes > *l.GPUMemoryBytes {
			l.GPUMemoryBytes = &p.Bytes
		}
		if p.Busy != nil {
			busy, told = busy+float64(*p.Busy)*(to-from), told+to-from
		}
	}
	if told > 0 {
		mean := busy / told
		l.GPUBusyPercent = &mean
	}
}

// load is what the Spec asks of every start of RoleLoad.
func (s Spec) load() runner.Load {
	return runner.Load{Seconds: int(s.LoadMS / 1000), Rate: s.Rate, Connections: s.Connections}
}

// checkLoad finds what is wrong with the load that is asked for.
func (s Spec) checkLoad() error {
	if s.LoadMS == 0 {
		switch {
		case s.Rate != 0:
			return errors.New("rate: nothing is loaded without --load: e.g. --load 10s --rate 50 --request 'POST /predict'")
		case s.Connections != 0:
			return errors.New("connections: nothing is loaded without --load: e.g. --load 10s --connections 16 --request 'POST /predict'")
		}
		return nil
	}
	switch whole := math.Trunc(s.LoadMS/1000) * 1000; {
	case !(s.LoadMS >= 1000 && s.LoadMS <= Millis(maxLoad)) || whole != s.LoadMS:
		return fmt.Errorf("load: %v s is not whole seconds, between 1s and 10m: e.g. 10s", s.LoadMS/1000)
	case s.Rate < 0 || s.Rate > maxRate:
		return fmt.Errorf("rate: %d is not between 0 (as fast as they are answered) and %d requests per second", s.Rate, maxRate)
	case s.Connections < 1 || s.Connections > maxConnections:
		return fmt.Errorf("connections: %d is not between 1 and %d", s.Connections, maxConnections)
	}
	return nil
}

// check finds what no run would have written.
func (l *Load) check() error {
	if l == nil {
		return nil
	}
	for name, ms := range map[string]*float64{"begin_ms": &l.BeginMS, "requests_per_s": &l.PerSecond, "p50_ms": l.P50MS, "p99_ms": l.P99MS, "gpu_busy_percent": l.GPUBusyPercent} {
		if ms != nil && *ms < 0 {
			return fmt.Errorf("load.%s: %v is negative", name, *ms)
		}
	}
	if l.PerSecond > mostPerSecond {
		return fmt.Errorf("load.requests_per_s: %v is more than anything answers", l.PerSecond)
	}
	if n := l.GPUMemoryBytes; n != nil && *n < 0 {
		return fmt.Errorf("load.gpu_memory_bytes: %d is negative", *n)
	}
	if (l.P50MS == nil) != (l.PerSecond == 0) || (l.P99MS == nil) != (l.PerSecond == 0) {
		return errors.New("load.p50_ms, p99_ms: have to be there where there are requests_per_s, and only there")
	}
	for i, s := range l.Seconds {
		if s.Successes < 0 || s.Requests < s.Successes {
			return fmt.Errorf("load.seconds[%d]: %d of %d requests cannot be answered", i, s.Successes, s.Requests)
		}
	}
	if i := slices.IndexFunc(l.Errors, func(p runner.Problem) bool { return p.Count < 0 }); i >= 0 {
		return fmt.Errorf("load.errors[%d].count: %d is negative", i, l.Errors[i].Count)
	}
	return nil
}
