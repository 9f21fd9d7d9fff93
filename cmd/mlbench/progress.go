package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"mlbench/bench"
	"mlbench/bench/report"
)

// plainEvery is how often a line of progress is written where there is no
// terminal to keep one line alive on, and plainWidth how long it may be.
const (
	plainEvery = 10 * time.Second
	plainWidth = 120
)

// progress tells on stderr how a run goes.
type progress struct {
	w     io.Writer
	live  bool // w is a terminal
	fd    int  // which one
	shown bool // a live line stands there
	last  time.Time
	look  int // of the last plain line
}

var _ bench.Observer = (*progress)(nil)

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok {
		p.fd, p.live = int(f.Fd()), isTerminal(f)
	}
	return p
}

const eraseLine = "\r\x1b[K"

// Note writes a line that stays.
func (p *progress) Note(line string) {
	p.end()
	fmt.Fprintln(p.w, bench.Printable(line))
}

// Progress renews the live line, or writes a plain one now and then and at
// every look.
func (p *progress) Progress(now bench.Progress) {
	line := report.ProgressLine(now, p.width())
	if p.live {
		fmt.Fprint(p.w, eraseLine, line)
		p.shown = true
		return
	}
	if now.NextLook == p.look && time.Since(p.last) < plainEvery {
		return
	}
	p.last, p.look = time.Now(), now.NextLook
	fmt.Fprintln(p.w, line)
}

// width is how many columns a line may have. One that breaks on a terminal
// could not be taken away again, and some break it after the last column.
func (p *progress) width() int {
	if p.live {
		if columns, _, err := term.GetSize(p.fd); err == nil && columns > 1 {
			return columns - 1
		}
	}
	return plainWidth
}

// end takes the live line away.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.w, eraseLine)
		p.shown = false
	}
}
