package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

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

func newScenarioList(std streams) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the scenarios and their variants",
		Example: `  mlbench scenario list`,
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			for _, s := range scenarios.All() {
				fmt.Fprintf(std.out, "%s – %s\n    %s\n", s.Name, s.Title, s.Summary)
				fmt.Fprintf(std.out, "    shows: %s\n", s.Shows)
				if s.Needs != "" {
					fmt.Fprintf(std.out, "    needs %s\n", s.Needs)
				}
				if s.Disk > 0 {
					fmt.Fprintf(std.out, "    takes %d MB of the engine's disk\n", s.Disk/1e6)
				}
				for _, v := range s.Variants {
					fmt.Fprintf(std.out, "    %-28s %s\n", v.Tag, v.Summary)
				}
			}
			return nil
		},
	}
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
			s, variants, err := pick(args, base)
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
			s, variants, err := pick(named, base)
			if err != nil {
				return err
			}
			candidates, err := o.completeScenario(cmd.Flags(), s, variants, rest)
			if err != nil {
				return err
			}
			if err := buildScenario(cmd.Context(), std, s, variants, base); err != nil {
				return err
			}
			o.command = commandLine(cmd)
			return o.experiment(cmd.Context(), std, candidates)
		},
	}
	o.register(cmd.Flags())
	registerBase(cmd, &base)
	return cmd
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
		Use:     "export NAME FOLDER",
		Short:   "Write a scenario's files to a folder, to begin from",
		Example: `  mlbench scenario export fastapi-sklearn my-service`,
		Args:    exactly(2, "a scenario and a folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := scenario(args[0])
			if err != nil {
				return err
			}
			if err := s.Export(args[1]); err != nil {
				return usage("%w: name an empty or new folder", err)
			}
			fmt.Fprintf(std.out, "%s is in %s\n", s.Name, args[1])
			return nil
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
// stand in for nothing is an error, rather than silently not used.
func pick(args []string, base string) (scenarios.Scenario, []scenarios.Variant, error) {
	s, err := scenario(args[0])
	if err != nil {
		return s, nil, err
	}
	variants, err := s.Pick(args[1:]...)
	if err != nil {
		return s, nil, meant(err)
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
