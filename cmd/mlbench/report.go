package main

import (
	"os"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/report"
)

func newReport(std streams) *cobra.Command {
	var format string
	var out []string
	cmd := &cobra.Command{
		Use:     "report FILE [flags]",
		Short:   "Render a saved result again, its verdicts recomputed from the starts",
		Example: `  mlbench report result.json --format markdown`,
		Args:    exactly(1, "one result file"),
		RunE: func(_ *cobra.Command, args []string) error {
			stdout, err := report.ForFormat(format)
			if err != nil {
				return usage("--format: %w", err)
			}
			files, err := openOutputs(out)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usage("%w: name a file that --out r.json has written", err)
			}
			defer func() { _ = f.Close() }()
			result, err := bench.Read(f, args[0])
			if err != nil {
				return usage("%w", err)
			}
			if _, err := files.write(result); err != nil {
				return err
			}
			if err := stdout(std.out, result); err != nil {
				return err
			}
			switch result.Ended { // as the run itself did
			case bench.EndedFailed:
				return exitError{code: exitEnvironment}
			case bench.EndedInterrupted:
				return exitError{code: exitInterrupted}
			}
			return verdict(result)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "what goes to stdout: text, markdown, json")
	cmd.Flags().StringArrayVarP(&out, "out", "o", nil, "write to this file too: .json, .md, .csv (repeatable)")
	return cmd
}
