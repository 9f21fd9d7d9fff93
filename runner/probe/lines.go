package probe

import (
	"bytes"
	"context"
	"regexp"
	"sync"
	"time"

	"mlbench/runner"
)

// maxLine bounds a log line; the rest of a longer one is dropped.
const maxLine = 4096

// Lines is an io.Writer that cuts what a program prints into lines, keeps the
// last few and tells a Watch about each. The zero value keeps no lines.
// It is safe for use by several writers, though their lines may then mix.
type Lines struct {
	Keep int // how many of the last lines Last returns

	mu    sync.Mutex
	part  []byte
	last  []string
	watch *Watch
}

// Write takes the next bytes of output. It never fails.
func (l *Lines) Write(p []byte) (int, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		if room := maxLine - len(l.part); room > 0 {
			l.part = append(l.part, line[:min(len(line), room)]...)
		}
		p = rest
		if !whole {
			break
		}
		l.line(now)
	}
	return n, nil
}

func (l *Lines) line(now time.Time) {
	text := string(bytes.TrimRight(l.part, "\r"))
	l.part = l.part[:0]
	if l.Keep > 0 {
		if len(l.last) == l.Keep {
			l.last = append(l.last[:0], l.last[1:]...)
		}
		l.last = append(l.last, text)
	}
	if l.watch != nil {
		l.watch.see(text, now)
	}
}

// Last returns the last Keep lines, an unfinished one included.
func (l *Lines) Last() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := append([]string(nil), l.last...)
	if len(l.part) > 0 {
		last = append(last, string(l.part))
	}
	return last[max(0, len(last)-l.Keep):]
}

// A Watch waits for the first line that matches Pattern.
type Watch struct {
	Pattern *regexp.Regexp

	// Lag returns how long before its receipt the line may have been
	// written, and the line without what the transport put before it.
	Lag func(line string, received time.Time) (text string, lag time.Duration)

	once sync.Once
	seen chan sighted
}

type sighted struct {
	at  time.Time
	lag time.Duration
}

// Watch tells w about every line from now on.
func (l *Lines) Watch(w *Watch) {
	w.seen = make(chan sighted, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = w
}

func (w *Watch) see(line string, now time.Time) {
	text, lag := w.Lag(line, now)
	if w.Pattern.MatchString(text) {
		w.once.Do(func() { w.seen <- sighted{now, lag} })
	}
}

// Log waits for the line that w watches for: the mark Ready.
func Log(ctx context.Context, begin time.Time, w *Watch) (Sighting, error) {
	var at sighted
	select {
	case at = <-w.seen:
	case <-ctx.Done():
		// A program may say that it is ready and end: said is said.
		select {
		case at = <-w.seen:
		default:
			return Sighting{Tried: []string{"log: no line matched " + w.Pattern.String()}}, context.Cause(ctx)
		}
	}
	return Sighting{Marks: runner.Marks{runner.Ready: {
		At: at.at.Sub(begin), Resolution: at.lag, Source: "log",
	}}}, nil
}
