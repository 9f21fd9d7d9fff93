package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/bench/report"
	"mlbench/runner"
)

func newHistory(std streams) *cobra.Command {
	var telling rendering[*history.Report]
	var filter history.Filter
	var last int
	var add []string
	cmd := &cobra.Command{
		Use:   "history DIR [flags]",
		Short: "List the runs of a history, and draw how ready times went",
		Long: `history lists what compare and run with --history DIR have appended, and draws
how the time to ready of each candidate went, with its interval. Runs on
different hosts, kernels, engines, GPUs or cold levels, and candidates started
in different ways, are separate series, each marked with what differs.

What cannot be read of the file is passed over, and said.`,
		Example: `  mlbench history runs
  mlbench history runs --candidate myservice --since 30d
  mlbench history runs --add result.json`,
		Args: exactly(1, "one folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := telling.open()
			if err != nil {
				return err
			}
			if last < 1 {
				return usage("--last: %d is not a number of runs, 1 or more: e.g. --last 50", last)
			}
			for _, file := range add {
				if err := addFile(cmd.Context(), std, args[0], file); err != nil {
					return err
				}
			}
			log, err := history.Read(args[0])
			if errors.Is(err, history.ErrNone) {
				return usage("%w", err)
			}
			if err != nil {
				return runner.As(runner.ErrEnvironment, err)
			}
			r := history.Look(args[0], log, filter, tool())
			r.List = last
			return to.tell(std, r)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&filter.Candidate, "candidate", "", "only candidates with this in their `name`")
	f.VarP(parsed(&filter.Since, func(s string) (time.Time, error) { return parseSince(s, time.Now()) }, "when", "ever"), "since", "", "only runs since then: a date, e.g. 2026-11-01, or so long ago, e.g. 30d or 12h")
	f.StringVar(&filter.Fingerprint, "fingerprint", "", "only runs whose fingerprint begins with this `id`")
	f.IntVar(&last, "last", 20, "list so many of the newest runs")
	f.StringArrayVar(&add, "add", nil, "append the run of this result `file` first (repeatable)")
	suffixes(f, "add", ".json")
	telling.register(f, report.Histories, "the history")
	return cmd
}

// maxDays is more than any history has.
const maxDays = 36500

func parseSince(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if text, days := strings.CutSuffix(s, "d"); days {
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= maxDays {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, errors.New("neither a date nor how long ago: e.g. 2026-11-01, 30d or 12h")
}

// addFile appends the run of a result file.
func addFile(ctx context.Context, std streams, dir, file string) error {
	f, err := open(file)
	if err != nil {
		return usage("--add: %w: name a file that --out r.json has written", err)
	}
	defer func() { _ = f.Close() }()
	r, err := bench.Read(f, file)
	if err != nil {
		return usage("--add: %w", err)
	}
	return appendRun(ctx, std, dir, r, file)
}

// prepareHistory finds out before anything is measured whether the run can be
// appended.
func (o *options) prepareHistory() error {
	if o.history == "" {
		return nil
	}
	return runner.As(runner.ErrEnvironment, history.Prepare(o.history))
}

// remember appends a run to the history, also one that has failed or was
// interrupted: what --out has written is named in it where all was.
func (o *options) remember(ctx context.Context, std streams, r *bench.Result, written bool) error {
	if o.history == "" || len(r.Starts) == 0 {
		return nil
	}
	kept := ""
	for _, path := range o.telling.out {
		if written && kept == "" && strings.EqualFold(filepath.Ext(path), ".json") && !special(path) {
			kept = path
		}
	}
	return appendRun(context.WithoutCancel(ctx), std, o.history, r, kept)
}

func appendRun(ctx context.Context, std streams, dir string, r *bench.Result, kept string) error {
	entry := history.New(r, kept)
	appended, err := history.Append(ctx, dir, entry)
	if err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	say := func(format string, args ...any) {
		fmt.Fprintln(std.notes(), bench.Printable("mlbench: history "+dir+": "+fmt.Sprintf(format, args...)))
	}
	if appended.Repaired > 0 {
		say("its last line had no end, as a crash leaves it: those %d bytes are kept, and a new line begun", appended.Repaired)
	}
	if appended.Duplicate {
		say("run %s is there already, and is not appended again", entry.ID)
		return nil
	}
	say("run %s appended", entry.ID)
	return nil
}
