package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mlbench/runner"
	"mlbench/runner/docker"
)

func newClean(std streams) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove what killed runs left behind",
		Long: `clean removes containers, images, folders and processes whose mlbench lives no
more. Every run does so too before it begins.`,
		Example: `  mlbench clean`,
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := newRunner(name, docker.Options{Log: std.log()})
			if err != nil {
				return err
			}
			defer func() { _ = r.Close() }()
			reaper, ok := r.(runner.Reaper)
			if !ok {
				return usage("--runner: %s leaves nothing to clean on this system", name)
			}
			reaped, err := reaper.Reap(cmd.Context())
			for _, what := range reaped {
				fmt.Fprintln(std.out, "removed", what)
			}
			if err == nil && len(reaped) == 0 {
				fmt.Fprintln(std.out, "nothing was left behind")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&name, "runner", "docker", "whose leftovers: "+strings.Join(runners, ", "))
	offer(cmd.Flags(), "runner", runners...)
	return cmd
}
