// Command calibrate measures mlbench's own error rates and power on simulated
// hosts and on recorded traces, and writes them down as Markdown:
//
//	go run ./cmd/calibrate -o docs/calibration.md
//
// With -nights it measures how often mlbench nightly alerts falsely, and how soon
// it finds a change:
//
//	go run ./cmd/calibrate -nights -o docs/calibration-nights.md
//
// It starts nothing and takes some minutes. With -strict the exit code is 1
// where an error rate that mlbench promises is exceeded, or where the
// calibration does not show what is known to be wrong.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"mlbench/bench/calibration"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Stdout, os.Stderr, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the command: 0, 1 with -strict where a promise is broken, 2 for wrong
// usage, 4 where it could not be done.
func run(ctx context.Context, out, errs io.Writer, args []string) int {
	flags := flag.NewFlagSet("calibrate", flag.ContinueOnError)
	flags.SetOutput(errs)
	file := flags.String("o", "", "write to this `file` instead of the standard output")
	repetitions := flags.Int("repetitions", 2000, "comparisons of each regime and effect")
	seed := flags.Uint64("seed", 1, "of all hosts and orders")
	where := flags.String("traces", "", "folder or glob of result files, *.json or *.json.gz, of an image compared with itself")
	heavy := flags.String("heavy", "", "folder with idle.json.gz and loaded.json.gz, of heavy candidates against a light one")
	strict := flags.Bool("strict", false, "exit 1 where an error rate that mlbench promises is exceeded")
	nights := flags.Bool("nights", false, "measure mlbench nightly instead, on simulated histories")
	years := flags.Int("years", 100, "with -nights, of each host in which nothing changes; twice as many histories of each change")
	version := flags.String("version", builtFrom(), "of mlbench, to be written down")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fail := func(code int, err error) int {
		fmt.Fprintln(errs, "calibrate:", err)
		return code
	}
	if *years < 1 {
		return fail(2, fmt.Errorf("-years has to be 1 or more, and is %d", *years))
	}
	if *repetitions < 1 || flags.NArg() > 0 {
		return fail(2, fmt.Errorf("-repetitions has to be 1 or more, and there are no arguments: found %d and %q", *repetitions, flags.Args()))
	}
	var traces []calibration.Trace
	if *where != "" {
		var err error
		if traces, err = calibration.ReadTraces(*where); err != nil {
			return fail(2, err)
		}
	}
	var heavies []calibration.Heavy
	if *heavy != "" {
		var err error
		if heavies, err = calibration.ReadHeavies(*heavy); err != nil {
			return fail(2, err)
		}
	}
	begin := time.Now()
	progress := func(done, of int, what string) {
		fmt.Fprintf(errs, "%3d/%d  %6s  %s\n", done+1, of, time.Since(begin).Round(time.Second), what)
	}
	var found measured
	var known []calibration.Known
	var err error
	if *nights {
		plan := calibration.NightsPlan{Nights: calibration.DefaultNights(), Years: *years, Steps: 2 * *years, Seed: *seed, Progress: progress}
		found, err = plan.Measure(ctx)
	} else {
		plan := calibration.DefaultPlan(*repetitions, *seed, traces)
		plan.Progress = progress
		var report *calibration.Report
		if report, err = plan.Measure(ctx); err == nil {
			report.Heavy, known = heavies, report.Known()
		}
		found = report
	}
	if err != nil {
		return fail(4, err)
	}
	var b bytes.Buffer
	if err := found.Markdown(&b, *version); err != nil {
		return fail(4, err)
	}
	if *file == "" {
		_, err = out.Write(b.Bytes())
	} else {
		err = os.WriteFile(*file, b.Bytes(), 0o644)
	}
	if err != nil {
		return fail(4, err)
	}
	broken := 0
	for _, f := range found.Findings() {
		if f.Met || f.Open {
			continue
		}
		fmt.Fprintf(errs, "NOT met: %s: %s wanted, %s measured, %s\n", f.Goal, f.Wanted, f.Measured, f.Worst)
		if f.Must {
			broken++
		}
	}
	for _, k := range known {
		if !k.Seen() {
			fmt.Fprintf(errs, "NOT seen: %s: %s measured\n", k.What, k.Measured)
			broken++
		}
	}
	if *strict && broken > 0 {
		return 1
	}
	return 0
}

// measured is what a plan has measured.
type measured interface {
	Markdown(w io.Writer, version string) error
	Findings() []calibration.Finding
}

// builtFrom is the commit that the program was built from, where it is known.
func builtFrom() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return "devel-" + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return "devel"
}
