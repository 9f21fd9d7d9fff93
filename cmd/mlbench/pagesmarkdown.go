package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const generated = "<!-- Made of the commands' own help by go test ./cmd/mlbench -run TestCommandPages -update: do not edit. -->\n\n"

// markdownPages are a page on every command and a README.md that lists them.
func markdownPages(root *cobra.Command) map[string]string {
	pages := make(map[string]string)
	var index strings.Builder
	index.WriteString("# Commands\n\n" + generated)
	for _, g := range append(root.Groups(), &cobra.Group{Title: "Topics:"}) {
		fmt.Fprintf(&index, "## %s\n\n| | |\n|---|---|\n", strings.TrimSuffix(g.Title, ":"))
		for _, c := range shown(root) {
			top := c
			for top.Parent() != root {
				top = top.Parent()
			}
			if top.GroupID != g.ID {
				continue
			}
			name := pageName(c) + ".md"
			pages[name] = markdownPage(c)
			fmt.Fprintf(&index, "| [%s](%s) | %s |\n", c.CommandPath(), name, inMarkdown(c.Short))
		}
		index.WriteString("\n")
	}
	index.WriteString("All of them take these flags:\n\n" + flagTable(root.PersistentFlags()))
	pages["README.md"] = index.String()
	return pages
}

func markdownPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s%s\n\n", c.CommandPath(), generated, inMarkdown(c.Short+"."))
	if c.Runnable() {
		fmt.Fprintf(&b, "```\n%s\n```\n\n", c.UseLine())
	}
	if c.Long != "" {
		for _, p := range paragraphs(c.Long) {
			if strings.HasPrefix(p, "  ") {
				p = "```text\n" + p + "\n```"
			} else {
				p = inMarkdown(p)
			}
			b.WriteString(p + "\n\n")
		}
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "## Examples\n\n```\n%s\n```\n\n", unindented(c.Example))
	}
	if table := flagTable(c.LocalFlags()); table != "" {
		b.WriteString("## Flags\n\n" + table + "\n")
	}
	b.WriteString("[All commands](README.md)\n")
	return b.String()
}

// flagTable has a row for each flag but --help, which all have; "" for none.
func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	for _, f := range explainedFlags(flags) {
		if strings.HasSuffix(f.name, "--help") {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, inMarkdown(f.fallback), inMarkdown(f.says))
	}
	if b.Len() == 0 {
		return ""
	}
	return "| flag | default | |\n|---|---|---|\n" + b.String()
}

// paragraphs are the parts of a help text between empty lines.
func paragraphs(text string) []string { return strings.Split(strings.Trim(text, "\n"), "\n\n") }

// unindented takes the two blanks away that examples begin with.
func unindented(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n  ", "\n"), "  ")
}

// inMarkdown is text that Markdown shows as it stands.
var inMarkdown = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", "`", "\\`", "[", `\[`).Replace
