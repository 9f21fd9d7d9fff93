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
		"    mlbench scenario run cpu-under-800 --base $BASE --cold warm --max-pairs 100\n",
		"**pass**\n\nscenario run cpu-under-800 --base mine:1 --cold warm --max-pairs 100 --format markdown in cpu-under-800\n\n| phases | first\\_request |\n|:--|--:|\n| a | 7 ms |\n",
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
	for _, want := range []string{"## [cpu-under-800](../scenarios/cpu-under-800/README.md)", "--cold warm", "## [gpu-resnet]", "old figures"} {
		if !strings.Contains(string(all), want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
}

// One that fails, and one that needs what is not here, are told at the end; the
// others are measured, and the page of the one that failed stays.
func TestRunAll(t *testing.T) {
	root, program := repository(t, begin+"old figures\n"+end)
	const failing = "#!/bin/sh\ncase \"$*\" in *os-hygiene*) echo broken >&2; exit 4 ;; esac; echo \"$*\"\n"
	if err := os.WriteFile(program, []byte(failing), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(readme(root, scenarios.Scenario{Name: "gpu-resnet"}), []byte(begin+end), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run(context.Background(), &out, &errs, []string{"-mlbench", program, "-root", root, "-base", "mine:1"})
	if code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	if !strings.Contains(errs.String(), "broken") {
		t.Errorf("what mlbench said is not in\n%s", &errs)
	}
	all := scenarios.All()
	said := out.String()
	last := said[strings.Index(said, " scenarios were measured, in "):]
	for _, s := range all {
		measured := strings.Contains(said, s.Name+": measured in ")
		text, err := os.ReadFile(readme(root, s))
		if err != nil {
			t.Fatal(err)
		}
		if written := strings.Contains(string(text), "by version:"); written != measured {
			t.Errorf("%s: measured %t, its page written: %t", s.Name, measured, written)
		}
		if want := s.Name != "os-hygiene" && s.Needs == ""; measured != want {
			t.Errorf("%s: measured %t, want %t", s.Name, measured, want)
		}
		if named := strings.Contains(last, "\n"+s.Name+": "); named == measured {
			t.Errorf("%s: measured %t, named at the end: %t in\n%s", s.Name, measured, named, last)
		}
	}
	for _, want := range []string{"\nos-hygiene: failed after 0s: mlbench scenario build os-hygiene", "\ngpu-resnet: passed over: it needs a GPU"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not in\n%s", want, last)
		}
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "scenarios.md"))
	if err != nil || !strings.Contains(string(page), "Needs a GPU, a registry that has NVIDIA's images, an index for pip; not measured here.") {
		t.Errorf("%v\n%s", err, page)
	}
	// Where it is named it is tried, on the base that is its own.
	errs.Reset()
	out.Reset()
	if code := run(context.Background(), &out, &errs, []string{"-mlbench", program, "-root", root, "-base", "mine:1", "gpu-resnet"}); code != 0 ||
		!strings.Contains(errs.String(), "mlbench scenario build gpu-resnet\n") || !strings.Contains(out.String(), "gpu-resnet: measured in ") {
		t.Errorf("exit code %d:\n%s\n%s", code, &out, &errs)
	}
	// One that was interrupted begins nothing.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out.Reset()
	if code := run(ctx, &out, &errs, []string{"-mlbench", program, "-root", root, "os-hygiene"}); code != 4 {
		t.Errorf("interrupted: exit code %d:\n%s", code, &out)
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
