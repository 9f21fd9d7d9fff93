package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// step is one of a job or of a composite action.
type step struct {
	Name     string            `yaml:"name"`
	ID       string            `yaml:"id"`
	If       string            `yaml:"if"`
	Uses     string            `yaml:"uses"`
	Run      string            `yaml:"run"`
	Shell    string            `yaml:"shell"`
	Env      map[string]string `yaml:"env"`
	With     map[string]string `yaml:"with"`
	Continue bool              `yaml:"continue-on-error"`
}

// action is action.yml.
type action struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Inputs      map[string]struct {
		Description string `yaml:"description"`
		Default     string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

// workflow is one of .github/workflows, or an example.
type workflow struct {
	Name string `yaml:"name"`
	Jobs map[string]struct {
		If          string            `yaml:"if"`
		Permissions map[string]string `yaml:"permissions"`
		Steps       []step            `yaml:"steps"`
	} `yaml:"jobs"`
	Permissions map[string]string `yaml:"permissions"`
}

func parseYAML[T any](t *testing.T, path string) T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repository(t), path))
	must(t, err)
	var v T
	if err := yaml.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// A runnerMachine runs the steps of a job as GitHub's runner would, as far as our
// workflows ask for it: scripts by bash, our action from its own file, and of the
// actions of others what comes of them.
type runnerMachine struct {
	t         *testing.T
	root      string // the action's folder, without history, as GitHub delivers it
	workspace string
	temp      string
	env       []string
	values    map[string]string            // of expressions
	artifacts map[string]map[string]string // by name, then by file
	Log       strings.Builder              // what steps print
	Summary   string                       // what they tell people
}

// newMachine is a runner whose PATH has mlbench, the one under test, and stand-ins
// for what it should not really do here: name → script.
func newMachine(t *testing.T, stubs map[string]string) *runnerMachine {
	t.Helper()
	m := &runnerMachine{t: t, root: t.TempDir(), workspace: t.TempDir(), temp: t.TempDir(), values: make(map[string]string), artifacts: make(map[string]map[string]string)}
	repo := repository(t)
	must(t, os.CopyFS(filepath.Join(m.root, ".github/action"), os.DirFS(filepath.Join(repo, ".github/action"))))
	for _, folder := range []string{"bench", "cmd", "gpu", "runner", "scenarios", "stats"} {
		must(t, os.Mkdir(filepath.Join(m.root, folder), 0o700))
	}
	for _, file := range []string{"go.mod", "go.sum", "Makefile"} {
		b, err := os.ReadFile(filepath.Join(repo, file))
		must(t, err)
		put(t, filepath.Join(m.root, file), string(b))
	}
	real, err := exec.LookPath("mlbench") // which TestMain has put there
	must(t, err)
	// The stand-in for make leaves what make build leaves.
	all := map[string]string{"make": fmt.Sprintf("echo \"$@ VERSION=$VERSION\" >>%q/made; mkdir -p bin; printf '#!/bin/sh\\nexec %s \"$@\"\\n' >bin/mlbench; chmod +x bin/mlbench", m.temp, real)}
	maps.Copy(all, stubs)
	bin := t.TempDir()
	for name, script := range all {
		must(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+script+"\n"), 0o700))
	}
	m.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "RUNNER_TEMP="+m.temp, "GITHUB_WORKSPACE="+m.workspace, "HOME="+m.temp, "XDG_STATE_HOME=")
	maps.Copy(m.values, map[string]string{"runner.os": "Linux", "runner.arch": "X64", "runner.temp": m.temp, "github.run_id": "5", "github.token": os.Getenv("GITHUB_TOKEN"), "github.event.workflow_run.id": ""})
	return m
}

// job runs the steps and reports whether all of them went well.
func (m *runnerMachine) job(steps []step) bool { return m.steps(steps, m.values, nil) }

func (m *runnerMachine) steps(steps []step, values map[string]string, env []string) bool {
	m.t.Helper()
	e := expressions{t: m.t, values: values}
	for i, s := range steps {
		if !e.holds(s.If) {
			continue
		}
		with, own := map[string]string{}, slices.Clone(env)
		for k, v := range s.With {
			with[k] = e.fill(v)
		}
		for k, v := range s.Env {
			own = append(own, k+"="+e.fill(v))
		}
		var ok bool
		switch {
		case s.Uses == "./" || strings.HasPrefix(s.Uses, "OWNER/mlbench@"):
			ok = m.ours(with)
		case s.Uses != "":
			ok = m.theirs(s, with, values)
		default:
			if strings.Contains(s.Run, "${{") {
				m.t.Errorf("step %d has ${{ in its script", i)
			}
			ok = m.script(s, values, own)
		}
		e.failed = e.failed || !ok && !s.Continue
	}
	return !e.failed
}

// script runs a step's script with the shell's flags that GitHub's runner gives
// (docs.github.com/en/actions/reference/workflow-syntax-for-github-actions, jobs.<job_id>.steps[*].shell).
func (m *runnerMachine) script(s step, values map[string]string, env []string) bool {
	m.t.Helper()
	dir := m.t.TempDir()
	put(m.t, filepath.Join(dir, "script"), s.Run)
	for _, file := range []string{"output", "path", "summary"} {
		put(m.t, filepath.Join(dir, file), "")
	}
	args := []string{"-e"}
	if s.Shell == "bash" {
		args = []string{"--noprofile", "--norc", "-eo", "pipefail"}
	}
	c := exec.Command("bash", append(args, filepath.Join(dir, "script"))...)
	c.Dir = m.workspace
	c.Env = slices.Concat(m.env, env, []string{
		"GITHUB_ACTION_PATH=" + m.root, "GITHUB_OUTPUT=" + filepath.Join(dir, "output"), "GITHUB_PATH=" + filepath.Join(dir, "path"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary"),
	})
	c.Stdout, c.Stderr = &m.Log, &m.Log
	err := c.Run()
	read := func(file string) string {
		b, err := os.ReadFile(filepath.Join(dir, file))
		must(m.t, err)
		return string(b)
	}
	for line := range strings.Lines(read("output")) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		values["steps."+s.ID+".outputs."+k] = v
	}
	for line := range strings.Lines(read("path")) {
		m.env = append(m.env, "PATH="+strings.TrimSpace(line)+":"+last(m.env, "PATH="))
	}
	m.Summary += read("summary")
	return err == nil
}

func last(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name); ok {
			return value
		}
	}
	return ""
}

// ours runs action.yml with its own inputs, defaults filled in.
func (m *runnerMachine) ours(with map[string]string) bool {
	m.t.Helper()
	a := parseYAML[action](m.t, "action.yml")
	inner := maps.Clone(m.values)
	inner["github.action_path"] = m.root
	for name, input := range a.Inputs {
		inner["inputs."+name] = expressions{t: m.t, values: m.values}.fill(input.Default)
	}
	for name, value := range with {
		if _, ok := a.Inputs[name]; !ok {
			m.t.Errorf("action.yml has no input %q", name)
		}
		inner["inputs."+name] = value
	}
	return m.steps(a.Runs.Steps, inner, nil)
}

// theirs does what comes of the actions of others.
func (m *runnerMachine) theirs(s step, with, values map[string]string) bool {
	m.t.Helper()
	switch name, _, _ := strings.Cut(s.Uses, "@"); name {
	case "actions/checkout", "actions/setup-go":
	case "actions/cache":
		values["steps."+s.ID+".outputs.cache-hit"] = ""
	case "actions/upload-artifact":
		files := make(map[string]string)
		for line := range strings.Lines(with["path"]) {
			path := filepath.Join(m.workspace, strings.TrimSpace(line))
			_ = filepath.Walk(path, func(at string, info os.FileInfo, err error) error {
				if err == nil && info.Mode().IsRegular() {
					b, err := os.ReadFile(at)
					must(m.t, err)
					rel, err := filepath.Rel(filepath.Dir(path), at)
					must(m.t, err)
					files[rel] = string(b)
				}
				return nil
			})
		}
		if len(files) > 0 {
			m.artifacts[with["name"]] = files
		}
	case "actions/download-artifact":
		files, ok := m.artifacts[with["name"]]
		for name, text := range files {
			path := filepath.Join(with["path"], name)
			must(m.t, os.MkdirAll(filepath.Dir(path), 0o700))
			put(m.t, path, text)
		}
		return ok
	default:
		m.t.Errorf("an action that the test does not know: %s", s.Uses)
	}
	return true
}
