package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mlbench/bench/history"
	"mlbench/bench/suite"
	"mlbench/runner/runnertest"
)

var pinned = regexp.MustCompile(`^(\./|OWNER/mlbench@COMMIT|[\w.-]+/[\w.-]+@[0-9a-f]{40})$`)

// TestActionMetadata: what actionlint does not look at, as it knows action.yml
// only by who uses it.
func TestActionMetadata(t *testing.T) {
	a := parseYAML[action](t, "action.yml")
	b, err := os.ReadFile(filepath.Join(repository(t), "action.yml"))
	must(t, err)
	if a.Name == "" || a.Description == "" || a.Runs.Using != "composite" || len(a.Runs.Steps) == 0 {
		t.Errorf("%+v", a)
	}
	ids := make(map[string]bool)
	for i, s := range a.Runs.Steps {
		switch {
		case (s.Run == "") == (s.Uses == ""):
			t.Errorf("step %d: has to have one of run and uses", i)
		case s.Run != "" && s.Shell == "":
			t.Errorf("step %d: a script of a composite action needs a shell", i)
		case strings.Contains(s.Run, "${{"):
			t.Errorf("step %d: ${{ in a script makes a script of an input", i)
		case s.Uses != "" && !pinned.MatchString(s.Uses):
			t.Errorf("step %d: %s is not pinned", i, s.Uses)
		}
		ids[s.ID] = true
	}
	for name, input := range a.Inputs {
		if input.Description == "" {
			t.Errorf("input %s is not described", name)
		}
		if !strings.Contains(string(b), "inputs."+name) {
			t.Errorf("input %s is not used", name)
		}
	}
	for _, m := range regexp.MustCompile(`inputs\.([\w-]+)`).FindAllStringSubmatch(string(b), -1) {
		if _, ok := a.Inputs[m[1]]; !ok {
			t.Errorf("there is no input %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`steps\.([\w-]+)\.outputs`).FindAllStringSubmatch(string(b), -1) {
		if !ids[m[1]] {
			t.Errorf("there is no step %s", m[1])
		}
	}
	docs, err := os.ReadFile(filepath.Join(repository(t), "docs/ci.md"))
	must(t, err)
	for name := range a.Inputs {
		if !strings.Contains(string(docs), "| `"+name+"` |") {
			t.Errorf("docs/ci.md has no row for the input %s", name)
		}
	}
}

// workflowFiles are ours and the examples.
var workflowFiles = []string{".github/workflows/ci.yml", ".github/workflows/nightly-gpu.yml", "docs/ci/mlbench.yml", "docs/ci/mlbench-comment.yml"}

// TestWorkflows: nothing is run that is not pinned, no script has ${{ in it, only
// the comment may write, and its job runs nothing of the pull request.
func TestWorkflows(t *testing.T) {
	inputs := parseYAML[action](t, "action.yml").Inputs
	for _, path := range workflowFiles {
		w := parseYAML[workflow](t, path)
		for name, value := range w.Permissions {
			if name != "contents" || value != "read" {
				t.Errorf("%s: all jobs have %s: %s", path, name, value)
			}
		}
		for _, job := range w.Jobs {
			for _, s := range job.Steps {
				if s.Uses != "" && !pinned.MatchString(s.Uses) {
					t.Errorf("%s: %s is not pinned", path, s.Uses)
				}
				if strings.Contains(s.Run, "${{") {
					t.Errorf("%s: ${{ in a script: %s", path, s.Run)
				}
				if s.Uses == "./" || strings.HasPrefix(s.Uses, "OWNER/") {
					for name := range s.With {
						if _, ok := inputs[name]; !ok {
							t.Errorf("%s: no input %s", path, name)
						}
					}
				}
				if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
					t.Errorf("%s: the token stays in the checkout", path)
				}
				if path == "docs/ci/mlbench-comment.yml" && (s.Run != "" || !strings.HasPrefix(s.Uses, "OWNER/mlbench@")) {
					t.Errorf("%s: a job that may write comments runs %s%s", path, s.Uses, s.Run)
				}
			}
			for name, value := range job.Permissions {
				if path != "docs/ci/mlbench-comment.yml" || name+value != "actionsread" && name+value != "pull-requestswrite" {
					t.Errorf("%s: %s: %s", path, name, value)
				}
			}
		}
	}
}

// TestCommentCondition: the job comments after what pull requests set off, passed
// or not, and on nothing else.
func TestCommentCondition(t *testing.T) {
	condition := parseYAML[workflow](t, "docs/ci/mlbench-comment.yml").Jobs["comment"].If
	for _, x := range []struct {
		event, conclusion string
		want              bool
	}{{"pull_request", "success", true}, {"pull_request", "failure", true}, {"pull_request", "cancelled", false}, {"pull_request", "skipped", false}, {"push", "success", false}} {
		e := expressions{t: t, values: map[string]string{"github.event.workflow_run.event": x.event, "github.event.workflow_run.conclusion": x.conclusion}}
		if got := e.holds(condition); got != x.want {
			t.Errorf("%+v: %v", x, got)
		}
	}
}

// TestActionMeasures runs the whole of what a pull request from a fork sets off:
// the measuring job with the action's own steps, and then the job that comments,
// with a stand-in for GitHub's API.
func TestActionMeasures(t *testing.T) {
	api := onGitHub(t, "workflow_run.json", measuredPull)
	fixture := runnertest.Fixture(t)
	m := newMachine(t, nil)
	scan, err := filepath.Abs("../../runner/image/policy/testdata/trivy.json")
	must(t, err)
	inputs := map[string]string{
		"old": fixture, "new": fixture + " -listen-after 60ms\n\n${{ github.event.hostile }}\r\n",
		"args": "--runner=process\n--pairs\n3\n--target=1us\n", "scan": scan, "out": "out folder",
	}
	m.values["github.event.hostile"] = fixture + " -say '::error::hi ${{ x }} $(touch injected)' \"; touch injected; \""
	measuring := []step{{Uses: "OWNER/mlbench@COMMIT", With: inputs}}
	if m.job(measuring) { // nothing is ready in a microsecond
		t.Errorf("a gate that fails is no failure:\n%s", m.Log.String())
	}
	artifact := m.artifacts["mlbench-result"]
	for _, file := range []string{"result.json", "report.md", "junit.xml", "scan.json"} {
		if artifact[file] == "" {
			t.Errorf("the artifact has no %s, but %d others", file, len(artifact))
		}
	}
	if len(artifact) > 5 { // report.html where mlbench writes it
		t.Errorf("the artifact has %d files", len(artifact))
	}
	if !strings.HasPrefix(m.Summary, "### ❌ mlbench: fail") {
		t.Errorf("summary: %.100q", m.Summary)
	}
	if _, err := os.Stat(filepath.Join(m.workspace, "injected")); err == nil {
		t.Error("an input was run as a script")
	}
	log := m.Log.String()
	stop, after, _ := strings.Cut(log, "::stop-commands::")
	word := strings.TrimSpace(strings.SplitN(after, "\n", 2)[0])
	if strings.Contains(stop, "mlbench: ") || len(word) != 32 || !strings.HasSuffix(strings.TrimSpace(log), "::"+word+"::") {
		t.Errorf("what images print may be commands to GitHub's runner:\n%s", log)
	}
	if made, err := os.ReadFile(filepath.Join(m.temp, "made")); err != nil || !regexp.MustCompile(`^build VERSION=source-[0-9a-f]{12}\n$`).Match(made) {
		t.Errorf("make %s, %v", made, err)
	}

	commenting := parseYAML[workflow](t, "docs/ci/mlbench-comment.yml").Jobs["comment"].Steps
	later := newMachine(t, nil) // another runner, to which the artifact comes alone
	later.artifacts = m.artifacts
	if !later.job(commenting) {
		t.Fatal(later.Log.String())
	}
	comments := api.Comments(7)
	if len(comments) != 1 || !strings.HasPrefix(comments[0].Body, "### ❌ mlbench: fail") || !strings.Contains(comments[0].Body, "trivy: 1 critical, 1 unknown") {
		t.Fatalf("%+v", comments)
	}

	// Another comment, whose artifact is missing, does not take the figures of this.
	if !later.job([]step{{Uses: "OWNER/mlbench@COMMIT", With: map[string]string{"command": "comment", "id": "gpu"}}}) {
		t.Fatal(later.Log.String())
	}
	if comments = api.Comments(7); len(comments) != 2 || !strings.HasPrefix(comments[1].Body, "### ❓ mlbench: no result") {
		t.Errorf("%+v", comments)
	}

	// The next push fails before it measures: said where the figures were.
	m = newMachine(t, nil)
	if m.job([]step{{Uses: "OWNER/mlbench@COMMIT", With: map[string]string{"old": fixture, "new": fixture, "args": "--runner=process\n--no-such-flag"}}}) {
		t.Error("a wrong flag is no failure")
	}
	if !strings.HasPrefix(m.Summary, "mlbench compare ended with status 2 and measured nothing") {
		t.Error(m.Summary)
	}
	later = newMachine(t, nil)
	if !later.job(commenting) {
		t.Fatal(later.Log.String())
	}
	if comments = api.Comments(7); len(comments) != 2 || !strings.HasPrefix(comments[0].Body, "### ❓ mlbench: no result") {
		t.Errorf("%+v", comments)
	}
}

// TestActionInputs: what an input can be wrong in is said, and is no script.
func TestActionInputs(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "x")
	for want, inputs := range map[string]map[string]string{
		"command: it is compare": {"command": "rm -rf"},
		"would be a flag":        {"old": "--config=x", "new": "y"},
		"out: it names a folder": {"out": "."},
		"sudo: it is true":       {"sudo": "$(touch injected)"},
	} {
		m := newMachine(t, map[string]string{"sudo": "echo called >&2; exit 9"})
		if m.job([]step{{Uses: "OWNER/mlbench@COMMIT", With: inputs}}) || !strings.Contains(m.Log.String(), want) {
			t.Errorf("%v: %s", inputs, m.Log.String())
		}
		if files, _ := os.ReadDir(m.workspace); slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == "injected" }) {
			t.Errorf("%v was run", inputs)
		}
	}
}

// TestActionSudo: as root it measures with the same PATH, and what it has written
// is the runner's afterwards.
func TestActionSudo(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "x")
	m := newMachine(t, map[string]string{"sudo": `echo "sudo $1 $2" >>"$RUNNER_TEMP/sudo"; if [ "$1" = --preserve-env ]; then shift; fi; exec "$@"`})
	fixture := runnertest.Fixture(t)
	if !m.job([]step{{Uses: "OWNER/mlbench@COMMIT", With: map[string]string{"old": fixture, "new": fixture, "sudo": "true", "args": "--runner=process\n--pairs=2"}}}) {
		t.Error(m.Log.String())
	}
	b, err := os.ReadFile(filepath.Join(m.temp, "sudo"))
	if err != nil || string(b) != "sudo --preserve-env env\nsudo chown -R\n" {
		t.Errorf("%s, %v", b, err)
	}
}

// TestNightlyWorkflow runs the steps of the nightly job, with commands in the
// place of images and GPUs, and twice, so that the second night has a history.
func TestNightlyWorkflow(t *testing.T) {
	w := parseYAML[workflow](t, ".github/workflows/nightly-gpu.yml")
	b, err := os.ReadFile(filepath.Join(repository(t), ".github/nightly-gpu.yaml"))
	must(t, err)
	s, err := suite.Read(strings.NewReader(string(b)), "nightly-gpu.yaml")
	must(t, err)
	if s.Names()[0] != "reference" || !slices.ContainsFunc(s.Settings, func(x suite.Setting) bool { return x.Key == "gpus" }) {
		t.Errorf("%+v", s)
	}
	t.Setenv("GITHUB_TOKEN", "x")
	t.Setenv("GITHUB_REPOSITORY", "team/service")
	real, err := exec.LookPath("mlbench")
	must(t, err)
	m := newMachine(t, map[string]string{
		"docker": `echo "$@" >>"$RUNNER_TEMP/docker"; [ "$1" != image ]`,
		"make": `mkdir -p bin; cat >bin/mlbench <<'END'
#!/bin/bash
case $1 in
scenario) echo "$@" >>"$RUNNER_TEMP/built"; exit ;;
clean) exec ` + real + ` clean --runner process ;;
esac
exec ` + real + ` "$@"
END
chmod +x bin/mlbench`,
	})
	m.values["vars.MLBENCH_HISTORY"] = filepath.Join(m.temp, "history")
	must(t, os.Mkdir(filepath.Join(m.workspace, ".github"), 0o700))
	fixture := runnertest.Fixture(t)
	put(t, filepath.Join(m.workspace, ".github/nightly-gpu.yaml"), "pairs: 3\ntimeout: 5s\ncandidates:\n  - {name: reference, command: "+fixture+"}\n  - {name: new, command: "+fixture+"}\n")
	for night := range 2 {
		if !m.job(w.Jobs["measure"].Steps) {
			t.Fatalf("night %d:\n%s", night, m.Log.String())
		}
	}
	docker, _ := os.ReadFile(filepath.Join(m.temp, "docker"))
	built, _ := os.ReadFile(filepath.Join(m.temp, "built"))
	if !strings.HasPrefix(string(docker), "image inspect gpu-resnet:reference\ntag gpu-resnet:lean gpu-resnet:reference\n") || !strings.HasPrefix(string(built), "scenario build gpu-resnet lean runtime\n") {
		t.Errorf("%s\n%s", docker, built)
	}
	artifact := m.artifacts["mlbench-nightly-gpu"]
	if artifact["nightly.md"] == "" || artifact["nightly.json"] == "" || artifact["history/"+history.FileName] == "" || !strings.Contains(m.Summary, "mlbench") {
		t.Errorf("%d files, summary %q", len(artifact), m.Summary)
	}
	if n := strings.Count(artifact["history/"+history.FileName], "\n"); n < 2 {
		t.Errorf("the second night's history has %d lines", n)
	}

	// A gate that fails makes the job fail, and it is tidied up all the same.
	put(t, filepath.Join(m.workspace, ".github/nightly-gpu.yaml"), "pairs: 3\ntimeout: 5s\ntarget: 1us\ncandidates:\n  - {name: reference, command: "+fixture+"}\n  - {name: new, command: "+fixture+"}\n")
	if m.job(w.Jobs["measure"].Steps) {
		t.Errorf("a gate that failed is no failure:\n%s", m.Log.String())
	}
	if after := m.artifacts["mlbench-nightly-gpu"]; len(after["history/"+history.FileName]) <= len(artifact["history/"+history.FileName]) {
		t.Error("the artifact is of the night before")
	}
	if n := strings.Count(m.Log.String(), "nothing was left behind"); n != 3 {
		t.Errorf("tidied up %d times in 3 nights", n)
	}
}

// TestUnits has systemd check the units, where it is installed.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze, of Debian's package systemd")
	}
	folder := filepath.Join(repository(t), "docs/systemd")
	var units []string
	entries, err := os.ReadDir(folder)
	must(t, err)
	// The program is where make install or a package would put it; any does here.
	dir := t.TempDir()
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		must(t, err)
		put(t, filepath.Join(dir, e.Name()), strings.ReplaceAll(string(b), "/usr/local/bin/mlbench", "/bin/true"))
		units = append(units, filepath.Join(dir, e.Name()))
	}
	if len(units) < 3 {
		t.Fatal(units)
	}
	// What allows one device hides all others, and ProtectClock= allows char-rtc.
	b, err := os.ReadFile(filepath.Join(folder, "mlbench-nightly.service"))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if name, _, _ := strings.Cut(line, "="); slices.Contains([]string{"PrivateDevices", "ProtectClock", "DeviceAllow", "DevicePolicy"}, name) {
			t.Errorf("GPUs may be hidden by %s", line)
		}
	}
	out, err := exec.Command("systemd-analyze", append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "mlbench") {
			t.Error(line)
		}
	}
}
