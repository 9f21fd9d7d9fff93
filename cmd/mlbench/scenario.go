package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/scenarios"
)

func newScenario(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "List, build, run and export the ready-made pairs of images",
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
		Use:     "build NAME [flags]",
		Short:   "Build a scenario's images",
		Example: `  mlbench scenario build fastapi-sklearn`,
		Args:    exactly(1, "one scenario"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenario(args[0])
			if err != nil {
				return err
			}
			return buildScenario(cmd.Context(), std, s, base)
		},
	}
	cmd.Flags().StringVar(&base, "base", "", "base image instead of the Dockerfiles' debian:bookworm-slim")
	return cmd
}

func newScenarioRun(std streams) *cobra.Command {
	var o options
	var base string
	cmd := &cobra.Command{
		Use:     "run NAME [flags] [-- ARG...]",
		Short:   "Build a scenario's images and compare them",
		Example: `  mlbench scenario run fastapi-sklearn`,
		Args:    thenArgs(1, "one scenario"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenario(args[0])
			if err != nil {
				return err
			}
			candidates, err := o.complete(cmd.Flags(), tags(s), args[1:])
			if err != nil {
				return err
			}
			if err := buildScenario(cmd.Context(), std, s, base); err != nil {
				return err
			}
			return o.experiment(cmd.Context(), std, candidates)
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&base, "base", "", "base image instead of the Dockerfiles' debian:bookworm-slim")
	return cmd
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

func scenario(name string) (scenarios.Scenario, error) {
	s, err := scenarios.Get(name)
	if err != nil {
		return s, usage("%w", err)
	}
	return s, nil
}

func tags(s scenarios.Scenario) []string {
	var tags []string
	for _, v := range s.Variants {
		tags = append(tags, v.Tag)
	}
	return tags
}

// buildScenario builds every variant. What is built already comes from the
// engine's cache.
func buildScenario(ctx context.Context, std streams, s scenarios.Scenario, base string) error {
	r, err := docker.New(docker.Options{Notify: func(line string) { fmt.Fprintln(std.err, line) }})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if _, err := r.Host(ctx); err != nil {
		return err
	}
	args := map[string]string{}
	if base != "" {
		args["BASE"] = base
	}
	for _, v := range s.Variants {
		files, err := s.Context(v.Name)
		if err != nil {
			return err
		}
		if _, err := r.Build(ctx, runner.Build{Context: files, Tag: v.Tag, Args: args}); err != nil {
			if base == "" {
				return fmt.Errorf("%w\nwithout a registry, name a base image of your own with --base", err)
			}
			return err
		}
		fmt.Fprintf(std.err, "built %s\n", v.Tag)
	}
	return nil
}
