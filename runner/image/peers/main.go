// Command peers measures how long it takes to learn what is in an image: from
// the folders of its layers, from the engine's save stream, and by dive, beside
// what it takes to read that stream and do nothing with it. It writes Markdown:
//
//	make bench-inspect            # into docs/inspect.md
//	make bench-inspect ROUNDS=1   # a quick one, to the standard output
//
// Each is a process of its own; they take turns, in an order drawn anew for
// every round. It is a module of its own, so that mlbench does not depend on
// what it is measured against.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends it at once
	os.Exit(run(ctx, os.Stdout, os.Stderr, os.Args[1:]))
}

// run is the command: 0, 2 for wrong usage, 4 where it could not be done, 130
// where it was interrupted.
func run(ctx context.Context, out, errs io.Writer, args []string) int {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(errs)
	file := flags.String("o", "", "write to this `file` too")
	ref := flags.String("image", "fastapi-sklearn:naive", "the image; `make images` builds this one")
	rounds := flags.Int("rounds", 5, "how often each is measured")
	dive := flags.String("dive", "", "dive's program; without it dive is left out")
	version := flags.String("version", "devel", "of mlbench, to be written down")
	do := flags.String("do", "", "only do this once, for the process that measures it: folders, saved or drain")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	err := func() error {
		if *do != "" {
			return once(ctx, out, *do, *ref)
		}
		if *rounds < 1 {
			return errors.New("-rounds has to be at least 1")
		}
		r := report{version: *version, ref: *ref}
		if err := r.describe(ctx, *dive); err != nil {
			return err
		}
		if err := r.measure(ctx, errs, *rounds, *dive); err != nil {
			return err
		}
		var page bytes.Buffer
		r.markdown(&page)
		if _, err := out.Write(page.Bytes()); err != nil || *file == "" {
			return err
		}
		return os.WriteFile(*file, page.Bytes(), 0o644)
	}()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return 130
	}
	fmt.Fprintln(errs, "peers:", err)
	return 4
}
