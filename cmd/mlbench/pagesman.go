package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// manPages are man pages on mlbench and every command. They hold no date, so
// that the same commands give the same bytes.
// https://man7.org/linux/man-pages/man7/man-pages.7.html, groff_man(7)
func manPages(root *cobra.Command, version string) map[string]string {
	all := shown(root)
	pages := map[string]string{"mlbench.1": manPage(root, all, version)}
	for _, c := range all {
		pages[pageName(c)+".1"] = manPage(c, append([]*cobra.Command{root}, c.Commands()...), version)
	}
	return pages
}

func manPage(c *cobra.Command, also []*cobra.Command, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" %s \"User Commands\"\n", roffWord(strings.ToUpper(pageName(c))), roffWord("mlbench "+version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", inRoff(pageName(c)), inRoff(c.Short))
	if c.Runnable() {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n.nf\n%s\n.fi\n", inRoff(c.UseLine()))
	}
	b.WriteString(".SH DESCRIPTION\n")
	for i, p := range paragraphs(described(c)) {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, " ") {
			p = ".nf\n" + inRoff(p) + "\n.fi"
		} else {
			p = inRoff(p)
		}
		b.WriteString(p + "\n")
	}
	for _, part := range []struct {
		title string
		flags []explained
	}{{"OPTIONS", explainedFlags(c.LocalFlags())}, {"OPTIONS OF ALL COMMANDS", explainedFlags(c.InheritedFlags())}} {
		if len(part.flags) == 0 {
			continue
		}
		b.WriteString(".SH " + roffWord(part.title) + "\n")
		for _, f := range part.flags {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s", roffWord(f.name), inRoff(f.says))
			if f.fallback != "" {
				fmt.Fprintf(&b, " (default: %s)", inRoff(f.fallback))
			}
			b.WriteString("\n")
		}
	}
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", inRoff(unindented(c.Example)))
	}
	var see []string
	for _, a := range also {
		if a != c && !a.Hidden {
			see = append(see, fmt.Sprintf(".BR %s (1)", roffWord(pageName(a))))
		}
	}
	b.WriteString(".SH SEE ALSO\n" + strings.Join(see, ",\n") + "\n")
	return b.String()
}

// roffEscapes keep backslashes, hyphens and quotes as they are typed.
var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`", "^", `\(ha`, "~", `\(ti`)

// inRoff is text that roff shows as it stands: no line of it is a request.
func inRoff(text string) string {
	lines := strings.Split(roffEscapes.Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// roffWord is an argument of a request.
func roffWord(s string) string {
	return `"` + strings.ReplaceAll(roffEscapes.Replace(s), `"`, `\(dq`) + `"`
}
