package docker

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// A line is a connection that a start holds open to the engine which it began
// with. An engine that is stopped stops its containers first, and that looks
// like an end of their own; meanwhile it answers on the connections that it
// has. It accepts no new ones, but where systemd holds its socket those wait
// there, and the next engine answers them.
type line struct {
	net.Conn
	since time.Time
}

// lineLasts is how long an engine surely keeps a connection on which nothing
// is asked: five minutes since 20.10.
const lineLasts = 4 * time.Minute

// hold opens the line. Where that fails the next call to the engine fails too,
// and says why. What stands between here and an engine elsewhere may end it.
func (x *one) hold(ctx context.Context) {
	if !x.r.local {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, x.r.ask)
	defer cancel()
	if conn, err := x.r.cli.Dialer()(ctx); err == nil {
		x.line = &line{conn, time.Now()}
	}
}

func (x *one) release() {
	if x.line != nil {
		_ = x.line.Close()
	}
}

// engineStays is an error where the engine that the start began with is being
// stopped, or is gone.
func (x *one) engineStays(ctx context.Context) error {
	ctx, cancel := detached(ctx, x.r.ask)
	defer cancel()
	if !x.r.local { // there is no line, and a proxy or TLS may stand between
		_, err := x.r.cli.Ping(ctx)
		return err
	}
	fresh, err := x.r.cli.Dialer()(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = fresh.Close() }()
	if err := answers(ctx, fresh); err != nil || x.line == nil || time.Since(x.line.since) > lineLasts {
		return err
	}
	return answers(ctx, x.line)
}

// answers asks an engine over this connection; any answer will do.
func answers(ctx context.Context, conn net.Conn) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
