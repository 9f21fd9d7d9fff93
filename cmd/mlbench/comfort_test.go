package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelpOfAllCommands: each has a place in the help, a line that fits into it,
// and an example that is a command line of it.
func TestHelpOfAllCommands(t *testing.T) {
	root := newRoot(streams{})
	for _, c := range shown(root) {
		if !c.Runnable() { // a topic
			continue
		}
		if c.Parent() == root && c.GroupID == "" {
			t.Errorf("%s is in no group of the help: name it in newRoot", c.CommandPath())
		}
		if len(c.Short) > 90 || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q is no short line", c.CommandPath(), c.Short)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.Contains(line, c.CommandPath()) && !strings.Contains(c.Example, "\\\n") {
				t.Errorf("%s: %q is no example of it", c.CommandPath(), line)
			}
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
	}
}

// TestArgumentsOfCommands: what is completed by a command's path is that of one.
func TestArgumentsOfCommands(t *testing.T) {
	root := newRoot(streams{})
	for path := range argumentsOf {
		if c, _, err := root.Find(strings.Fields(path)[1:]); err != nil || c.CommandPath() != path {
			t.Errorf("%q is no command", path)
		}
	}
	for _, c := range shown(root) {
		takes := strings.Fields(c.Use)
		if len(takes) > 1 && takes[1] != "[flags]" && !strings.HasPrefix(takes[1], "-") && argumentsOf[c.CommandPath()] == nil {
			t.Errorf("the arguments of %q are not completed: name it in argumentsOf", c.Use)
		}
	}
}

// TestChoicesAgree holds what shells complete against what each flag takes, and
// against the schema of suite files.
func TestChoicesAgree(t *testing.T) {
	b, err := os.ReadFile("../../docs/mlbench.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type value struct {
		Enum  []string `json:"enum"`
		Items *value   `json:"items"`
	}
	var schema struct {
		Properties map[string]value `json:"properties"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	checked := 0
	walk(newRoot(streams{}), func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			choices, ok := f.Annotations[choicesKey]
			if !ok {
				return
			}
			for _, choice := range choices {
				if strings.HasSuffix(choice, "=") {
					choice += "x"
				}
				if err := f.Value.Set(choice); err != nil {
					t.Errorf("%s --%s %s: %v", c.CommandPath(), f.Name, choice, err)
				}
			}
			of := schema.Properties[f.Name]
			if of.Items != nil {
				of = *of.Items
			}
			if of.Enum != nil {
				checked++
				if !slices.Equal(choices, of.Enum) {
					t.Errorf("%s --%s: %q, and suite files take %q", c.CommandPath(), f.Name, choices, of.Enum)
				}
			}
		})
	})
	if checked < 4 {
		t.Errorf("only %d flags were held against the schema", checked)
	}
}

// TestCompletionOfSilentEngine: one that takes calls and never answers costs a
// shell a second, and no more.
func TestCompletionOfSilentEngine(t *testing.T) {
	var dialled net.ListenConfig
	socket := filepath.Join(t.TempDir(), "e.sock")
	l, err := dialled.Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	begin := time.Now()
	if names := imagesHere(context.Background()); names != nil {
		t.Errorf("%q", names)
	}
	// Ten times as long, as a busy machine may take: without a deadline it is for ever.
	if took := time.Since(begin); took < answerWithin/2 || took > 10*answerWithin {
		t.Errorf("it took %v", took)
	}
}

// TestNotesGoThroughStreams: what is no result and no error is silenced by
// --quiet, which it is only where it is written to notes().
func TestNotesGoThroughStreams(t *testing.T) {
	direct := regexp.MustCompile(`std\.err\b|os\.Stderr`)
	for _, path := range glob(t, "*.go") {
		if strings.HasSuffix(path, "_test.go") || slices.Contains([]string{"streams.go", "root.go", "main.go"}, path) {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if at := direct.FindIndex(b); at != nil {
			t.Errorf("%s, line %d: write notes to std.notes()", path, 1+strings.Count(string(b[:at[0]]), "\n"))
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	return paths
}

func TestColours(t *testing.T) {
	for _, test := range []struct {
		name     string
		flag     string
		env      map[string]string
		terminal bool
		want     bool
	}{
		{"terminal", colorAuto, nil, true, true},
		{"pipe", colorAuto, nil, false, false},
		{"NO_COLOR", colorAuto, map[string]string{"NO_COLOR": "1"}, true, false},
		{"empty NO_COLOR", colorAuto, map[string]string{"NO_COLOR": ""}, true, true},
		{"NO_COLOR wins over force", colorAuto, map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, true, false},
		{"forced", colorAuto, map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		{"not forced", colorAuto, map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		{"CLICOLOR=0", colorAuto, map[string]string{"CLICOLOR": "0"}, true, false},
		{"dumb", colorAuto, map[string]string{"TERM": "dumb"}, true, false},
		{"flag over NO_COLOR", colorAlways, map[string]string{"NO_COLOR": "1"}, false, true},
		{"flag over terminal", colorNever, map[string]string{"CLICOLOR_FORCE": "1"}, true, false},
	} {
		env := func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
		if got := colours(test.flag, env, test.terminal); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// TestExitCodesInReadme: the README has a row for each that the help tells of.
func TestExitCodesInReadme(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "| exit code | means |")
	table, _, _ = strings.Cut(table, "\n\n")
	if rows := strings.Count(table, "\n| "); rows != len(exitCodes) {
		t.Errorf("the README has %d exit codes, and the help %d", rows, len(exitCodes))
	}
}
