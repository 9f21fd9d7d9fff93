package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/rebuild"
	"mlbench/bench/report"
	"mlbench/bench/repro"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// How many rebuilds of a single folder there are where no target asks for more,
// and how long one may take: the longest step of ML images fetches gigabytes.
const (
	aloneRebuilds    = 12
	rebuildTimeoutMS = 30 * 60 * 1000
)

// rebuildOptions are the flags of rebuild.
type rebuildOptions struct {
	spec    bench.Spec
	build   buildFlags
	with    string
	touch   string
	begins  string
	telling rendering[*rebuild.Report]
}

func newRebuild(std streams) *cobra.Command {
	var o rebuildOptions
	cmd := &cobra.Command{
		Use:   "rebuild FOLDER... --touch FILE",
		Short: "Say how long a rebuild takes after a change of a file",
		Long: fmt.Sprintf(`rebuild builds folders again and again, each time after a change of FILE that no
build had before, and says how long that takes and which steps it makes anew.
With several folders the first is the baseline, all are rebuilt in turn, in an
order drawn anew each time, and each is compared with the first as by mlbench
compare. A single one is rebuilt %d times, or until --target is decided.

FILE is a path in the folders. What changes is a comment at its end, of spaces
in JSON, in a copy of the folder: nothing in the folders themselves is touched.
For kinds of files that are not known, --append says how the comment begins.

Each folder is built as it is first, unmeasured, with what is in the engine's
cache. A rebuild that fails or takes longer than --timeout counts as one that
never ends, and fails the gate starts. The time is from the request until there
is an image; the whole context goes to the engine in it, which the docker
command with BuildKit does with the changed files alone.

Images and what else is made are removed, after each rebuild and at the end.
With BuildKit that is what its cache got during the builds, somebody else's
builds at the same time included; base images that were pulled stay. After a
crash mlbench clean removes the images, and what the classic builder has made,
but nothing of BuildKit's cache: that is left to docker builder prune.`, aloneRebuilds),
		Example: `  mlbench rebuild before after --touch app.py
  mlbench rebuild my-service --touch src/app.py --target 10s
  mlbench rebuild old new --touch config/model.bin --append '' --out rebuild.md`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := o.complete(cmd, args)
			if err != nil {
				return err
			}
			return o.run(cmd, std, plan)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *rebuildOptions) register(f *pflag.FlagSet) {
	o.spec = bench.DefaultSpec()
	s := &o.spec
	s.Cold, s.NoCovariate, s.TimeoutMS = bench.Warm, true, rebuildTimeoutMS
	s.FailOn = []string{bench.GateStarts, bench.GateRegression, bench.GateTarget}
	f.SortFlags = false
	f.StringVar(&o.touch, "touch", "", "the `file` that changes, a path in each folder")
	f.StringVar(&o.begins, "append", "", "append a line that begins with this `text`, for kinds of files whose comments are not known")
	o.build.register(f)
	f.StringVar(&o.with, "builder", string(runner.AnyBuild), "what builds, by `name`: buildkit, classic, or auto: BuildKit where the engine has it")
	f.VarP(parsed(&s.TargetMS, parseMillis, "duration", "none"), "target", "", "gate: rebuilt within this time at --quantile")
	f.VarP(parsed(&s.Quantile, parseQuantile, "share", "0.9"), "quantile", "", "of the rebuilds, for --target")
	f.VarP(parsed(&s.Margin, parsePercent, "percent", "5%"), "margin", "", "a slowdown beyond it is a regression")
	f.VarP(parsed(&s.MaxPairs, parsePairs, "n", "40"), "max-pairs", "", "stop after so many pairs, decided or not")
	f.VarP(parsed(&s.MinPairs, parsePairs, "n", "8"), "min-pairs", "", "do not stop before")
	f.VarP(parsed(&s.Pairs, parsePairs, "n", "as many as it takes"), "pairs", "", "do exactly so many pairs, or rebuilds of a single folder")
	f.VarP(parsed(&s.TimeoutMS, parseMillis, "duration", "30m"), "timeout", "", "of one rebuild; past it the rebuild has failed")
	f.VarP(parsed(&s.Seed, parseSeed, "n", "random"), "seed", "", "of the order of rebuilds")
	o.telling.register(f, report.Rebuilds, "what was found")
	f.StringSliceVar(&s.FailOn, "fail-on", s.FailOn, "gates that make the exit code 1; with inconclusive, 3 when one is")
	f.IntVar(&s.AllowFailures, "allow-failures", 0, "failed rebuilds of a folder that the gate starts lets pass")
}

// complete makes a plan of arguments and flags.
func (o *rebuildOptions) complete(cmd *cobra.Command, args []string) (rebuild.Plan, error) {
	f, s := cmd.Flags(), &o.spec
	var plan rebuild.Plan
	switch {
	case len(args) == 0:
		return plan, usage("%s wants a folder with a Dockerfile, or several: e.g. %s", cmd.CommandPath(), example(cmd))
	case len(args) > mostImages:
		return plan, usage("%s takes %d folders at most and got %d: name fewer", cmd.CommandPath(), mostImages, len(args))
	case o.touch == "":
		return plan, usage("which file is to change? e.g. %s", example(cmd))
	}
	file := filepath.ToSlash(filepath.Clean(o.touch))
	if !fs.ValidPath(file) || file == "." {
		return plan, usage("--touch: %s is no path in the folders: name a file from there, e.g. --touch src/app.py", o.touch)
	}
	with := runner.BuildWith(o.with)
	switch with {
	case runner.AnyBuild, runner.BuildKit, runner.Classic:
	default:
		return plan, usage("--builder: there is no builder %q: there are %s, %s and %s", o.with, runner.AnyBuild, runner.BuildKit, runner.Classic)
	}
	s.TargetGates = f.Changed("target")
	if len(args) == 1 && !s.TargetGates && !f.Changed("pairs") {
		s.Pairs = aloneRebuilds
	}
	if f.Changed("max-pairs") && !f.Changed("min-pairs") {
		s.MinPairs = min(s.MinPairs, s.MaxPairs)
	}
	if f.Changed("min-pairs") && !f.Changed("max-pairs") {
		s.MaxPairs = max(s.MinPairs, s.MaxPairs)
	}
	if !f.Changed("seed") {
		s.Seed = uint64(rand.Uint32())
	}
	if err := s.Validate(); err != nil {
		name, rest, _ := strings.Cut(err.Error(), ":")
		return plan, usage("--%s:%s", strings.ReplaceAll(name, "_", "-"), rest)
	}
	plan = rebuild.Plan{Spec: *s, File: file}
	if f.Changed("append") {
		plan.Append = &o.begins
	}
	for i, name := range distinct(args) {
		at, err := o.build.at(args[i], args[i])
		if err != nil {
			return plan, err
		}
		at.build.With = with
		plan.Folders = append(plan.Folders, rebuild.Folder{Name: name, Named: args[i], Build: at.build, Args: repro.WithoutSecrets(at.build.Args)})
	}
	return plan, nil
}

func (o *rebuildOptions) run(cmd *cobra.Command, std streams, plan rebuild.Plan) error {
	to, err := o.telling.open()
	if err != nil {
		return err
	}
	progress := newProgress(std.notes())
	engine, err := docker.New(docker.Options{Notify: progress.Note, Log: std.log()})
	if err != nil {
		return err
	}
	by := tool()
	by.Command = commandLine(cmd)
	found, err := plan.Run(cmd.Context(), engine, by, progress)
	progress.end()
	err = errors.Join(withoutBase(err), engine.Close())
	if found.Result.Measured() {
		err = errors.Join(err, to.tell(std, found))
	}
	if err != nil {
		return err
	}
	return verdict(found.Result)
}
