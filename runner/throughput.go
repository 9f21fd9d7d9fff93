package runner

import "time"

// A Load says how a ready candidate is sent its Request again and again.
type Load struct {
	// Seconds are counted, at least 1. One more before them is not.
	Seconds int
	// Rate is how many requests are sent in a second, whether or not those
	// before are answered; 0 for as many as Connections allow, each of which
	// sends the next one when its last is answered.
	Rate int
	// Connections are how many requests are under way at most, at least 1.
	Connections int
}

// Throughput is what a loaded candidate answered. Only answers of 2xx that came
// whole are successes, and only they have a latency. It is the time from when
// the request was sent until the answer's last byte was here; at a rate, from
// when it was to be sent, so that a stall is seen in all requests that it holds
// up. Quantiles are exact to a microsecond: the least latency within which so
// great a share of the successes was answered, so that of fewer than 100 the
// 0.99 quantile is the slowest.
type Throughput struct {
	Begin     time.Time // of the first counted second, with monotonic reading
	Seconds   []Second  // by when their requests were sent; only whole ones
	PerSecond float64   // successes of all Seconds
	P50, P99  *time.Duration
	Errors    []Problem // what the other requests got, the commonest first
	// Cut says that it ended before its time, with the candidate or with the
	// context.
	Cut bool
}

// A Second is one second of a load.
type Second struct {
	Requests  int // that were sent in it
	Successes int
	P50, P99  *time.Duration // of the successes; nil without any
}

// A Problem is what so many requests got instead of an answer of 2xx.
type Problem struct {
	What  string `json:"what"` // e.g. "503 Service Unavailable" or "connection refused"
	Count int    `json:"count"`
}

// Requests is how many were sent in the counted seconds.
func (t Throughput) Requests() int {
	n := 0
	for _, s := range t.Seconds {
		n += s.Requests
	}
	return n
}
