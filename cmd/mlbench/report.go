package main

import (
	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/report"
)

func newReport(std streams) *cobra.Command {
	var telling rendering[*bench.Result]
	cmd := &cobra.Command{
		Use:     "report FILE [flags]",
		Short:   "Render a saved result again, its verdicts recomputed from the starts",
		Example: `  mlbench report result.json --format markdown`,
		Args:    exactly(1, "one result file"),
		RunE: func(_ *cobra.Command, args []string) error {
			to, err := telling.open()
			if err != nil {
				return err
			}
			f, err := open(args[0])
			if err != nil {
				return usage("%w: name a file that --out r.json has written", err)
			}
			defer func() { _ = f.Close() }()
			result, err := bench.Read(f, args[0])
			if err != nil {
				return usage("%w", err)
			}
			if err := to.tell(std, result); err != nil {
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
	telling.register(cmd.Flags(), report.Results, "the result")
	return cmd
}
