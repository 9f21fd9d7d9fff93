// Command scenarios measures the ready-made images and writes what mlbench says
// of them into their pages and into docs/scenarios.md:
//
//	go run ./cmd/scenarios -mlbench bin/mlbench -base debian:bookworm-slim [NAME...]
//
// It builds what is to be measured, which takes long where images are not there
// yet. A scenario that needs what most hosts lack is measured only where it is
// named, and else passed over, which is said. One that fails keeps no other from
// being measured, and its page as it was.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"mlbench/scenarios"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Stdout, os.Stderr, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the command: 0, 2 for wrong usage, 4 where something could not be
// measured; what could be is written all the same.
func run(ctx context.Context, out, errs io.Writer, args []string) int {
	flags := flag.NewFlagSet("scenarios", flag.ContinueOnError)
	flags.SetOutput(errs)
	mlbench := flags.String("mlbench", "bin/mlbench", "the `program` that measures")
	base := flags.String("base", scenarios.AnyBase, "the Debian `image` that scenarios are built on")
	root := flags.String("root", ".", "the repository's `folder`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	named := flags.NArg() > 0
	chosen, err := choose(flags.Args())
	if err != nil {
		fmt.Fprintln(errs, "scenarios:", err)
		return 2
	}
	m, err := newMeasurer(ctx, *mlbench, *base, *root, errs)
	if err != nil {
		fmt.Fprintln(errs, "scenarios:", err)
		return 4
	}
	code, first := 0, time.Now()
	var without []string // being measured, and why
	for _, s := range chosen {
		why, begin := "", time.Now()
		switch {
		case ctx.Err() != nil:
			code, why = 4, "not begun"
		case s.Needs != "" && !named:
			why = "passed over: it needs " + s.Needs
		default:
			if err := m.write(ctx, s); err != nil {
				code, why = 4, fmt.Sprintf("failed after %s: %v", since(begin), err)
			}
		}
		if why == "" {
			fmt.Fprintf(out, "%s: measured in %s\n", s.Name, since(begin))
			continue
		}
		fmt.Fprintf(errs, "scenarios: %s: %s\n", s.Name, why)
		without = append(without, s.Name+": "+why)
	}
	page := filepath.Join(*root, "docs", "scenarios.md")
	if err := collect(*root, page); err != nil {
		fmt.Fprintln(errs, "scenarios:", err)
		return 4
	}
	fmt.Fprintf(out, "%d of %d scenarios were measured, in %s; %s is written\n", len(chosen)-len(without), len(chosen), since(first), page)
	for _, line := range without {
		fmt.Fprintln(out, line)
	}
	return code
}

func since(begin time.Time) time.Duration { return time.Since(begin).Round(time.Second) }

// choose takes the scenarios of these names, all where there are none.
func choose(names []string) ([]scenarios.Scenario, error) {
	if len(names) == 0 {
		return scenarios.All(), nil
	}
	var chosen []scenarios.Scenario
	for _, name := range names {
		s, err := scenarios.Get(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// collect writes one page of what all scenarios' own pages say was measured.
func collect(root, page string) error {
	var b strings.Builder
	b.WriteString(`# Scenarios, measured

<!-- written by make scenarios -->

Ready-made images, each in several variants that differ in what the name says. ` + "`mlbench scenario list`" + ` lists them, ` + "`mlbench scenario export NAME`" + ` gives a copy to begin from. All figures here are mlbench's own, by the commands above them; times are of the host that is named, and differ on another.

| scenario | shows |
|:---|:---|
`)
	for _, s := range scenarios.All() {
		fmt.Fprintf(&b, "| [%s](#%[1]s) | %s |\n", s.Name, s.Shows)
	}
	for _, s := range scenarios.All() {
		fmt.Fprintf(&b, "\n## [%s](../scenarios/%[1]s/README.md)\n\n%s. %s\n\n%s\n", s.Name, s.Title, s.Summary, s.Shows)
		text, err := os.ReadFile(readme(root, s))
		if err != nil {
			return err
		}
		_, measured, _, err := split(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", readme(root, s), err)
		}
		measured = strings.TrimSpace(measured)
		switch {
		case measured != "":
		case s.Needs != "":
			measured = fmt.Sprintf("Needs %s; not measured here.", s.Needs)
		default:
			measured = "Not measured yet."
		}
		b.WriteString("\n" + measured + "\n")
	}
	return os.WriteFile(page, []byte(b.String()), 0o644) //nolint:gosec // as editors do
}

func readme(root string, s scenarios.Scenario) string {
	return filepath.Join(root, "scenarios", s.Name, "README.md")
}

// The marks in a page between which it is written anew.
const (
	begin = "<!-- measured: begin -->\n"
	end   = "<!-- measured: end -->"
)

// split finds what is between the marks.
func split(text string) (before, measured, after string, err error) {
	before, rest, ok := strings.Cut(text, begin)
	measured, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", "", "", fmt.Errorf("no lines %q and %q, between which figures belong", strings.TrimSpace(begin), end)
	}
	return before + begin, measured, end + after, nil
}

// head is what a Markdown report shows before what it folds away, and of that the
// table of phases where a request was made: how long the first one waited is in no
// other. Its headings are no headings of the page that it is put into, and the bot's
// marker is left out.
func head(markdown string) string {
	shown, folded, _ := strings.Cut(markdown, "<details>")
	lines := strings.Split(shown, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "<!--") })
	for i, l := range lines {
		if title := strings.TrimLeft(l, "#"); title != l {
			lines[i] = "**" + strings.TrimSpace(title) + "**"
		}
	}
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	for block := range strings.SplitSeq(folded, "\n\n") {
		if strings.HasPrefix(block, "| phase") && strings.Contains(block, `first\_request`) {
			text += "\n\n" + block
		}
	}
	return text
}
