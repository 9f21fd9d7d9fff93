package main

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/process"
)

func newCompare(std streams) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "compare [OLD NEW [NEW...]] [flags] [-- ARG...]",
		Short: "Say whether NEW is ready sooner than OLD, and how sure that is",
		Long: `compare starts OLD and NEW in pairs, in an order drawn at random for each
pair, and stops as soon as it knows whether NEW is ready sooner, later, or not
later by more than --margin. Arguments are image references, pulled where they
are not here, or folders with a Dockerfile, which are built first; with --runner
process, command lines.

With several NEW each is compared with OLD, and all are started in turn, in an
order drawn anew each time. The intervals are so much wider that all of them
together are as sure as the one of a single NEW, and the run goes on until
every comparison is decided.

With --steps each is compared with the one before it too: what each of several
changes, made one after the other, won in size and in time, and what they won
together. No verdict rests on that, and the run does not go on for it.

What is known of the host during every start, such as how long it waited for
processors that others had, is taken into account: the change by the times
alone stands beside the result, and --no-covariate judges by it.

What follows -- is passed on to all as their arguments.` + suiteUse,
		Example: `  mlbench compare old:tag new:tag
  mlbench compare old:tag new:tag --target 1s --max-size 800MB --out report.md
  mlbench compare old:tag slim:tag distroless:tag
  mlbench compare naive:tag slim:tag trimmed:tag --steps
  mlbench compare old:tag ./service --build-arg BASE=debian:bookworm-slim
  mlbench compare -f mlbench.yaml
  mlbench compare --runner process --port 8080 'python3 old.py' 'python3 new.py'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.measure(cmd, std, args, mostImages, twoOrMore)
		},
	}
	o.register(cmd.Flags())
	o.registerSuite(cmd.Flags())
	cmd.Flags().BoolVar(&o.explain, "explain", false, "say too which changes account for most of the difference, in bytes and in time; what is imported and touched goes to the file and to HTML: up to four more starts of each")
	return cmd
}

func newRun(std streams) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run [IMAGE|FOLDER] [flags] [-- ARG...]",
		Short: "Say how long one image takes to be ready, against its targets",
		Long: `run starts IMAGE again and again until it is known whether it is ready within
--target often enough. A folder with a Dockerfile is built first.` + suiteUse,
		Example: `  mlbench run image:tag
  mlbench run image:tag --target 1s --quantile 0.9 --max-size 800MB
  mlbench run .`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.measure(cmd, std, args, 1, thenArgs(1, "one image or folder"))
		},
	}
	o.register(cmd.Flags())
	o.registerSuite(cmd.Flags())
	return cmd
}

// mostImages bounds a comparison. Nine intervals that share 5 % have 99.4 %
// each, which the default limit of 40 pairs still reaches with room to spare;
// many more are a search, and no comparison.
const mostImages = 10

// twoOrMore asks for the images of a comparison; what follows -- is theirs.
func twoOrMore(cmd *cobra.Command, args []string) error {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		args = args[:at]
	}
	switch {
	case len(args) < 2:
		return usage("%s wants two images or more, old first, and got %d: e.g. %s", cmd.CommandPath(), len(args), example(cmd))
	case len(args) > mostImages:
		return usage("%s takes %d images at most and got %d: each further one makes all intervals wider: name fewer, e.g. %s",
			cmd.CommandPath(), mostImages, len(args), example(cmd))
	}
	return nil
}

// times says how often an image was named before.
var times = [mostImages]string{
	"", " (again)", " (third time)", " (fourth time)", " (fifth time)",
	" (sixth time)", " (seventh time)", " (eighth time)", " (ninth time)", " (tenth time)",
}

// distinct names mostImages candidates at most by their references, no two
// alike: an image may be held against itself, and more than once.
func distinct(refs []string) []string {
	seen := make(map[string]int)
	var names []string
	for _, ref := range refs {
		name := ref + times[seen[ref]]
		seen[ref]++
		for slices.Contains(names, name) { // a command line may look like such a name
			name += times[1]
		}
		names = append(names, name)
	}
	return names
}

// measure runs the experiment that flags, arguments and perhaps a suite file ask
// for, of so many candidates at most. Images says what is wrong with the number of
// images where there is no file.
func (o *options) measure(cmd *cobra.Command, std streams, args []string, most int, images cobra.PositionalArgs) error {
	refs, rest := args, []string(nil)
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		refs, rest = args[:at], args[at:]
	}
	s, err := o.openSuite(cmd.Flags(), std)
	if err != nil {
		return err
	}
	var candidates []runner.Candidate
	if s == nil {
		if err := images(cmd, args); err != nil {
			return err
		}
		if candidates, err = o.complete(cmd.Flags(), refs, rest); err == nil {
			err = o.findFolders(candidates)
		}
	} else {
		chosen := choose(s, refs, std.notes())
		if err := counted(cmd, s, chosen, most); err != nil {
			return err
		}
		candidates, err = o.completeSuite(cmd.Flags(), s, chosen, rest)
	}
	if err == nil {
		err = checkSteps(cmd.Flags(), len(candidates))
	}
	if err != nil {
		return err
	}
	o.command = commandLine(cmd)
	return o.experiment(cmd.Context(), std, candidates)
}

// experiment measures the candidates and reports.
func (o *options) experiment(ctx context.Context, std streams, candidates []runner.Candidate) error {
	to, err := o.telling.open()
	if err != nil {
		return err
	}
	if err := o.prepareHistory(); err != nil {
		return err
	}
	o.log = std.log()
	progress := newProgress(std.notes())
	e, err := o.equip(ctx, candidates, progress.Note)
	if err != nil {
		return err
	}
	result, err := e.measure(ctx, o.spec, candidates, progress, false)
	progress.end()
	if o.explain && err == nil {
		err = addWins(ctx, e.runner, result, progress)
	}
	// First of all: to tidy up may take an engine long, and users' patience
	// may end before.
	told := tell(result, to, std)
	err = errors.Join(err, told, o.remember(ctx, std, result, told == nil), e.close())
	if err != nil {
		return err
	}
	return verdict(result)
}

// tell writes the result to the files that were asked for and to stdout. What
// was measured is not lost where that fails.
func tell(result *bench.Result, to outputs[*bench.Result], std streams) error {
	if len(result.Starts) == 0 {
		return nil
	}
	kept, err := to.write(result)
	if result.Measured() {
		err = errors.Join(err, to.stdout(std.results(), result))
	}
	left := errors.Is(err, syscall.EPIPE) // a reader who leaves, as head does, has had enough
	if err != nil && !kept && !left {
		err = errors.Join(err, keep(result))
	}
	return err
}

// verdict turns what the gates of a result say into the exit code.
func verdict(r *bench.Result) error { return ended(r.Verdict, r.Spec) }

// ended is the exit code of a verdict on what was asked.
func ended(v bench.GateVerdict, spec bench.Spec) error {
	switch {
	case v == bench.Fail:
		return exitError{code: exitGate}
	case v == bench.Unknown && slices.Contains(spec.FailOn, bench.Inconclusive):
		return exitError{code: exitInconclusive}
	}
	return nil
}

// runners are what newRunner makes.
var runners = []string{"docker", "process"}

// newRunner makes the runner of that name. Only here is it known which there
// are. The options are those of docker; process has what watches the GPUs of them.
func newRunner(name string, opts docker.Options) (runner.Runner, error) {
	switch name {
	case "docker":
		return docker.New(opts)
	case "process":
		return &process.Runner{GPUs: opts.GPUs}, nil
	}
	return nil, usage("--runner: no runner %q: there are docker and process", name)
}

// tool is this program, for result files.
func tool() bench.Tool {
	v, goVersion := buildVersion()
	return bench.Tool{Version: v, Go: goVersion}
}
