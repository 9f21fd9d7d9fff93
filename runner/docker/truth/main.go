// Command truth holds what observers say of a start against what the started
// server itself knows: how late each is in calling it ready, how much
// processor time its waiting takes, and by how much it delays a server that
// needs every processor to start. It writes Markdown:
//
//	make bench-truth            # all of it, into docs/truth.md
//	make bench-truth STARTS=20  # a quick one, to the standard output
//
// The servers are the runners' fixture, which writes down on the kernel's
// monotonic clock when listen(2) returned and from when on it answers 2xx.
// The observers are mlbench and what people use instead. All of them take
// turns in one run, in an order drawn anew for every round, and each start is
// watched by one observer alone.
//
// It is a module of its own, so that mlbench does not depend on its peers.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends it at once
	os.Exit(run(ctx, os.Stdout, os.Stderr, os.Args[1:]))
}

// run is the command: 0, 1 where mlbench called a server ready that was not, 2
// for wrong usage, 4 where it could not be done, 130 where it was interrupted.
func run(ctx context.Context, out, errs io.Writer, args []string) int {
	flags := flag.NewFlagSet("truth", flag.ContinueOnError)
	flags.SetOutput(errs)
	file := flags.String("o", "", "write to this `file` too")
	starts := flags.Int("starts", 200, "measured starts of every server under every observer")
	only := flags.String("only", "", "only the pairs SERVER/OBSERVER that match this `regexp`; -list names them")
	all := flags.Bool("all", false, "give as many starts to every pair; without it some are measured in one round of four")
	raw := flags.String("csv", "", "write every measured start to this `file`, in the order in which they were")
	list := flags.Bool("list", false, "only list the pairs")
	seed := flags.Uint64("seed", rand.Uint64(), "of all orders and delays")
	fixture := flags.String("fixture", "bin/fixture", "the server's program, built from mlbench/runner/runnertest/fixture with CGO_ENABLED=0")
	network := flags.String("network", "", "start servers on this network of the engine instead of its default one")
	version := flags.String("version", "devel", "of mlbench, to be written down")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	fail := func(code int, err error) int {
		fmt.Fprintln(errs, "truth:", err)
		return code
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return fail(2, fmt.Errorf("-only: %w", err))
	}
	if *starts < 1 || flags.NArg() > 0 {
		return fail(2, fmt.Errorf("-starts has to be 1 or more, and there are no arguments: found %d and %q", *starts, flags.Args()))
	}
	cells := choose(pattern)
	if len(cells) == 0 {
		return fail(2, fmt.Errorf("-only %s: no pair matches; -list names them", *only))
	}
	if *list {
		for _, c := range cells {
			fmt.Fprintln(out, c)
		}
		return 0
	}

	b, err := open(ctx, *fixture, *network, errs)
	p := plan{cells: cells, rounds: *starts, all: *all, seed: *seed}
	var records []record
	if err == nil {
		records, err = b.measure(ctx, p)
	}
	left := b.close()
	if interrupted := ctx.Err() != nil; err != nil && !interrupted || left != nil {
		return fail(environment, errors.Join(err, left))
	} else if interrupted {
		return fail(130, errors.New("interrupted; everything that was started is removed"))
	}
	r := b.report(records, p, *version)
	var page bytes.Buffer
	r.markdown(&page)
	_, err = out.Write(page.Bytes())
	if *file != "" {
		err = errors.Join(err, os.WriteFile(*file, page.Bytes(), 0o644))
	}
	if *raw != "" {
		err = errors.Join(err, writeRecords(*raw, records))
	}
	if err != nil {
		return fail(environment, err)
	}
	if early := r.early(); early != "" {
		return fail(1, errors.New(early))
	}
	return 0
}

const environment = 4
