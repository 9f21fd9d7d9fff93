package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/bench/selftest"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// selftestOptions are the flags of selftest.
type selftestOptions struct {
	plan    selftest.Plan // what flags change of it
	quick   bool
	telling rendering[*selftest.Report]
}

func newSelftest(std streams) *cobra.Command {
	var o selftestOptions
	cmd := &cobra.Command{
		Use:   "selftest [flags]",
		Short: "Measure this tool's own error rates on this host",
		Long: `selftest starts mlbench itself, as a small server that computes for a while
before it is ready: under two names, and with 5 % and 10 % of work added. It
says how noisy this host is and by what, which change can be told from noise
here in how many pairs, and how often identical images would be told apart.
Its image is made from this very program: nothing is downloaded, and nothing
is left.

The exit code is 1 where identical images are certainly told apart more often
than the 5 % that are promised, or where what was made slower is called faster.
Interrupted, it removes what it started and writes nothing.`,
		Example: `  mlbench selftest
  mlbench selftest --quick --out selftest.json
  mlbench selftest --runner process`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.complete(cmd.Flags())
			return o.run(cmd.Context(), std)
		},
	}
	f, full := cmd.Flags(), selftest.Full()
	f.SortFlags = false
	f.BoolVar(&o.quick, "quick", false, fmt.Sprintf("take about a minute: shorter starts, and %d pairs", selftest.Quick().Pairs))
	f.VarP(parsed(&o.plan.Pairs, parseSelftestPairs, "n", fmt.Sprint(full.Pairs)), "pairs", "", "of each of the three candidates with the baseline")
	f.StringVar(&o.plan.Runner, "runner", "docker", "what starts the server: "+strings.Join(runners, ", "))
	offer(f, "runner", runners...)
	f.VarP(parsed(&o.plan.Seed, parseSeed, "n", "random"), "seed", "", "of the order of starts, and of the replays")
	f.BoolVar(&o.plan.NoCovariate, "no-covariate", false, "judge the times alone; do not use what is known of the host")
	o.telling.register(f, report.Selftests, "what was found")
	return cmd
}

// parseSelftestPairs reads a number of pairs from which something can follow.
func parseSelftestPairs(s string) (int, error) {
	n, err := parsePairs(s)
	if err != nil || n < selftest.LeastPairs || n > bench.MaxPairs {
		return 0, fmt.Errorf("not a number of pairs between %d, as fewer decide nothing, and %d: e.g. --pairs %d",
			selftest.LeastPairs, bench.MaxPairs, selftest.Full().Pairs)
	}
	return n, nil
}

// complete fills in what flags leave open.
func (o *selftestOptions) complete(f *pflag.FlagSet) {
	planned := selftest.Full()
	if o.quick {
		planned = selftest.Quick()
	}
	o.plan.Work, o.plan.Replays = planned.Work, planned.Replays
	if !f.Changed("pairs") {
		o.plan.Pairs = planned.Pairs
	}
	if !f.Changed("seed") {
		o.plan.Seed = uint64(rand.Uint32())
	}
}

func (o *selftestOptions) run(ctx context.Context, std streams) error {
	to, err := o.telling.open()
	if err != nil {
		return err
	}
	var found *selftest.Report
	progress := newProgress(std.notes())
	r, err := newRunner(o.plan.Runner, docker.Options{Notify: progress.Note, Log: std.log()})
	if err != nil {
		return err
	}
	server, err := selftestServer(ctx, r, progress)
	if err == nil {
		found, err = selftest.Test{Plan: o.plan, Runner: r, Server: server, Tool: tool(), Observer: progress, Log: std.log()}.Run(ctx)
	}
	progress.end()
	err = errors.Join(err, r.Close())
	if found != nil {
		err = errors.Join(err, to.tell(std, found))
	}
	switch {
	case err != nil:
		return err
	case found.Verdict == bench.Fail:
		return exitError{code: exitGate}
	}
	return nil
}

// selftestServer is this very program as a candidate of the runner.
func selftestServer(ctx context.Context, r runner.Runner, progress *progress) (runner.Candidate, error) {
	path, err := os.Executable()
	if err != nil {
		return runner.Candidate{}, runner.As(runner.ErrEnvironment, fmt.Errorf("this program's own file is not known: %w", err))
	}
	engine, ok := r.(*docker.Runner)
	if !ok {
		return runner.Candidate{Ref: "exec " + shellQuoted(path) + " " + selftestServerName}, nil
	}
	if _, err := engine.Host(ctx); err != nil {
		return runner.Candidate{}, err
	}
	progress.Note("making an image of mlbench itself")
	ref, err := engine.ImportProgram(ctx, docker.Program{
		Name: "selftest", Path: path, Entrypoint: []string{docker.Executable, selftestServerName}, Port: selftest.Port,
	})
	return runner.Candidate{Ref: ref}, err
}

// shellQuoted is a word that a shell takes as it is.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// selftestServerName is the command that selftest starts.
const selftestServerName = "selftest-server"

func newSelftestServer() *cobra.Command {
	var work, extra int
	cmd := &cobra.Command{
		Use:     selftestServerName,
		Short:   "Be the server that selftest starts",
		Hidden:  true,
		Example: "  mlbench selftest",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runner.As(runner.ErrEnvironment, selftest.Serve(cmd.Context(), work, extra))
		},
	}
	cmd.Flags().IntVar(&work, "work", 0, "units of work before it listens")
	cmd.Flags().IntVar(&extra, "extra", 0, "units of work between that and its first answer")
	return cmd
}
