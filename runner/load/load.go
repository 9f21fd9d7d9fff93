// Package load sends a ready candidate the same request again and again, and
// tells how many it answers in a second and how long that takes. It is the only
// importer of vegeta, which sends the requests and takes their times.
//
// What sends them takes of the same processors as the candidate where both are
// on one host. So figures of one host are compared, and not taken for what the
// candidate could answer elsewhere.
package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"mlbench/runner"
)

// warmUp is how long requests are sent before any counts: what is compiled,
// connected and read from disk for the first requests is no throughput.
const warmUp = time.Second

// Run loads the candidate that answers at addr, host:port. It ends at once when
// ctx does, with what was found until then. An error means that the request or
// the load cannot be sent at all.
func Run(ctx context.Context, addr string, r runner.Request, l runner.Load) (runner.Throughput, error) {
	if l.Seconds < 1 || l.Rate < 0 || l.Connections < 1 {
		return runner.Throughput{}, runner.As(runner.ErrUsage, fmt.Errorf(
			"a load of %d s at %d requests/s over %d connections: seconds and connections are 1 or more, the rate 0 or more", l.Seconds, l.Rate, l.Connections))
	}
	target, err := newTarget(addr, r)
	if err != nil {
		return runner.Throughput{}, runner.As(runner.ErrUsage, err)
	}
	pace := newPace(ctx, l.Rate, l.Seconds)
	transport := newTransport(addr, l.Connections)
	defer transport.CloseIdleConnections()
	attacker := vegeta.NewAttacker(
		vegeta.Workers(uint64(l.Connections)), vegeta.MaxWorkers(uint64(l.Connections)),
		vegeta.MaxBody(0), // none is kept
		vegeta.Client(&http.Client{
			Transport: courier{ctx, transport},
		}),
	)
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	// A pacer is asked again only when a connection is free.
	defer time.AfterFunc(pace.until, func() { attacker.Stop() }).Stop()

	t := newTally(l)
	for result := range attacker.Attack(vegeta.NewStaticTargeter(target), pace, 0, "") {
		t.add(result, pace)
	}
	return t.throughput(pace, ctx.Err() != nil), nil
}

// newTarget is the request as the first one was sent. Its Host is localhost, as
// a health check from inside the container would have it: servers with a list
// of allowed hosts rarely list a container's address.
func newTarget(addr string, r runner.Request) (vegeta.Target, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return vegeta.Target{}, fmt.Errorf("address to load: %w", err)
	}
	u, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return vegeta.Target{}, fmt.Errorf("path %q: %w", r.Path, err)
	}
	u.Scheme, u.Host = "http", net.JoinHostPort("localhost", port)
	t := vegeta.Target{Method: r.Method, URL: u.String(), Body: r.Body, Header: http.Header{"User-Agent": {"mlbench"}}}
	if len(r.Body) > 0 {
		t.Header.Set("Content-Type", r.ContentType())
	}
	if _, err := t.Request(); err != nil {
		return t, err
	}
	return t, nil
}
