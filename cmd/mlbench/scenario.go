package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench/suite"
	"mlbench/runner"
	"mlbench/scenarios"
)

func newScenario(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "List, build, run and export the ready-made images",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command scenario %s: there are list, build, run and export (e.g. %s)", args[0], example(cmd))
			}
			return nil
		},
		Example: `  mlbench scenario run fastapi-sklearn`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newScenarioList(std), newScenarioBuild(std), newScenarioRun(std), newScenarioExport(std))
	return cmd
}

func newScenarioBuild(std streams) *cobra.Command {
	var base string
	cmd := &cobra.Command{
		Use:   "build NAME [VARIANT...] [flags]",
		Short: "Build a scenario's images",
		Long: `build builds the variants that are named, else all but those that list says are
built only where they are named.`,
		Example: `  mlbench scenario build fastapi-sklearn
  mlbench scenario build gpu-resnet cpu`,
		Args: scenarioArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, variants, err := pick(args, base, cmd.Flags().Changed("base"))
			if err != nil {
				return err
			}
			return buildScenario(cmd.Context(), std, s, variants, base)
		},
	}
	registerBase(cmd, &base)
	return cmd
}

func newScenarioRun(std streams) *cobra.Command {
	var o options
	var base string
	cmd := &cobra.Command{
		Use:   "run NAME [VARIANT...] [flags] [-- ARG...]",
		Short: "Build a scenario's images and compare them",
		Long: `run builds the variants that are named, else all but those that list says are
run only where they are named, and compares each with the first of them. A
single one is held against its targets, as by mlbench run.

How is said by the scenario and by flags, which win over it. No suite file is
read, as that of the current folder is about a project of its own, and a scenario
gives the same result everywhere.`,
		Example: `  mlbench scenario run fastapi-sklearn
  mlbench scenario run gpu-resnet cpu --request 'POST /predict' --body '{"seed": 1}'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			named, rest := args, []string(nil)
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				named, rest = args[:at], args[at:]
			}
			if err := scenarioArgs(cmd, named); err != nil {
				return err
			}
			s, variants, err := pick(named, base, cmd.Flags().Changed("base"))
			if err != nil {
				return err
			}
			candidates, err := o.completeScenario(cmd.Flags(), s, variants, rest)
			if err == nil {
				err = checkSteps(cmd.Flags(), len(candidates))
			}
			if err != nil {
				return err
			}
			if o.spec.Runner != "docker" {
				return usage("--runner %s: scenarios are images, which the runner docker starts: leave it out", o.spec.Runner)
			}
			if err := needsGPU(s, variants, candidates); err != nil {
				return err
			}
			o.prepare = func(ctx context.Context) error { return buildScenario(ctx, std, s, variants, base) }
			o.command = commandLine(cmd)
			return o.experiment(cmd.Context(), std, candidates)
		},
	}
	o.register(cmd.Flags())
	registerBase(cmd, &base)
	return cmd
}

// needsGPU is an error where a variant gets no GPU that runs on one alone, which its
// program would say after gigabytes have been built.
func needsGPU(s scenarios.Scenario, variants []scenarios.Variant, candidates []runner.Candidate) error {
	// What is built on a Debian in the end runs anywhere.
	anywhere := func(v scenarios.Variant) bool {
		return slices.ContainsFunc(s.WithBases([]scenarios.Variant{v}), anyBase)
	}
	for i, v := range variants {
		if anywhere(v) || candidates[i].GPUs != nil {
			continue
		}
		other := ""
		for _, o := range s.Variants {
			if anywhere(o) {
				other = fmt.Sprintf(", or run %s, which needs none: mlbench scenario run %s %s", o.Tag, s.Name, o.Name)
			}
		}
		return usage("%s runs on a GPU alone: say which it gets with --gpus, e.g. --gpus all%s", v.Tag, other)
	}
	return nil
}

// completeScenario makes the candidates of variants, with what the scenario says
// about how they are measured.
func (o *options) completeScenario(f *pflag.FlagSet, s scenarios.Scenario, variants []scenarios.Variant, rest []string) ([]runner.Candidate, error) {
	text, err := s.Suite()
	if err != nil {
		return nil, err
	}
	settings, err := suite.Read(bytes.NewReader(text), s.Name+"/"+suite.File)
	if err != nil {
		return nil, err
	}
	var chosen []choice
	for _, v := range variants { // built by their tags, and no folders here
		chosen = append(chosen, choice{name: v.Tag, ref: v.Tag})
	}
	return o.completeSuite(f, settings, chosen, rest)
}

func newScenarioExport(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "export NAME [FOLDER]",
		Short: "Write a scenario's files to a folder, to begin from",
		Long: `export writes a folder for each variant, README.md, which says what is to be
seen, and mlbench.yaml, with which compare builds and measures them. FOLDER, else
one of the scenario's name, has to be new or empty.`,
		Example: `  mlbench scenario export fastapi-sklearn my-service`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && cmd.ArgsLenAtDash() < 0 {
				return nil
			}
			return exactly(2, "a scenario, and perhaps a folder,")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := scenario(args[0])
			if err != nil {
				return err
			}
			to := append(args, s.Name)[1]
			switch err := s.Export(to); {
			case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENOTDIR):
				return usage("%w: name an empty or new folder", err)
			case err != nil:
				return runner.As(runner.ErrEnvironment, err)
			}
			_, err = fmt.Fprintf(std.out, "%s is in %s: its README.md says what is to be seen\n", s.Name, to)
			return err
		},
	}
}

// scenarioArgs asks for a scenario, and lets its variants follow.
func scenarioArgs(cmd *cobra.Command, args []string) error {
	if at := cmd.ArgsLenAtDash(); at >= 0 && len(args) > at {
		return usage("%s takes nothing after --: e.g. %s", cmd.CommandPath(), example(cmd))
	}
	if len(args) == 0 {
		return usage("%s wants a scenario, and perhaps variants of it: e.g. %s", cmd.CommandPath(), example(cmd))
	}
	return nil
}

func scenario(name string) (scenarios.Scenario, error) {
	s, err := scenarios.Get(name)
	return s, meant(err)
}

// meant is an error of arguments; where a name is not known, with what may have
// been meant.
func meant(err error) error {
	var unknown *scenarios.UnknownError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		return usage("%s%s", unknown.What(), suite.Nearest(unknown.Name, unknown.Known))
	}
	return usage("%w", err)
}

// pick is the scenario and its variants that arguments name. A base that would
// stand in for nothing is an error, rather than silently not used, and so is one
// that is given and empty, as by a script whose command for it failed.
func pick(args []string, base string, given bool) (scenarios.Scenario, []scenarios.Variant, error) {
	s, err := scenario(args[0])
	if err != nil {
		return s, nil, err
	}
	variants, err := s.Pick(args[1:]...)
	if err != nil {
		return s, nil, meant(err)
	}
	if _, err := reference.ParseAnyReference(base); given && err != nil {
		return s, nil, usage("--base: %q is no name of an image: %w: e.g. --base %s", base, err, scenarios.AnyBase)
	}
	if base != "" && !slices.ContainsFunc(s.WithBases(variants), anyBase) {
		return s, nil, usage("--base: it stands in for %s, on which none of these builds: leave it out, or name a variant that does (mlbench scenario list)", scenarios.AnyBase)
	}
	return s, variants, nil
}

// anyBase reports whether a variant builds on another base too.
func anyBase(v scenarios.Variant) bool { return v.Base == scenarios.AnyBase }

func registerBase(cmd *cobra.Command, base *string) {
	cmd.Flags().StringVar(base, "base", "", "base `image` instead of "+scenarios.AnyBase+", for the variants that build on it; others keep theirs")
}

func tags(variants []scenarios.Variant) []string {
	var tags []string
	for _, v := range variants {
		tags = append(tags, v.Tag)
	}
	return tags
}
