package main

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/commands anew")

const commandPages = "../../docs/commands"

// TestCommandPages: docs/commands is what the commands say today.
func TestCommandPages(t *testing.T) {
	pages := markdownPages(newRoot(streams{}))
	if *update {
		if err := os.RemoveAll(commandPages); err != nil {
			t.Fatal(err)
		}
		if err := writePages(commandPages, pages); err != nil {
			t.Fatal(err)
		}
	}
	const remedy = "go test ./cmd/mlbench -run TestCommandPages -update"
	for name, want := range pages {
		if b, err := os.ReadFile(filepath.Join(commandPages, name)); err != nil || string(b) != want {
			t.Errorf("docs/commands/%s is not what the command says (%v): %s", name, err, remedy)
		}
	}
	for _, path := range glob(t, commandPages+"/*") {
		if _, ok := pages[filepath.Base(path)]; !ok {
			t.Errorf("%s is of no command: %s", path, remedy)
		}
	}
}

// TestCommandPagesAreWhole: every command and every flag is in them, and every
// link leads to a page.
func TestCommandPagesAreWhole(t *testing.T) {
	root := newRoot(streams{})
	pages := markdownPages(root)
	walk(root, func(c *cobra.Command) {
		if c.Hidden || c == root {
			return
		}
		page, ok := pages[pageName(c)+".md"]
		if !ok {
			t.Errorf("%s has no page", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(page, "--"+f.Name) && f.Name != "help" {
				t.Errorf("the page of %s has no --%s", c.CommandPath(), f.Name)
			}
		})
		if !strings.Contains(pages["README.md"], "("+pageName(c)+".md)") {
			t.Errorf("%s is not in the index", c.CommandPath())
		}
	})
	for name, page := range pages {
		for _, after := range strings.Split(page, "](")[1:] {
			if to, _, _ := strings.Cut(after, ")"); pages[to] == "" {
				t.Errorf("%s leads to %q", name, to)
			}
		}
		columns := 0 // of the table that a line stands in
		for line := range strings.Lines(page) {
			n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if !strings.HasPrefix(line, "|") {
				n = 0
			} else if columns > 0 && n != columns {
				t.Errorf("%s: a row of another width: %s", name, line)
			}
			columns = n
		}
	}
}

// TestInRoff: text is shown as it stands, whatever it begins with.
func TestInRoff(t *testing.T) {
	for text, want := range map[string]string{
		"a-b":           `a\-b`,
		".so /etc/x":    `\&.so /etc/x`,
		"x\n.nf":        "x\n\\&.nf",
		"'quoted'":      `\(aqquoted\(aq`,
		`\fB`:           `\efB`,
		"POST `x` ~ ^y": "POST \\`x\\` \\(ti \\(hay",
	} {
		if got := inRoff(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := roffWord(`say "x"`); got != `"say \(dqx\(dq"` {
		t.Error(got)
	}
}

// TestManPages holds them against the formatter that shows them, where there is one.
func TestManPages(t *testing.T) {
	root := newRoot(streams{})
	pages := manPages(root, "v1.2.3")
	if !maps.Equal(pages, manPages(newRoot(streams{}), "v1.2.3")) {
		t.Error("two times differ")
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("needs groff")
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		cmd := exec.Command(groff, "-man", "-Tutf8", "-Kutf8", "-ww", "-rLL=100n")
		cmd.Stdin = strings.NewReader(pages[name])
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil || said.String() != "" {
			t.Errorf("%s: %v\n%s", name, err, &said)
		}
		if !strings.Contains(string(out), "mlbench") || strings.Count(string(out), "\n") < 10 {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
