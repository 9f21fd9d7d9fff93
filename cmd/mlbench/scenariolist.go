package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/scenarios"
)

// A catalogue is what `mlbench scenario list` says, and its JSON.
type catalogue struct {
	Schema    string       `json:"schema"`
	Scenarios []catalogued `json:"scenarios"`
}

type catalogued struct {
	Name     string              `json:"name"`
	Title    string              `json:"title"`
	Summary  string              `json:"summary"`
	Shows    string              `json:"shows"`
	Needs    string              `json:"needs,omitempty"`      // besides an engine and a Debian mirror
	Disk     scenarios.Bytes     `json:"disk_bytes,omitempty"` // what all that is built without being named takes of the engine's disk
	Variants []cataloguedVariant `json:"variants"`
}

type cataloguedVariant struct {
	Name    string          `json:"name"`
	Image   string          `json:"image"`
	Summary string          `json:"summary"`
	Base    string          `json:"base"`
	Named   bool            `json:"only_where_named"`
	Disk    scenarios.Bytes `json:"disk_bytes,omitempty"`
	Fails   string          `json:"fails,omitempty"` // words of the error that its build is there to show
}

func newCatalogue(all []scenarios.Scenario) catalogue {
	c := catalogue{Schema: "mlbench.scenarios/v1"}
	for _, s := range all {
		one := catalogued{Name: s.Name, Title: s.Title, Summary: s.Summary, Shows: s.Shows, Needs: s.Needs}
		if picked, err := s.Pick(); err == nil { // no name, no error
			one.Disk = s.Takes(s.WithBases(picked))
		}
		for _, v := range s.Variants {
			one.Variants = append(one.Variants, cataloguedVariant{v.Name, v.Tag, v.Summary, v.Base, v.Aside, v.Disk, v.Fails})
		}
		c.Scenarios = append(c.Scenarios, one)
	}
	return c
}

// listWidth is how wide the list may be: as the help, as wide as any terminal.
const listWidth = 80

// text is the list to read.
func (c catalogue) text(w io.Writer) error {
	var b strings.Builder
	for i, s := range c.Scenarios {
		if i > 0 {
			b.WriteString("\n")
		}
		hanging(&b, "", s.Name+" – ", s.Title)
		hanging(&b, "  ", "", s.Summary)
		hanging(&b, "  ", "shows  ", s.Shows)
		if s.Needs != "" {
			hanging(&b, "  ", "needs  ", s.Needs)
		}
		if s.Disk > 0 {
			hanging(&b, "  ", "takes  ", fmt.Sprintf("%d MB of the engine's disk", s.Disk/1e6))
		}
		widest := 0
		for _, v := range s.Variants {
			widest = max(widest, len(v.Name))
		}
		for _, v := range s.Variants {
			summary := v.Summary
			if v.Named {
				summary += " (Only where it is named.)"
			}
			hanging(&b, "    ", fmt.Sprintf("%-*s  ", widest, v.Name), summary)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// hanging writes text beside a head, and its further lines under its first.
func hanging(b *strings.Builder, indent, head, text string) {
	width := utf8.RuneCountInString(head)
	for _, line := range folded(text, listWidth-len(indent)-width) {
		b.WriteString(indent + head + line + "\n")
		head = strings.Repeat(" ", width)
	}
}

func newScenarioList(std streams) *cobra.Command {
	var telling rendering[catalogue]
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios and their variants",
		Long: `list says what each scenario shows, what it needs besides an engine and a Debian
mirror, and its variants, the baseline first. The image of a variant is
SCENARIO:VARIANT.`,
		Example: `  mlbench scenario list
  mlbench scenario list --format json`,
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			to, err := telling.open()
			if err != nil {
				return err
			}
			return to.tell(std, newCatalogue(scenarios.All()))
		},
	}
	telling.register(cmd.Flags(), report.Formats[catalogue]{
		{Name: "text", Write: func(w io.Writer, c catalogue) error { return c.text(w) }},
		{Name: "json", Suffix: ".json", Write: func(w io.Writer, c catalogue) error { return bench.WriteJSON(w, c) }},
	}, "the list")
	return cmd
}
