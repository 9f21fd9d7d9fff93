package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"mlbench/bench/report"
)

// streams are what a command reads from and writes to: results to out,
// everything else to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	*manner
}

// A manner is how a command tells: the flags that all commands have.
type manner struct {
	quiet   bool
	verbose bool
	color   string
}

// When there are colours.
const (
	colorAuto   = "auto"
	colorAlways = "always"
	colorNever  = "never"
)

var colors = []string{colorAuto, colorAlways, colorNever}

func (m *manner) register(f *pflag.FlagSet) {
	f.BoolVarP(&m.quiet, "quiet", "q", false, "no progress and no notes: the result and errors alone")
	f.BoolVar(&m.verbose, "verbose", false, "log to stderr what is done: engine calls, starts, looks of the stopping rule")
	f.StringVar(&m.color, "color", colorAuto, "colour verdicts, by `when`: "+strings.Join(colors, ", "))
	offer(f, "color", colors...)
	// -v is --volume, as docker run has it.
}

// check says what is wrong with what the flags say together.
func (m *manner) check() error {
	switch {
	case m.quiet && m.verbose:
		return usage("--quiet and --verbose: give one of them")
	case !slices.Contains(colors, m.color):
		return usage("--color: no %q: there are %s", m.color, strings.Join(colors, ", "))
	}
	return nil
}

// notes is where progress, notes and hints go: nowhere with --quiet.
func (s streams) notes() io.Writer {
	switch {
	case s.manner == nil || s.err == nil:
		return s.err
	case s.quiet:
		return io.Discard
	case s.verbose:
		return struct{ io.Writer }{s.err} // no terminal: a live line would be torn by what is logged
	}
	return s.err
}

// log is what --verbose shows, nil without. Library packages are handed it, and
// are silent where it is nil: slog's default is of the whole process, so that
// tests and embedders would hear each other.
func (s streams) log() *slog.Logger {
	if s.manner == nil || !s.verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// results is where results go, in colour where that is wanted.
func (s streams) results() io.Writer {
	if s.manner == nil || !colours(s.color, os.LookupEnv, isTerminal(s.out)) {
		return s.out
	}
	return report.Coloured(s.out)
}

// colours says whether there are any. A flag is nearer than the environment;
// there, NO_COLOR (https://no-color.org) wins over CLICOLOR_FORCE, and that over
// CLICOLOR (https://bixense.com/clicolors/).
func colours(flag string, env func(string) (string, bool), terminal bool) bool {
	if flag != colorAuto {
		return flag == colorAlways
	}
	if v, _ := env("NO_COLOR"); v != "" {
		return false
	}
	if v, _ := env("CLICOLOR_FORCE"); v != "" && v != "0" {
		return true
	}
	if v, ok := env("CLICOLOR"); ok && v == "0" {
		return false
	}
	t, _ := env("TERM")
	return terminal && t != "dumb"
}

// leaving is stdout, whose reader may have had enough before the end, as head
// has: that is no error, and the exit code what it is for who reads all.
type leaving struct{ io.Writer }

func (l leaving) Write(p []byte) (int, error) {
	n, err := l.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

func isTerminal(w io.Writer) bool {
	if l, ok := w.(leaving); ok {
		w = l.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
