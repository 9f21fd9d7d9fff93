package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"mlbench/runner"
	"mlbench/stats"
)

// A report is what a run has found.
type report struct {
	host       runner.Host
	facts      [][]string // about the machine, in rows of two
	plan       plan
	clockError time.Duration // of a server's clock against the observers'
	records    []record
}

func (b *bench) report(records []record, p plan, version string) *report {
	return &report{
		host: b.host, plan: p, clockError: b.clock.error, records: records,
		facts: [][]string{
			{"date", time.Now().UTC().Format("2006-01-02 15:04 UTC")},
			{"mlbench", version},
			{"testcontainers-go", moduleVersion("github.com/testcontainers/testcontainers-go")},
			{"curl", curlVersion()},
			{"Go", runtime.Version()},
			{"engine", b.host.Engine + ", API " + b.host.API + ", " + b.host.Storage + ", " + b.host.Runtime},
			{"host", fmt.Sprintf("%s, Linux %s, %s; %d CPUs, %.1f GB", b.host.OS, b.host.Kernel, processor(), b.host.CPUs, float64(b.host.MemoryBytes)/1e9)},
			{"clock", fmt.Sprintf("CLOCK_MONOTONIC for servers and observers, known to %d ns", b.clock.error.Nanoseconds())},
			{"rounds", fmt.Sprintf("%d, seed %d", p.rounds, p.seed)},
		},
	}
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "unknown"
}

func curlVersion() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "curl", "--version").Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 1 {
		return fields[1]
	}
	return "none"
}

// processor is its name, as far as the kernel tells it.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// A sample is what was measured of one cell.
type sample struct {
	cell
	n, failed int
	early     int       // calls of readiness that came before it
	ready     []float64 // errors, in ms
	listening []float64 // likewise
	sources   []string  // of the mark listening
	waiting   []float64 // processor time, in ms
	cpu       []float64 // likewise, with engine calls
	took      []float64 // the server's own, in ms
}

func (r *report) sample(c cell) sample {
	s := sample{cell: c}
	for _, x := range r.records {
		if x.cell != c {
			continue
		}
		s.n++
		if x.problem != "" {
			s.failed++
			// It was never seen, which is later than anything.
			if c.server != exit && c.observer != nobody {
				s.ready = append(s.ready, math.Inf(1))
			}
			if c.ours() {
				s.listening = append(s.listening, math.Inf(1))
			}
			continue
		}
		s.cpu = append(s.cpu, x.cpu)
		if x.waiting.ok {
			s.waiting = append(s.waiting, x.waiting.value)
		}
		if c.server == exit {
			continue
		}
		s.took = append(s.took, x.took)
		if c.observer == nobody {
			continue
		}
		s.ready = append(s.ready, x.ready)
		if x.ready < -ms(r.clockError) {
			s.early++
		}
		if x.listening.ok {
			s.listening = append(s.listening, x.listening.value)
		}
		if x.source != "" && !slices.Contains(s.sources, x.source) {
			s.sources = append(s.sources, x.source)
		}
	}
	return s
}

// ours says that mlbench watches for readiness in this cell.
func (c cell) ours() bool {
	return (c.observer == events || c.observer == polling) && c.server != exit
}

// samples are those of the cells that were measured, in the order of cells.
func (r *report) samples() []sample {
	var all []sample
	for _, c := range cells {
		if s := r.sample(c); s.n > 0 {
			all = append(all, s)
		}
	}
	return all
}

// early says, in a line, that mlbench called a server ready that was not; "" if
// it never did.
func (r *report) early() string {
	for _, s := range r.samples() {
		if s.ours() && s.early > 0 {
			return fmt.Sprintf("%s: %d of %d starts were called ready before they were, by up to %s ms",
				s.cell, s.early, len(s.ready), number(-slices.Min(s.ready)))
		}
	}
	return ""
}

// pairs are the values of a and b from rounds in which both have one.
func (r *report) pairs(a, b cell, value func(record) float64) (as, bs []float64) {
	of := func(c cell) map[int]float64 {
		m := make(map[int]float64)
		for _, x := range r.records {
			if x.cell == c && x.problem == "" {
				m[x.round] = value(x)
			}
		}
		return m
	}
	left, right := of(a), of(b)
	for round := range r.plan.rounds {
		x, ok := left[round]
		y, also := right[round]
		if ok && also {
			as, bs = append(as, x), append(bs, y)
		}
	}
	return as, bs
}

// alpha of the intervals, two-sided.
const alpha = 0.05

// difference is that of as and bs, pair by pair.
func difference(as, bs []float64) stats.Interval {
	d := make([]float64, len(as))
	for i := range as {
		d[i] = as[i] - bs[i]
	}
	return stats.HodgesLehmann(d, stats.Cutoff(len(d), alpha/2))
}

// watching is the processor time of an observer's waiting in the plainest
// server's starts, in ms. mlbench does its waiting within a call that does
// more, so of it the same call without waiting is taken away.
func (r *report) watching(o *observer) (stats.Interval, bool) {
	s := r.sample(cell{late, o})
	if len(s.waiting) > 0 {
		return stats.QuantileInterval(s.waiting, 0.5, alpha), true
	}
	cpu := func(x record) float64 { return x.cpu }
	as, bs := r.pairs(cell{late, o}, cell{exit, events}, cpu)
	return difference(as, bs), len(as) > 0
}

// disturbance is by which fraction an observer delays the busy server.
func (r *report) disturbance(o *observer) (stats.Interval, bool) {
	logTook := func(x record) float64 { return math.Log(x.took) }
	as, bs := r.pairs(cell{busy, o}, cell{busy, nobody}, logTook)
	i := difference(as, bs)
	return stats.Interval{Estimate: math.Expm1(i.Estimate), Low: math.Expm1(i.Low), High: math.Expm1(i.High)}, len(as) > 0
}
