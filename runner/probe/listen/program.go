package listen

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// A Program is what an Ear listens for: whatever runs in one network namespace
// and listens where it can be reached.
type Program struct {
	ear     *Ear
	network uint64
	addrs   []netip.AddrPort
	since   time.Time

	elsewhere []netip.AddrPort
}

// Program makes an Ear listen for what begins to listen in a network, after
// since, at one of the addresses or at all addresses and one of their ports.
// Addresses are "ip:port".
func (e *Ear) Program(network uint64, addrs []string, since time.Time) *Program {
	p := &Program{ear: e, network: network, since: since}
	for _, addr := range addrs {
		if a, err := netip.ParseAddrPort(addr); err == nil {
			p.addrs = append(p.addrs, a)
		}
	}
	return p
}

// Next waits until then for the next moment at which the program begins to
// listen, and says how exactly it is known. Its error wraps
// os.ErrDeadlineExceeded after that, or is the cause of ctx's end.
func (p *Program) Next(ctx context.Context, until time.Time) (at time.Time, resolution time.Duration, err error) {
	for {
		e, err := p.ear.Next(ctx, until)
		switch {
		case err != nil:
			return time.Time{}, 0, err
		case e.Network != p.network || e.At.Before(p.since):
			continue
		case p.reaches(e.Addr):
			return e.At, ClockError, nil
		case p.matters(e.Addr) && !slices.Contains(p.elsewhere, e.Addr) && len(p.elsewhere) < maxElsewhere:
			p.elsewhere = append(p.elsewhere, e.Addr)
		}
	}
}

// maxElsewhere bounds what is kept of a program that listens again and again.
const maxElsewhere = 8

// reaches reports whether a socket that listens there answers at one of the
// program's addresses.
func (p *Program) reaches(there netip.AddrPort) bool {
	ip := there.Addr().Unmap()
	return slices.ContainsFunc(p.addrs, func(a netip.AddrPort) bool {
		return a.Port() == there.Port() && (ip.IsUnspecified() || ip == a.Addr().Unmap())
	})
}

// matters reports whether a socket that listens there may be the one that was
// meant. Others on loopback are for talks among the program's own processes,
// or the engine's name server.
func (p *Program) matters(there netip.AddrPort) bool {
	return !there.Addr().Unmap().IsLoopback() ||
		slices.ContainsFunc(p.addrs, func(a netip.AddrPort) bool { return a.Port() == there.Port() })
}

// Elsewhere is where something in that network began to listen that does not
// answer at the program's addresses: on another port, or on one of theirs but
// another address.
func (p *Program) Elsewhere() []netip.AddrPort { return p.elsewhere }

// Forget drops what was heard so far. An Ear keeps only so much, and drops
// what comes then.
func (e *Ear) Forget() {
	for {
		if _, err := e.Next(context.Background(), time.Now()); err != nil {
			return
		}
	}
}
