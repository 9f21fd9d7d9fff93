package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// answerTimeout bounds one request: inference of large models takes
	// seconds.
	answerTimeout = 30 * time.Second
	// maxAnswer bounds what is read of one answer's body. An image or a film
	// may be the answer; more is a stream without end.
	maxAnswer = 64 << 20
	// maxHeaders bounds an answer's headers, which vegeta hands on.
	maxHeaders = 64 << 10
	// afterFailure is the pause of a connection that got no whole answer: a
	// server that refuses is not to be asked a hundred thousand times a second.
	afterFailure = 10 * time.Millisecond
	dialTimeout  = 5 * time.Second
)

// newTransport connects to addr whatever a request says, past any proxy, and
// asks for no compression that the first request did not ask for.
func newTransport(addr string, connections int) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", addr)
		},
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true,
	}
}

// courier ends requests with its context, which vegeta has none of, or when
// their time is up, and names what went wrong in few words.
type courier struct {
	ctx context.Context //nolint:containedctx // the requests are made by vegeta
	to  *http.Transport
}

func (c courier) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(c.ctx, answerTimeout)
	r = r.Clone(ctx)
	r.Header.Del("X-Vegeta-Seq") // all requests are alike
	answer, err := c.to.RoundTrip(r)
	if err != nil {
		cancel()
		c.pause()
		return nil, troubleOf(err)
	}
	// A redirect is an answer like any other, and no success: with nowhere to
	// go nobody follows it, or stumbles over where it is to go.
	answer.Header.Del("Location")
	answer.Body = &body{from: answer.Body, left: maxAnswer, done: cancel, failed: c.pause}
	return answer, nil
}

// pause is what a connection makes that got no whole answer.
func (c courier) pause() {
	select {
	case <-c.ctx.Done():
	case <-time.After(afterFailure):
	}
}

// body is an answer's, of which no more is read than is sensible.
type body struct {
	from   io.ReadCloser
	left   int
	done   func()
	failed func()
}

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, trouble(fmt.Sprintf("an answer over %d MiB long", maxAnswer>>20))
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed()
		err = troubleOf(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.done() // the connection is given up unless all was read
	return b.from.Close()
}

// trouble is why there was no answer. It begins with a sign by which it is
// found again in what is put before it on its way through vegeta.
type trouble string

const sign = "\x00"

func (t trouble) Error() string { return sign + string(t) }

// troubleOf puts what went wrong into few words, the same for the same thing:
// addresses and ports differ from one connection to the next.
func troubleOf(err error) trouble {
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.As(err, &errno):
		return trouble(errno.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return trouble(fmt.Sprintf("no whole answer within %v", answerTimeout))
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer to connect"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "server closed"):
		return "connection closed without a whole answer"
	case strings.Contains(err.Error(), "exceeded") && strings.Contains(err.Error(), "header"):
		return trouble(fmt.Sprintf("headers over %d KiB long", maxHeaders>>10))
	case slices.ContainsFunc([]string{"malformed", "chunk", "transport connection broken"}, func(words string) bool {
		return strings.Contains(err.Error(), words)
	}): // in words that hold the server's, and so may be others each time
		return "an answer that is no HTTP"
	}
	return trouble(shorten(err.Error()))
}
