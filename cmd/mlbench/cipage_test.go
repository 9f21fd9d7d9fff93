package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"mlbench/bench/suite"
)

// blocks are the code blocks of a page in one language.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repository(t), page))
	must(t, err)
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(string(b), -1) {
		all = append(all, m[1])
	}
	return all
}

// TestFromInitToComment does what docs/ci.md says, as a new user does: its first
// block of commands in a repository of one's own, the file for mlbench.yaml, then
// the two example workflows for a pull request from a fork. Docker and git are
// real; GitHub's runner and API are stood in for.
func TestFromInitToComment(t *testing.T) {
	needEngine(t)
	for _, tool := range []string{"docker", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			lacking(t, "needs %s on the PATH", tool)
		}
	}
	base := fixtureImage(t, "one", "EXPOSE 8080")
	own := fmt.Sprintf("mlbench-ci-page-%08x", rand.Uint32()) // for myservice, which may be somebody's
	api := onGitHub(t, "workflow_run.json", measuredPull)
	m := newMachine(t, map[string]string{"sudo": `if [ "$1" = --preserve-env ]; then shift; fi; exec "$@"`})
	shell := func(script string) {
		t.Helper()
		if !m.script(step{Run: strings.ReplaceAll(script, "myservice", own)}, m.values, nil) {
			t.Fatalf("%s\n%s", script, m.Log.String())
		}
	}
	t.Cleanup(func() { shell("docker image rm myservice:old myservice:new >/dev/null") })

	for name, value := range map[string]string{"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"} {
		m.env = append(m.env, name+"="+value)
	}
	shell("git init --quiet --initial-branch main . && printf 'FROM " + base + "\\nLABEL version=1\\n' >Dockerfile && git add . && git commit --quiet -m 'A service'")
	shell(blocks(t, "docs/ci.md", "sh")[0])
	settings := strings.Replace(blocks(t, "docs/ci.md", "yaml")[0], "target: 1s", "target: 30s", 1) // whatever this machine does besides
	b, err := os.ReadFile(filepath.Join(m.workspace, "mlbench.yaml"))
	must(t, err)
	put(t, filepath.Join(m.workspace, "mlbench.yaml"), string(b)+"\npairs: 4\n"+settings)
	shell("git add . && git commit --quiet -m 'Measure how fast it starts'")

	// The pull request, merged into main as GitHub checks it out.
	shell("git checkout --quiet -b change && sed -i s/version=1/version=2/ Dockerfile && git commit --quiet -a -m 'Change it' && git checkout --quiet main && git merge --quiet --no-ff -m Merge change")
	job := parseYAML[workflow](t, "docs/ci/mlbench.yml").Jobs["measure"].Steps
	for i := range job {
		job[i].Run = strings.ReplaceAll(job[i].Run, "myservice", own)
		for k, v := range job[i].With {
			job[i].With[k] = strings.ReplaceAll(v, "myservice", own)
		}
	}
	// As a run before this one has left it, on a runner of one's own.
	shell("git worktree add \"$RUNNER_TEMP/before\" HEAD^1 && rm -r \"$RUNNER_TEMP/before\"")
	// Four pairs are too few for a verdict, so no gate fails but by what is broken.
	if !m.job(job) {
		t.Fatal(m.Log.String())
	}
	if !strings.HasPrefix(m.Summary, "### ✅ mlbench: pass") && !strings.HasPrefix(m.Summary, "### ❓ mlbench: inconclusive") {
		t.Errorf("%.300s", m.Summary)
	}
	if !m.job(parseYAML[workflow](t, "docs/ci/mlbench-comment.yml").Jobs["comment"].Steps) {
		t.Fatal(m.Log.String())
	}
	comments := api.Comments(7)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, own+":new") || !strings.Contains(comments[0].Body, "| gate ") {
		t.Errorf("%+v", comments)
	}
}

// TestPagesOfCI: what the pages show is read as what it is: suite files are right,
// steps give the action inputs that it has.
func TestPagesOfCI(t *testing.T) {
	inputs := parseYAML[action](t, "action.yml").Inputs
	steps, suites := 0, 0
	for _, page := range []string{"docs/ci.md", "docs/nightly.md"} {
		for _, block := range blocks(t, page, "yaml") {
			var list []step
			if yaml.Unmarshal([]byte(block), &list) == nil {
				for _, s := range list {
					steps++
					for name := range s.With {
						if _, ok := inputs[name]; !ok && strings.HasPrefix(s.Uses, "OWNER/") {
							t.Errorf("%s: no input %s", page, name)
						}
					}
				}
				continue
			}
			if strings.Contains(block, "script:") { // GitLab's
				continue
			}
			suites++
			if _, err := suite.Read(strings.NewReader(block), page); err != nil {
				t.Error(err)
			}
		}
		b, err := os.ReadFile(filepath.Join(repository(t), page))
		must(t, err)
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(filepath.Join(repository(t), "docs", m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
	if steps < 4 || suites < 2 {
		t.Errorf("only %d steps and %d suite files", steps, suites)
	}
}
