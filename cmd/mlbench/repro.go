package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/bench/repro"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/image"
)

// reproOptions are the flags of repro.
type reproOptions struct {
	plan       repro.Plan // what flags change of it
	dockerfile string
	builder    string
	args       []string
	job        runner.Candidate // of --run
	running    bool
	env        []string
	timeoutMS  float64
	telling    rendering[*repro.Report]
}

func newRepro(std streams) *cobra.Command {
	var o reproOptions
	cmd := &cobra.Command{
		Use:   "repro FOLDER | OLD NEW [flags] [-- ARG...]",
		Short: "Build twice without cache and grade how alike the results are",
		Long: `repro builds a folder's Dockerfile twice without the engine's cache, compares
the two images, and grades how alike they are:

  1  same digest
  2  same layers, another configuration (such as its time)
  3  same files, other times
  4  same package versions, other bytes
  5  packages drift

It names the layers, packages and files that differ, and what to do about it.
Files that hardly ever come out the same, such as logs, are listed apart. With
two images instead of a folder, it compares those.

With --run, each image's program is run to its end, with the arguments after --
if there are any, and what both print to their standard output is compared, byte
by byte. A batch job whose files matter prints their checksum.

SOURCE_DATE_EPOCH of the environment is passed on to the builds. The images
are removed afterwards, and what the builds left in the engine's cache; base
images that were pulled stay.

The exit code is 1 where --grade is not held, and where what is printed differs.`,
		Example: `  mlbench repro my-service
  mlbench repro my-service --grade 3 --ignore-noise --ignore 'opt/models/**'
  mlbench repro my-job --run --timeout 10m -- --as-of 2026-12-01
  mlbench repro my-service:monday my-service:tuesday --out repro.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				args, o.job.Args = args[:at], args[at:]
			}
			if len(args) != 2 {
				return exactly(1, "a folder with a Dockerfile, or two images,")(cmd, args)
			}
			return exactly(2, "two images")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args = args[:len(args)-len(o.job.Args)]
			if err := o.complete(args, cmd.Flags().Changed); err != nil {
				return err
			}
			return o.run(cmd.Context(), std)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.dockerfile, "file", "f", "", "the Dockerfile, a `path` in the folder (default FOLDER/Dockerfile)")
	f.StringArrayVar(&o.args, "build-arg", nil, "`value` of an ARG: NAME=VALUE, or NAME to take the environment's (repeatable)")
	f.StringVar(&o.builder, "builder", string(runner.AnyBuild), "what builds, by `name`: buildkit, classic, or auto: BuildKit where the engine has it")
	offer(f, "builder", words([]runner.BuildWith{runner.AnyBuild, runner.BuildKit, runner.Classic})...)
	f.StringArrayVar(&o.plan.Ignore, "ignore", nil, "files that do not count, by a `pattern` as in .dockerignore (repeatable)")
	f.BoolVar(&o.plan.IgnoreNoise, "ignore-noise", false, "files that hardly ever come out the same do not count")
	f.Var(parsed(&o.plan.Limit, parseReproGrade, "n", "none"), "grade", "fail if the grade is worse than this")
	f.BoolVar(&o.running, "run", false, "run each image's program to its end, and fail if they print other things")
	o.timeoutMS = bench.Millis(runner.DefaultTimeout)
	f.Var(parsed(&o.timeoutMS, parseMillis, "duration", "60s"), "timeout", "with --run, of one run")
	f.StringArrayVarP(&o.env, "env", "e", nil, "with --run, NAME=value for the programs, or NAME to pass it on (repeatable)")
	f.StringArrayVarP(&o.job.Volumes, "volume", "v", nil, "with --run, source:target[:ro] (repeatable)")
	f.BoolVar(&o.plan.Keep, "keep", false, "do not remove the two images")
	o.telling.register(f, report.Repros, "what was found")
	return cmd
}

func parseReproGrade(s string) (image.ReproGrade, error) {
	n, err := strconv.Atoi(s)
	if g := image.ReproGrade(n); err == nil && g >= image.SameDigest && g <= image.OtherVersions {
		return g, nil
	}
	return 0, fmt.Errorf("not a grade between %d, the best, and %d: e.g. --grade %d", image.SameDigest, image.OtherVersions, image.SameFiles)
}

// complete makes a plan of arguments and flags.
func (o *reproOptions) complete(args []string, changed func(flag string) bool) error {
	if _, err := image.NewIgnore(o.plan.Ignore); err != nil {
		return usage("--ignore: %w", err)
	}
	if err := o.completeJob(changed); err != nil {
		return err
	}
	if len(args) == 2 {
		for _, flag := range []string{"file", "build-arg", "builder", "keep"} {
			if changed(flag) {
				return usage("--%s is for a folder that is built, and two images are compared as they are: leave it out", flag)
			}
		}
		o.plan.Refs, o.plan.Apart = &[2]string{args[0], args[1]}, repro.Apart
		return nil
	}
	folder := args[0]
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return usage("%s is no folder: name one with a Dockerfile, or two images to compare", folder)
	}
	dockerfile, err := within("file", folder, o.dockerfile)
	if err != nil {
		return err
	}
	with := runner.BuildWith(o.builder)
	switch with {
	case runner.AnyBuild, runner.BuildKit, runner.Classic:
	default:
		return usage("--builder: there is no builder %q: there are %s, %s and %s", o.builder, runner.AnyBuild, runner.BuildKit, runner.Classic)
	}
	if info, err := os.Stat(filepath.Join(folder, dockerfile)); err != nil || info.IsDir() {
		return usage("there is no %s in %s: name the Dockerfile with --file", dockerfile, folder)
	}
	values, err := buildArgs(o.args, os.LookupEnv)
	if err != nil {
		return err
	}
	o.plan.Folder, o.plan.Apart = folder, repro.Apart
	o.plan.Build = runner.Build{Context: os.DirFS(folder), Dockerfile: dockerfile, Args: values, With: with}
	return nil
}

// completeJob makes a plan of how the programs are run.
func (o *reproOptions) completeJob(changed func(flag string) bool) (err error) {
	if !o.running {
		for _, flag := range []string{"timeout", "env", "volume"} {
			if changed(flag) {
				return usage("--%s without --run: nothing is run: add --run, or leave it out", flag)
			}
		}
		if len(o.job.Args) > 0 {
			return usage("%s after -- is for programs that are run: add --run, or leave it out", strings.Join(o.job.Args, " "))
		}
		return nil
	}
	if o.job.Env, err = environment(o.env); err != nil {
		return err
	}
	o.plan.Job, o.plan.Timeout = &o.job, time.Duration(o.timeoutMS*float64(time.Millisecond))
	return nil
}

// within is the path of a Dockerfile, which a flag names, in its folder, as io/fs
// writes it.
func within(flag, folder, file string) (string, error) {
	if file == "" {
		return defaultDockerfile, nil
	}
	from, err := filepath.Abs(folder)
	if err != nil {
		return "", runner.As(runner.ErrEnvironment, err)
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", runner.As(runner.ErrEnvironment, err)
	}
	if path, err := filepath.Rel(from, to); err == nil && filepath.IsLocal(path) {
		return filepath.ToSlash(path), nil
	}
	return "", usage("--%s %s is not in the folder %s that is built: copy it there", flag, file, folder)
}

// buildArgs reads --build-arg as docker build does, and passes on the
// environment's SOURCE_DATE_EPOCH.
func buildArgs(args []string, env func(string) (string, bool)) (map[string]string, error) {
	values := make(map[string]string)
	if epoch, ok := env(repro.EpochArg); ok {
		values[repro.EpochArg] = epoch
	}
	for _, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		if name == "" {
			return nil, usage("--build-arg %s has no name: write NAME=VALUE", arg)
		}
		if !given {
			if value, given = env(name); !given {
				return nil, usage("--build-arg %s has no value, and the environment has no such variable: write %s=VALUE", name, name)
			}
		}
		values[name] = value
	}
	if epoch, ok := values[repro.EpochArg]; ok {
		if n, err := strconv.ParseInt(epoch, 10, 64); err != nil || n < 0 {
			return nil, usage("%s is %q, and not seconds since 1970: e.g. %s=$(git log -1 --format=%%ct)", repro.EpochArg, epoch, repro.EpochArg)
		}
	}
	return values, nil
}

func (o *reproOptions) run(ctx context.Context, std streams) error {
	to, err := o.telling.open()
	if err != nil {
		return err
	}
	progress := newProgress(std.notes())
	engine, err := docker.New(docker.Options{Notify: progress.Note, Log: std.log()})
	if err != nil {
		return err
	}
	if o.plan.Refs == nil || o.running {
		if _, err := engine.Host(ctx); err != nil { // before anything would have to be removed
			return errors.Join(err, engine.Close())
		}
	}
	found, err := o.plan.Run(ctx, engine, tool(), progress.Note)
	err = errors.Join(withoutBase(err), engine.Close())
	if found != nil {
		err = errors.Join(err, to.tell(std, found))
	}
	switch {
	case err != nil:
		return err
	case found.Gate != nil && found.Gate.Verdict == bench.Fail, found.Output != nil && found.Output.Verdict == bench.Fail:
		return exitError{code: exitGate}
	}
	return nil
}
