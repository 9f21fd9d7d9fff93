package load

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"mlbench/runner"
)

const (
	// maxProblems bounds how many kinds of errors are told apart: a hostile
	// server could answer each request with another.
	maxProblems = 16
	// maxProblem bounds the length of each, in bytes.
	maxProblem = 120

	otherProblems = "something else"
)

// tally counts answers as they come.
type tally struct {
	seconds []second
	known   map[string]bool // the kinds of problems that there were
	rate    int
}

// second is what is known of one second. Latencies are microseconds, at 4 bytes
// a request: ten minutes of 10,000 a second are 24 MB, and as much at the end.
type second struct {
	requests  int
	latencies []uint32
	problems  map[string]int // nil for none
}

func newTally(l runner.Load) *tally {
	return &tally{seconds: make([]second, l.Seconds), known: make(map[string]bool), rate: l.Rate}
}

// add counts a request if it was sent in a counted second, and at a rate was to
// be sent in the counted time.
func (t *tally) add(r *vegeta.Result, p *pace) {
	since := r.Timestamp.Sub(p.begun) - warmUp
	at := int(since / time.Second)
	if since < 0 || at >= len(t.seconds) || t.rate > 0 && r.Seq < p.first.Load() {
		return
	}
	if p.ctx.Err() != nil && r.Error != "" {
		return // it was cut short, and says nothing
	}
	s := &t.seconds[at]
	s.requests++
	if what := problem(r); what != "" {
		if !t.known[what] && len(t.known) >= maxProblems {
			what = otherProblems
		}
		t.known[what] = true
		if s.problems == nil {
			s.problems = make(map[string]int)
		}
		s.problems[what]++
		return
	}
	took := r.Latency
	if t.rate > 0 {
		took += max(r.Timestamp.Sub(p.due(r.Seq)), 0)
	}
	s.latencies = append(s.latencies, uint32(min(took.Microseconds(), math.MaxUint32)))
}

// problem is what came instead of an answer of 2xx that was read to its end;
// "" for such an answer.
func problem(r *vegeta.Result) string {
	if _, what, ok := strings.Cut(r.Error, sign); ok {
		return shorten(what)
	}
	switch {
	case r.Code >= 200 && r.Code < 300:
		return ""
	case r.Code != 0: // the server's own words for it may be anything
		return strings.TrimSpace(strconv.Itoa(int(r.Code)) + " " + http.StatusText(int(r.Code)))
	}
	return shorten(r.Error)
}

func shorten(s string) string {
	if len(s) <= maxProblem {
		return s
	}
	return strings.ToValidUTF8(s[:maxProblem], "") + "…"
}

// throughput is what was counted; cut says that it ended before its time.
func (t *tally) throughput(p *pace, cut bool) runner.Throughput {
	out := runner.Throughput{Begin: p.begun.Add(warmUp), Cut: cut}
	seconds := t.seconds
	if cut {
		seconds = seconds[:min(max(int((time.Since(p.begun)-warmUp)/time.Second), 0), len(seconds))]
	}
	n, problems := 0, make(map[string]int)
	for _, s := range seconds {
		n += len(s.latencies)
		for what, count := range s.problems {
			problems[what] += count
		}
	}
	all := make([]uint32, 0, n)
	for _, s := range seconds {
		slices.Sort(s.latencies)
		out.Seconds = append(out.Seconds, runner.Second{
			Requests: s.requests, Successes: len(s.latencies),
			P50: quantile(s.latencies, 0.5), P99: quantile(s.latencies, 0.99),
		})
		all = append(all, s.latencies...)
	}
	if len(seconds) > 0 {
		out.PerSecond = float64(len(all)) / float64(len(seconds))
	}
	slices.Sort(all)
	out.P50, out.P99 = quantile(all, 0.5), quantile(all, 0.99)
	for what, n := range problems {
		out.Errors = append(out.Errors, runner.Problem{What: what, Count: n})
	}
	slices.SortFunc(out.Errors, func(a, b runner.Problem) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.What, b.What))
	})
	return out
}

// quantile is the least of the sorted latencies that a share q of them does not
// pass; nil of none.
func quantile(sorted []uint32, q float64) *time.Duration {
	if len(sorted) == 0 {
		return nil
	}
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	d := time.Duration(sorted[max(i, 0)]) * time.Microsecond
	return &d
}
