package docker

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/docker/docker/client"
)

// calls logs what is asked of the engine: the method, the path without its
// query, which may hold build arguments, the status, and how long it took until
// the answer began. Neither headers, which may hold a registry's credentials, nor
// bodies, which hold environments, are looked at.
//
// While a start is measured, nothing is written: what is asked is kept, and logged
// with its own time when the start is over.
type calls struct {
	log  *slog.Logger // nil logs nothing
	next http.RoundTripper

	mu   sync.Mutex
	hold int // starts that are measured right now
	kept []call
}

type call struct {
	at     time.Time
	method string
	path   string
	status int // 0 for none
	took   time.Duration
	err    error
}

// listenTo puts the log between a client and its transport.
func (c *calls) listenTo(cli *client.Client) error {
	if c.log == nil {
		return nil
	}
	h := cli.HTTPClient()
	c.next, h.Transport = h.Transport, c
	return client.WithHTTPClient(h)(cli)
}

// RoundTrip implements http.RoundTripper.
func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	made := call{at: time.Now(), method: r.Method, path: r.URL.Path}
	response, err := c.next.RoundTrip(r)
	made.took, made.err = time.Since(made.at), err
	if response != nil {
		made.status = response.StatusCode
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold > 0 {
		c.kept = append(c.kept, made)
		return response, err
	}
	c.write(made)
	return response, err
}

// quiet holds the log back until release is called.
func (c *calls) quiet() (release func()) {
	if c.log == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold++
	if c.kept == nil {
		c.kept = make([]call, 0, 64) // as many as a start hardly makes, so that none of it waits for memory
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.hold--; c.hold > 0 {
			return
		}
		for _, made := range c.kept {
			c.write(made)
		}
		clear(c.kept)
		c.kept = c.kept[:0]
	}
}

func (c *calls) write(made call) {
	r := slog.NewRecord(made.at, slog.LevelDebug, "engine", 0)
	r.AddAttrs(slog.String("method", made.method), slog.String("path", made.path))
	if made.status != 0 {
		r.AddAttrs(slog.Int("status", made.status))
	}
	r.AddAttrs(slog.Duration("took", made.took.Round(time.Microsecond)))
	if made.err != nil {
		r.AddAttrs(slog.String("error", made.err.Error()))
	}
	if h := c.log.Handler(); h.Enabled(context.Background(), r.Level) {
		_ = h.Handle(context.Background(), r) // there is nowhere to tell of it
	}
}
