package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"mlbench/bench/report"
	"mlbench/runner"
	"mlbench/runner/docker"
)

func newDoctor(std streams) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether this host gives figures to trust, and what would make them better",
		Long: `doctor looks at the engine and the host, starts nothing, and says of each thing
that measuring depends on whether it is good, poor (figures are less exact, or
less sure) or missing, and what to do about it. Its exit code is 4 where
nothing can be measured.`,
		Example: `  mlbench doctor
  mlbench doctor --runner process`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := newRunner(name, docker.Options{})
			if err != nil {
				return err
			}
			defer func() { _ = r.Close() }()
			examiner, ok := r.(runner.Examiner)
			if !ok {
				return usage("--runner: %s cannot be examined", name)
			}
			found, err := examiner.Examine(cmd.Context())
			if err != nil {
				return err
			}
			if err := report.Findings(std.out, found); err != nil {
				return err
			}
			if at := slices.IndexFunc(found, func(f runner.Finding) bool { return f.Subject == "engine" && f.Grade == runner.Missing }); at >= 0 {
				return exitError{code: exitEnvironment, err: fmt.Errorf("nothing can be measured without an engine")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "runner", "docker", "what would start candidates: docker, process")
	return cmd
}
