package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mlbench/runner"
)

const (
	// tryTimeout bounds one request. A server that accepts and hangs until
	// it is ready answers the waiting request at that moment, so it is long.
	tryTimeout = 5 * time.Second
	// maxAnswer bounds what is read of one answer, headers and body, where
	// its status is all that was asked; of the others it bounds the headers.
	maxAnswer = 1 << 20
	// bodyTimeout bounds how long the rest of an answer is waited for whose
	// status was all that was asked: a health path may stream for ever.
	bodyTimeout = 100 * time.Millisecond
	// waited is the round trip from which a request counts as one that
	// waited for the server; below it the gap between tries says enough.
	waited = 5 * time.Millisecond
)

// HTTP waits until one of paths answers 2xx: the marks Listening and Ready.
// With several paths, each round asks them in order and the first 2xx wins; a
// path that answers 503 says that it is the health path and not ready yet, so
// the paths after it are not asked in that round.
//
// The first 2xx is readiness, whatever comes after it: a server that then
// answers 503 for a while was ready, and is a matter for --request. Redirects
// are answers like any other and not followed: where they lead is told.
//
// The resolution of Ready is the time from the last "not yet" to the 2xx. A
// request that waited in the server's backlog comes back when the server is
// ready, so there the resolution is the round trip of a second request, which
// is how long an answer takes.
func HTTP(ctx context.Context, t Target, paths []string) (s Sighting, err error) {
	var questions []question
	for _, path := range paths {
		q, err := newQuestion(t, runner.Request{Method: http.MethodGet, Path: path})
		if err != nil {
			return s, err
		}
		questions = append(questions, q)
	}
	c, s, err := connect(ctx, t, questions[0].text)
	if err != nil {
		return s, err
	}
	conn, lastNo := c.opened, c.lastNo
	var seen notes
	defer func() { s.Tried = seen.list() }()
	for {
		sent, closed := time.Now(), false
		for i, path := range paths {
			asked := time.Now()
			a, err := ask(ctx, conn, c.addr, questions[i], tryTimeout)
			conn = opened{}                     // its one use
			if err != nil && ctx.Err() != nil { // the try was cut short
				seen.first(path, unanswered(err))
				return s, context.Cause(ctx)
			}
			if err != nil {
				seen.set(path, requestProblem(err, time.Since(asked)))
				closed = errors.Is(err, syscall.ECONNREFUSED)
			} else {
				seen.set(path, a.describe())
			}
			if err == nil && a.ok() {
				s.Health, s.Addr = path, c.addr
				s.Marks[runner.Ready] = readyMark(ctx, t, c.addr, questions[i], asked, lastNo, a)
				return s, nil
			}
			if ctx.Err() != nil {
				return s, context.Cause(ctx)
			}
			if err != nil || a.status == http.StatusServiceUnavailable {
				break
			}
		}
		lastNo = sent
		if closed && t.Events != nil { // it listens no more, and the next time is told
			at, _, err := t.Events.Next(ctx, time.Now().Add(backstop))
			if err == nil && at.After(lastNo) {
				lastNo = at
			}
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
		}
		now := time.Now()
		if err := sleep(ctx, pause(now.Sub(t.Begin), now.Sub(sent))); err != nil {
			return s, err
		}
	}
}

func readyMark(ctx context.Context, t Target, addr string, q question, asked, lastNo time.Time, a answer) runner.Mark {
	m := runner.Mark{At: a.at.Sub(t.Begin), Resolution: a.at.Sub(lastNo), Source: "http"}
	if a.at.Sub(asked) < waited {
		return m
	}
	again := time.Now()
	if b, err := ask(ctx, opened{}, addr, q, tryTimeout); err == nil && b.ok() {
		m.Resolution = min(m.Resolution, b.at.Sub(again))
		m.Source = "http-waiting"
	}
	return m
}

// ErrRefused means that the first request was answered, for all of refusedFor,
// in a way that says that it is wrong: 4xx.
var ErrRefused = errors.New("the first request is refused")

// refusedFor is how long a 4xx may last. Some servers know no model, and so no
// path, for a moment after they are ready.
const refusedFor = 5 * time.Second

// refuses reports whether a status says that the request is wrong, and not
// that it came too early or too often.
func refuses(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= 400 && status < 500
}

// FirstResponse sends the candidate's first real request, again and again
// until it is answered 2xx, and returns the mark FirstResponse: the moment
// the answer's body was there. It gives up with ErrRefused.
func FirstResponse(ctx context.Context, t Target, r runner.Request) (Sighting, error) {
	s := Sighting{Marks: make(runner.Marks)}
	q, err := newQuestion(t, r)
	if err != nil {
		return s, err
	}
	var seen notes
	lastNo := time.Now()
	var refusedSince time.Time // zero while it is not
	for {
		refused := false
		for _, addr := range t.Addrs {
			sent := time.Now()
			a, err := ask(ctx, opened{}, addr, q, 0) // a first inference may load the model
			what := r.Method + " " + r.Path
			switch {
			case err == nil && a.ok() && a.whole:
				s.Addr = addr
				s.Marks[runner.FirstResponse] = runner.Mark{
					At:         a.done.Sub(t.Begin),
					Resolution: sent.Sub(lastNo),
					Source:     "http",
				}
				return s, nil
			case err != nil && ctx.Err() != nil: // the try was cut short
				seen.first(what, unanswered(err))
			case err != nil:
				seen.set(what, requestProblem(err, time.Since(sent)))
			case a.ok():
				seen.set(what, strconv.Itoa(a.status)+", and its body did not end")
			default:
				seen.set(what, a.describe())
			}
			s.Tried = seen.list()
			if ctx.Err() != nil {
				return s, context.Cause(ctx)
			}
			lastNo = sent
			refused = refused || err == nil && refuses(a.status)
		}
		now := time.Now()
		switch {
		case !refused:
			refusedSince = time.Time{}
		case refusedSince.IsZero():
			refusedSince = now
		case now.Sub(refusedSince) > refusedFor:
			return s, fmt.Errorf("%w for %v, as one that is wrong: look at --request and --body", ErrRefused, refusedFor)
		}
		if err := sleep(ctx, pause(now.Sub(t.Begin), now.Sub(lastNo))); err != nil {
			return s, err
		}
	}
}

// answer is what came back to one request.
type answer struct {
	status int
	leads  string    // where to, of a redirect
	at     time.Time // when status and headers were there
	done   time.Time // when the body was there, as much as was waited for
	whole  bool      // the body came to its end
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// describe is the status, and of a redirect where it leads.
func (a answer) describe() string { return shorten(strconv.Itoa(a.status) + a.leads) }

// leads says where a redirect leads to; "" of other answers.
func leads(r *http.Response) string {
	if r.StatusCode/100 != 3 {
		return ""
	}
	from := r.Request.URL
	to, err := r.Location()
	switch {
	case err != nil: // none, or no URL
		return ""
	case to.Scheme != from.Scheme || to.Host != from.Host:
		return ", a redirect to " + to.String() + ", which is another server"
	case to.RequestURI() == from.RequestURI():
		return ", a redirect to itself"
	}
	return ", a redirect to " + to.RequestURI() + ": name the path that answers 2xx (--health)"
}

// errTooLong means that an answer's headers did not end within maxAnswer.
var errTooLong = errors.New("the answer's headers do not end")

// An unfinishedError is the error of a request whose answer began, and whose
// headers had not come to their end when its time was up.
type unfinishedError struct{ error }

func (e unfinishedError) Unwrap() error { return e.error }

// lastError keeps a reader's error: who parses half a line complains of that.
type lastError struct {
	io.Reader
	err error
}

func (r *lastError) Read(p []byte) (n int, err error) {
	n, r.err = r.Reader.Read(p)
	return n, r.err
}

func (r *lastError) timedOut() bool {
	var timeout net.Error
	return errors.As(r.err, &timeout) && timeout.Timeout()
}

// unanswered is what is known of a request that was cut short by our own end.
func unanswered(err error) string {
	if errors.As(err, new(unfinishedError)) {
		return "an answer whose headers have not ended yet"
	}
	return "no answer yet"
}

// ask sends one request over conn, or over a new connection if it is none,
// and closes it. Its answer's status has to come within timeout, and of the
// body is waited for what comes soon; a timeout of 0 leaves both to ctx. It
// speaks HTTP itself, not through http.Transport, so that nothing but this one
// request happens on this one connection.
func ask(ctx context.Context, conn opened, addr string, q question, timeout time.Duration) (answer, error) {
	asked := time.Now()
	if conn.Conn == nil {
		var err error
		if conn, err = dial(ctx, addr, q.text); err != nil {
			return answer{}, err
		}
	}
	defer func() { _ = conn.Close() }()
	if timeout > 0 {
		_ = conn.SetDeadline(time.Now().Add(timeout))
	}
	// The deadline in the past wakes a read that waits.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	if rest := q.text[conn.sent:]; len(rest) > 0 {
		if _, err := conn.Write(rest); err != nil {
			return answer{}, err
		}
	}
	arriving := &arrivals{conn: conn.Conn}
	wire := &lastError{Reader: arriving}
	limited := &io.LimitedReader{R: wire, N: maxAnswer}
	in := bufio.NewReader(limited)
	for {
		resp, err := http.ReadResponse(in, q.request)
		if err != nil && limited.N <= 0 {
			err = errTooLong
		}
		if err != nil && limited.N < maxAnswer && wire.timedOut() {
			err = unfinishedError{wire.err}
		}
		if err != nil {
			return answer{}, err
		}
		if resp.StatusCode < 200 { // interim, e.g. 100 Continue; maxAnswer bounds them
			continue
		}
		a := answer{status: resp.StatusCode, at: arriving.since(asked), leads: leads(resp)}
		if timeout > 0 {
			_ = conn.SetDeadline(time.Now().Add(bodyTimeout))
		} else {
			limited.N = math.MaxInt64 // an image may be the answer; none of it is kept
		}
		// A body that is cut changes nothing of the status.
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		a.done, a.whole = arriving.since(a.at), err == nil
		return a, nil
	}
}

// A question is a request and what is sent of it.
type question struct {
	request *http.Request
	text    []byte
}

// newQuestion makes a request to the target, whose addresses have one port.
func newQuestion(t Target, r runner.Request) (question, error) {
	req, err := r.To(t.Addrs[0])
	if err != nil {
		return question{}, err
	}
	req.Close = true
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		return question{}, err
	}
	return question{req, text.Bytes()}, nil
}

// requestProblem is the short form of the error of a request that took so long.
func requestProblem(err error, took time.Duration) string {
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
	case errors.As(err, new(unfinishedError)):
		return fmt.Sprintf("an answer whose headers did not end within %v", took.Round(time.Millisecond))
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %v", took.Round(time.Millisecond))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed without an answer"
	}
	return shorten(dialProblem(err))
}

// maxProblem bounds a problem's length: what is no HTTP is quoted in its error,
// and may be a megabyte without a line's end.
const maxProblem = 120

func shorten(s string) string {
	if len(s) <= maxProblem {
		return s
	}
	return strings.ToValidUTF8(s[:maxProblem], "") + "…"
}
