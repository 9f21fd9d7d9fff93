package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/runner"
)

// Pages are made of the commands by hand rather than by cobra/doc: that one
// takes help texts for Markdown, so that their lists run together, and brings
// three modules (go-md2man, blackfriday, yaml v3).

func newPages(std streams) *cobra.Command {
	man := false
	cmd := &cobra.Command{
		Use:     "pages FOLDER",
		Short:   "Write a page on every command: Markdown, or man pages",
		Hidden:  true, // for who packages mlbench
		Example: "  mlbench pages --man share/man/man1",
		Args:    exactly(1, "a folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			pages := markdownPages(cmd.Root())
			if man {
				own, _ := buildVersion()
				pages = manPages(cmd.Root(), own)
			}
			if err := writePages(args[0], pages); err != nil {
				return runner.As(runner.ErrEnvironment, err)
			}
			fmt.Fprintf(std.notes(), "%d pages are in %s\n", len(pages), args[0])
			return nil
		},
	}
	cmd.Flags().BoolVar(&man, "man", false, "man pages, section 1")
	return cmd
}

// writePages writes texts by the names of their files.
func writePages(folder string, pages map[string]string) error {
	failed := []error{os.MkdirAll(folder, 0o777)}
	for name, text := range pages {
		failed = append(failed, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644)) //nolint:gosec // for all to read
	}
	return errors.Join(failed...)
}

// shown are the commands that have pages, each before those below it.
func shown(root *cobra.Command) []*cobra.Command {
	root.InitDefaultHelpFlag()
	var all []*cobra.Command
	walk(root, func(c *cobra.Command) {
		if c != root && !c.Hidden && c.Name() != "help" {
			c.InitDefaultHelpFlag()
			all = append(all, c)
		}
	})
	return all
}

// pageName is a command's words with hyphens.
func pageName(c *cobra.Command) string {
	return strings.ReplaceAll(c.CommandPath(), " ", "-")
}

// described is what the help says of a command, in words.
func described(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// An explained flag is one as a page shows it.
type explained struct {
	name     string // with its dashes, short form and kind of value
	says     string
	fallback string // what it is where it is not given, "" for nothing
}

func explainedFlags(flags *pflag.FlagSet) []explained {
	var all []explained
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, says := pflag.UnquoteUsage(f)
		e := explained{name: "--" + f.Name, says: says, fallback: f.DefValue}
		if f.Shorthand != "" {
			e.name = "-" + f.Shorthand + ", " + e.name
		}
		if kind != "" {
			e.name += " " + kind
		}
		switch f.DefValue {
		case "false", "0", "[]":
			e.fallback = ""
		}
		all = append(all, e)
	})
	return all
}
