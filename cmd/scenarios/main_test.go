package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlbench/scenarios"
)

// stub is an mlbench that says what it was asked.
const stub = `#!/bin/sh
case "$1" in
version) echo mlbench 1.0; echo engine 20 ;;
scenario) [ "$2" = build ] && exit 0; printf '### pass\n\n%s in %s\n\n<details>\n\n| gate |\n\n| phases | first\\_request |\n|:--|--:|\n| a | 7 ms |\n\nmore</details>\n<!-- mark -->\n' "$*" "${PWD##*/}"; exit 1 ;;
*) echo "no such thing: $*" >&2; exit 4 ;;
esac
`

func repository(t *testing.T, page string) (root, program string) {
	t.Helper()
	root = t.TempDir()
	program = filepath.Join(root, "mlbench")
	write := func(path, text string, mode os.FileMode) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(program, stub, 0o755)
	write(filepath.Join(root, "docs", "x"), "", 0o644)
	for _, s := range scenarios.All() {
		write(readme(root, s), page, 0o644)
	}
	return root, program
}

func TestRun(t *testing.T) {
	root, program := repository(t, "# A\n\n"+begin+"old figures\n"+end+"\n\nafter\n")
	var out, errs bytes.Buffer
	if code := run(context.Background(), &out, &errs, []string{"-mlbench", program, "-root", root, "-base", "mine:1", "cpu-under-800"}); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &errs)
	}
	page, err := os.ReadFile(filepath.Join(root, "scenarios", "cpu-under-800", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# A\n\n" + begin, "by mlbench 1.0; engine 20:\n", end + "\n\nafter\n",
		"    mlbench scenario run cpu-under-800 --base $BASE --cold warm\n",
		"**pass**\n\nscenario run cpu-under-800 --base mine:1 --cold warm --format markdown in cpu-under-800\n\n| phases | first\\_request |\n|:--|--:|\n| a | 7 ms |\n",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
	for _, bad := range []string{"old figures", "details", "<!-- mark", "gate", "more"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("%q is in\n%s", bad, page)
		}
	}
	all, err := os.ReadFile(filepath.Join(root, "docs", "scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## [cpu-under-800](../scenarios/cpu-under-800/README.md)", "--cold warm", "## [gpu-resnet]", "Needs a GPU", "old figures"} {
		if !strings.Contains(string(all), want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
}

func TestRunFails(t *testing.T) {
	marked := begin + end
	for _, c := range []struct {
		name, page, program string
		args                []string
		code                int
		says                string
	}{
		{"unknown", marked, "", []string{"flask"}, 2, `no scenario "flask"`},
		{"no program", marked, "no-such-program", []string{"cpu-under-800"}, 4, "make build"},
		{"no marks", "# A\n", "", []string{"cpu-under-800"}, 4, "between which figures belong"},
		{"wrong flag", marked, "", []string{"-pairs", "3"}, 2, "-pairs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, program := repository(t, c.page)
			if c.program != "" {
				program = c.program
			}
			var out, errs bytes.Buffer
			code := run(context.Background(), &out, &errs, append([]string{"-mlbench", program, "-root", root}, c.args...))
			if code != c.code || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit code %d, %s; want %d and %q", code, &errs, c.code, c.says)
			}
		})
	}
}
