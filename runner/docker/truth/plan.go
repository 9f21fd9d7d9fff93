package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"time"
)

// A cell is a server under an observer.
type cell struct {
	*server
	*observer
}

func (c cell) String() string { return c.server.name + "/" + c.observer.name }

// cells are what is measured. Every observer meets the plainest server; after
// that, each server meets those of whom it asks something new: mlbench, of
// which every claim is checked, and testcontainers, the peer that it is
// compared with. That one is not asked about ipv6: it goes to the published
// port of localhost, and where that is 127.0.0.1 the engine's proxy asks the
// container's IPv4 address for ever.
var cells = []cell{
	{late, events}, {late, polling}, {late, peer}, {late, curl10}, {late, curl100}, {late, healthcheck},
	{unready, events}, {unready, polling}, {unready, peer},
	{hang, events}, {hang, polling}, {hang, peer},
	{ipv6, events}, {ipv6, polling},
	{restart, events}, {restart, polling}, {restart, peer},
	{busy, events}, {busy, polling}, {busy, nobody},
	{exit, events},
}

// sparse says of which cells fewer starts will do: one round in sparsely. No
// goal rests on the far quantiles of their errors.
func (c cell) sparse() bool {
	return c.server == exit || c.server != late && c.server != busy && c.observer != events
}

const sparsely = 4

// choose are the cells whose names match.
func choose(pattern *regexp.Regexp) []cell {
	var chosen []cell
	for _, c := range cells {
		if pattern.MatchString(c.String()) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// A plan is what to measure.
type plan struct {
	cells  []cell
	rounds int  // in each of which a cell has one start
	all    bool // also the sparse ones, in every round
	seed   uint64
}

// round is the cells of that round, counted from 0, in an order drawn at random.
func (p plan) round(n int, cells []cell, rng *rand.Rand) []cell {
	var round []cell
	for _, i := range rng.Perm(len(cells)) {
		if p.all || !cells[i].sparse() || n%sparsely == 0 {
			round = append(round, cells[i])
		}
	}
	return round
}

// A record is one measured start. Its times are in milliseconds.
type record struct {
	cell
	round     int
	ready     float64 // from the truth to when the observer said so
	listening told    // likewise
	source    string  // of the mark listening
	took      float64 // the server's own, from begin until it listened
	waiting   told    // processor time of the waiting alone
	cpu       float64 // processor time of the start, engine calls and all
	problem   string  // why there is nothing else
}

// told is a number that not every observer or server tells.
type told struct {
	value float64
	ok    bool
}

// maxFailures in a row end the run: by then it is the engine.
const maxFailures = 10

// measure runs the plan. It returns what was measured in any case.
func (b *bench) measure(ctx context.Context, p plan) (records []record, err error) {
	rng := rand.New(rand.NewPCG(p.seed, 0))
	todo, err := b.prepare(ctx, p.cells)
	if err != nil {
		return nil, err
	}
	// The first start of each server and under each observer finds caches
	// cold, clients unconnected and a new network's addresses not yet usable
	// (for more than a second under IPv6). It is not counted.
	met := make(map[any]bool)
	for _, c := range todo {
		if met[c.server] && met[c.observer] {
			continue
		}
		met[c.server], met[c.observer] = true, true
		fmt.Fprintln(b.errs, "first start:", c)
		if r := b.one(ctx, c, rng); r.problem != "" {
			return nil, errors.Join(context.Cause(ctx), fmt.Errorf("%s: %s", c, r.problem))
		}
	}
	begin := time.Now()
	failures, said := 0, begin
	for round := range p.rounds {
		for _, c := range p.round(round, todo, rng) {
			r := b.one(ctx, c, rng)
			if ctx.Err() != nil {
				return records, context.Cause(ctx)
			}
			r.round = round
			records = append(records, r)
			failures++
			if r.problem == "" {
				failures = 0
			} else {
				fmt.Fprintf(b.errs, "%s, round %d: %s\n", r.cell, round+1, r.problem)
			}
			if failures >= maxFailures {
				return records, fmt.Errorf("%d starts in a row failed, the last with: %s", failures, r.problem)
			}
		}
		if time.Since(said) > 10*time.Second || round+1 == p.rounds {
			said = time.Now()
			took := said.Sub(begin)
			fmt.Fprintf(b.errs, "round %d/%d, %v, about %v left\n", round+1, p.rounds, took.Round(time.Second),
				(took / time.Duration(round+1) * time.Duration(p.rounds-round-1)).Round(time.Second))
		}
	}
	return records, nil
}

// one starts a server once under an observer.
func (b *bench) one(ctx context.Context, c cell, rng *rand.Rand) record {
	r := record{cell: c}
	t := b.trial(c, leastDelay+time.Duration(rng.Int64N(int64(c.observer.spread))))
	runtime.GC() // not within a measurement
	used := cpuUsed()
	s, err := c.observer.observe(ctx, b, t)
	r.cpu = ms(cpuUsed() - used)
	truth, truthErr := b.truth(t)
	if err = errors.Join(err, truthErr); err != nil {
		r.problem = err.Error()
		return r
	}
	return b.compare(r, s, truth)
}

// compare holds what an observer saw against what the server told.
func (b *bench) compare(r record, s sighting, t truth) record {
	late := func(at time.Time, truth int64) float64 { return ms(time.Duration(b.clock.of(at) - truth)) }
	r.source = s.source
	if s.waiting > 0 {
		r.waiting = told{ms(s.waiting), true}
	}
	if r.server == exit {
		return r
	}
	if t.listening == 0 || t.ready == 0 {
		r.problem = "the server was not ready by its own account"
		return r
	}
	r.took = ms(time.Duration(t.listening - t.begin))
	if r.observer == nobody {
		return r
	}
	r.ready = late(s.ready, t.ready)
	if !s.listening.IsZero() {
		r.listening = told{late(s.listening, t.listening), true}
	}
	return r
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
