package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/suite"
	"mlbench/runner"
)

// Exit codes.
const (
	exitOK           = 0
	exitGate         = 1   // a gate that --fail-on names failed
	exitUsage        = 2   // the command line or a file is wrong
	exitInconclusive = 3   // a gate is inconclusive, and --fail-on names that
	exitEnvironment  = 4   // no engine, no image, never ready, no permission
	exitInterrupted  = 130 // as a shell reports SIGINT
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	err  error // nil for a verdict, which the report has told already
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// usage makes an error of the command line's.
func usage(format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf(format, args...)}
}

// sameWish is how long after the first signal others only repeat it. timeout(1)
// sends its signal to the program and then to the whole process group, and a
// terminal's Ctrl-C reaches us directly and through a parent that passes it on.
const sameWish = 500 * time.Millisecond

// interruptible ends the context at the first SIGINT, SIGTERM or SIGHUP, so that a run
// can tidy up, and the program at the next that is a wish of its own, at once:
// what is left then the next run removes.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// A reader that leaves, as head does, is found out by the next write, and is
	// not the end of a run with its container still there.
	// Taken and not ignored, as commands that are started would ignore it too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		first := time.Now()
		cancel(errInterrupted)
		fmt.Fprintln(os.Stderr, "\nmlbench: stopping; once more to leave at once")
		for range signals {
			if time.Since(first) > sameWish {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// run runs the command line and returns the exit code.
func run(ctx context.Context, std streams, args []string) int {
	std.out = leaving{std.out}
	root := newRoot(std)
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	var verdict exitError
	if errors.As(err, &verdict) && verdict.err == nil {
		return code
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = "mlbench: " + line
		}
		fmt.Fprintln(std.err, bench.Printable(line))
	}
	return code
}

func exitCode(err error) int {
	var own exitError
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &own):
		return own.code
	case errors.Is(err, runner.ErrUsage):
		return exitUsage
	}
	return exitEnvironment
}

func newRoot(std streams) *cobra.Command {
	std.manner = &manner{color: colorAuto}
	root := &cobra.Command{
		Use:   "mlbench",
		Short: "Measure how fast ML container images start, and why",
		Long: `mlbench starts container images, finds the moment each is ready, and says
whether a change made them start sooner: by how much, and how sure that is.`,
		Example: `  mlbench compare old:tag new:tag
  mlbench run image:tag --target 1s`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			message := fmt.Sprintf("there is no command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				message += ": did you mean " + strings.Join(near, " or ") + "?"
			}
			return usage("%s (mlbench --help lists them; e.g. mlbench compare old:tag new:tag)", message)
		},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error { return std.check() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(plainSwitches(root.UsageFunc()))
	root.PersistentFlags().SortFlags = false
	std.register(root.PersistentFlags())
	group(root, "Measure:", newCompare(std), newRun(std), newRebuild(std), newScenario(std), newSelftest(std))
	group(root, "Look into images:", newInspect(std), newExplain(std), newGPU(std), newRepro(std))
	group(root, "Results:", newReport(std), newComment(std), newHistory(std), newNightly(std))
	group(root, "Set up:", newInit(std), newDoctor(std), newClean(std), newCompletion(std), newVersion(std))
	root.SetHelpCommandGroupID("Set up:")
	root.AddCommand(newSelftestServer(), newPages(std), exitCodesTopic(), environmentTopic())
	complete(root)
	return root
}

// group adds commands under a title of the help.
func group(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
	}
	root.AddCommand(commands...)
}

// plainSwitches leaves out of a help what pflag adds to every switch since 1.1,
// which nobody has to write.
func plainSwitches(show func(*cobra.Command) error) func(*cobra.Command) error {
	const values = "[=true|false]"
	return func(c *cobra.Command) error {
		out := c.OutOrStderr()
		var b strings.Builder
		c.SetOut(&b)
		err := show(c)
		c.SetOut(out)
		if err == nil {
			_, err = io.WriteString(out, strings.ReplaceAll(b.String(), values, strings.Repeat(" ", len(values))))
		}
		return err
	}
}

// flagError says what is wrong with a flag, and which one may be meant.
func flagError(cmd *cobra.Command, err error) error {
	near := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		near = nearestFlag(cmd.Flags(), unknown.GetSpecifiedName())
	}
	return usage("%w%s (%s --help lists the flags; e.g. %s)", err, near, cmd.CommandPath(), example(cmd))
}

func nearestFlag(f *pflag.FlagSet, name string) string {
	var names []string
	f.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	near := suite.Nearest("--"+name, names)
	if !strings.Contains(near, "did you mean") { // and lists them all
		return ""
	}
	return near
}

// example is the first line of a command's examples.
func example(cmd *cobra.Command) string {
	first, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	if first == "" {
		return "mlbench compare old:tag new:tag"
	}
	return first
}

// exactly asks for n arguments and none after --.
func exactly(n int, what string) cobra.PositionalArgs {
	count := thenArgs(n, what)
	return func(cmd *cobra.Command, args []string) error {
		if at := cmd.ArgsLenAtDash(); at >= 0 && len(args) > at {
			return usage("%s takes nothing after --: e.g. %s", cmd.CommandPath(), example(cmd))
		}
		return count(cmd, args)
	}
}

// thenArgs asks for n arguments; what follows -- is the candidates'.
func thenArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if at := cmd.ArgsLenAtDash(); at >= 0 {
			args = args[:at]
		}
		if len(args) != n {
			return usage("%s wants %s and got %d: e.g. %s", cmd.CommandPath(), what, len(args), example(cmd))
		}
		return nil
	}
}
