package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"mlbench/bench/suite"
	"mlbench/runner"
)

func newInit(std streams) *cobra.Command {
	path := suite.File
	cmd := &cobra.Command{
		Use:   "init IMAGE [NEW...]",
		Short: "Write a commented mlbench.yaml for images",
		Long: `init writes a suite file with these images as its candidates, old first, and with
every setting as a comment. Port and health path are found when the images are
measured, and need not be written. A file that is there is left as it is.`,
		Example: `  mlbench init old:tag new:tag`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() >= 0 || len(args) == 0 {
				return usage("%s wants the images to measure: e.g. %s", cmd.CommandPath(), example(cmd))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			text := suite.Template(args)
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as editors do
			if errors.Is(err, fs.ErrExist) {
				return usage("%s is there already, and is left as it is: name another with -f, or remove it", path)
			}
			if err == nil {
				_, err = f.Write(text)
				if err = errors.Join(err, f.Close()); err != nil {
					err = errors.Join(err, os.Remove(path))
				}
			}
			if err != nil {
				return runner.As(runner.ErrEnvironment, fmt.Errorf("%s cannot be written: %w", path, err))
			}
			fmt.Fprintf(std.notes(), "%s is written: mlbench compare takes what it says\n", path)
			return nil
		},
	}
	cmd.Flags().StringVarP(&path, "file", "f", path, "the `file` to write")
	suffixes(cmd.Flags(), "file", ".yaml", ".yml")
	return cmd
}
