package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/process"
)

func newCompare(std streams) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "compare OLD NEW [flags] [-- ARG...]",
		Short: "Say whether NEW is ready sooner than OLD, and how sure that is",
		Long: `compare starts OLD and NEW in pairs, in an order drawn at random for each
pair, and stops as soon as it knows whether NEW is ready sooner, later, or not
later by more than --margin. Arguments are image references, pulled where they
are not here; with --runner process, command lines.

What follows -- is passed on to both as their arguments.`,
		Example: `  mlbench compare old:tag new:tag
  mlbench compare old:tag new:tag --target 1s --max-size 800MB --out report.md
  mlbench compare --runner process --port 8080 'python3 old.py' 'python3 new.py'`,
		Args: thenArgs(2, "two images, old first"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.measure(cmd, std, args)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func newRun(std streams) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run IMAGE [flags] [-- ARG...]",
		Short: "Say how long one image takes to be ready, against its targets",
		Example: `  mlbench run image:tag
  mlbench run image:tag --target 1s --quantile 0.9 --max-size 800MB`,
		Args: thenArgs(1, "one image"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.measure(cmd, std, args)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// measure runs the experiment that flags and arguments ask for.
func (o *options) measure(cmd *cobra.Command, std streams, args []string) error {
	refs, rest := args, []string(nil)
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		refs, rest = args[:at], args[at:]
	}
	candidates, err := o.complete(cmd.Flags(), refs, rest)
	if err != nil {
		return err
	}
	return o.experiment(cmd.Context(), std, candidates)
}

// experiment measures the candidates and reports.
func (o *options) experiment(ctx context.Context, std streams, candidates []runner.Candidate) error {
	stdout, err := report.ForFormat(o.format)
	if err != nil {
		return usage("--format: %w", err)
	}
	files, err := openOutputs(o.out)
	if err != nil {
		return err
	}
	progress := newProgress(std.err)
	r, err := newRunner(o.spec.Runner, progress.Note)
	if err != nil {
		return err
	}
	result, err := bench.Experiment{
		Spec: o.spec, Runner: r, Candidates: candidates, Tool: tool(), Observer: progress,
	}.Run(ctx)
	progress.end()
	err = errors.Join(err, r.Close())
	if len(result.Starts) > 0 {
		err = errors.Join(err, files.write(result))
	}
	if result.Measured() {
		err = errors.Join(err, stdout(std.out, result))
	}
	if err != nil {
		return err
	}
	return verdict(result)
}

// verdict turns what the gates say into the exit code.
func verdict(r *bench.Result) error {
	switch {
	case r.Verdict == bench.Fail:
		return exitError{code: exitGate}
	case r.Verdict == bench.Unknown && slices.Contains(r.Spec.FailOn, bench.Inconclusive):
		return exitError{code: exitInconclusive}
	}
	return nil
}

// newRunner makes the runner of that name. Only here is it known which there
// are.
func newRunner(name string, notify func(string)) (runner.Runner, error) {
	switch name {
	case "docker":
		return docker.New(docker.Options{Notify: notify})
	case "process":
		return new(process.Runner), nil
	}
	return nil, usage("--runner: no runner %q: there are docker and process", name)
}

// tool is this program, for result files.
func tool() bench.Tool {
	v, goVersion := buildVersion()
	return bench.Tool{Version: v, Go: goVersion}
}
