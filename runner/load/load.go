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
	"net/http"
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
	req, err := r.To(addr)
	if err != nil {
		return runner.Throughput{}, runner.As(runner.ErrUsage, fmt.Errorf("the request of the load: %w", err))
	}
	target := vegeta.Target{Method: req.Method, URL: req.URL.String(), Body: r.Body, Header: req.Header}
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
