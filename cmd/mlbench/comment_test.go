package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlbench/bench/github/githubtest"
	"mlbench/runner/runnertest"
)

const events = "../../bench/github/testdata/"

// measuredPull is the pull request of the recorded events.
var measuredPull = githubtest.Pull{Number: 7, SHA: "acb5820ced9479c074f688cc328bf03f341a511d", Branch: "faster-import", Owner: "contributor", Repository: "contributor/service"}

// onGitHub sets what a job's environment says, for a stand-in for the API.
func onGitHub(t *testing.T, event string, pulls ...githubtest.Pull) *githubtest.API {
	t.Helper()
	api := githubtest.New(t, "team/service", pulls...)
	path, err := filepath.Abs(events + event)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GITHUB_EVENT_PATH": path, "GITHUB_REPOSITORY": "team/service", "GITHUB_TOKEN": api.Token, "GITHUB_API_URL": api.URL,
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_RUN_ID": "5",
	} {
		t.Setenv(name, value)
	}
	return api
}

// call runs mlbench within this process.
func call(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), streams{in: strings.NewReader(""), out: &stdout, err: &stderr}, args)
	return code, stdout.String(), stderr.String()
}

// exampleResult is a result file of two commands, one no slower than the other.
func exampleResult(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.json")
	fixture := runnertest.Fixture(t)
	if code, _, errs := call(t, "compare", "--runner", "process", "--pairs", "2", fixture, fixture, "--out", path); code != exitOK {
		t.Fatal(code, errs)
	}
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestComment(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "result.json"), exampleResult(t))
	b, err := os.ReadFile("../../runner/image/policy/testdata/trivy.json")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "scan.json"), string(b))

	api := onGitHub(t, "workflow_run.json", measuredPull)
	for i, want := range []string{"commented on pull request 7: https://github.example/team/service/comment/1001\n", "comment updated on pull request 7: https://github.example/team/service/comment/1001\n"} {
		if code, out, errs := call(t, "comment", dir); code != exitOK || out != want || errs != "" {
			t.Fatalf("%d: %d, %q, %q", i, code, out, errs)
		}
	}
	if code, _, errs := call(t, "comment", dir, "--id", "gpu"); code != exitOK { // another job's
		t.Fatal(errs)
	}
	comments := api.Comments(7)
	if len(comments) != 2 || !strings.HasSuffix(comments[0].Body, "<!-- mlbench comment result -->\n") || !strings.HasSuffix(comments[1].Body, "<!-- mlbench comment gpu -->\n") {
		t.Fatalf("%+v", comments)
	}
	for _, want := range []string{
		" mlbench: ", "| candidate ", "<summary>trivy: 1 critical, 1 unknown; 1 of 2 with a fix</summary>",
		"Figures of acb5820 are those of [a run of the pull request's own code](https://github.com/team/service/actions/runs/30433642).",
	} {
		if !strings.Contains(comments[0].Body, want) {
			t.Errorf("no %q in %s", want, comments[0].Body)
		}
	}

	api = onGitHub(t, "pull_request.json")
	if code, _, errs := call(t, "comment", dir); code != exitOK || !strings.Contains(api.Comments(7)[0].Body, "(https://github.example/team/service/actions/runs/5)") {
		t.Error(code, errs)
	}
}

// TestCommentOnNothing: a merge or a push meanwhile is no failure, and whatever
// is wrong with what was measured is said where the figures would be.
func TestCommentOnNothing(t *testing.T) {
	onGitHub(t, "workflow_run.json")
	if code, out, errs := call(t, "comment", t.TempDir()); code != exitOK || out != "" || !strings.Contains(errs, "nothing is commented: no open pull request of commit acb5820") {
		t.Error(code, out, errs)
	}
	for name, x := range map[string]struct {
		fill func(t *testing.T, dir string)
		want []string
	}{
		"empty":          {func(*testing.T, string) {}, []string{"There is no result.json: the run ended before anything was measured."}},
		"no folder":      {func(t *testing.T, dir string) { _ = os.Remove(dir) }, []string{"There is no result.json"}},
		"not JSON":       {text("result.json", "\x00\x1b[31m@everyone"), []string{"malformed result"}},
		"another schema": {text("result.json", `{"schema": "</details> @everyone <!-- mlbench comment result -->"}`), []string{"found \"&lt;/details&gt; @\u200beveryone"}},
		"100 MB":         {sparse("result.json", 100_000_000), []string{"result.json has 100000000 bytes, and is not read: 32 MiB at most"}},
		"large scan":     {sparse("scan.json", 100_000_000), []string{"scan.json has 100000000 bytes, and is not read: 64 MiB at most"}},
		"link":           {link("result.json", "/etc/passwd"), []string{"result.json is no regular file, and is not read"}},
		"folder":         {func(t *testing.T, dir string) { must(t, os.Mkdir(filepath.Join(dir, "result.json"), 0o700)) }, []string{"is no regular file"}},
		"SARIF":          {text("scan.json", `{"runs": []}`), []string{"A scanner's report that could not be read", "scan.json is none of trivy"}},
		"deep":           {text("result.json", strings.Repeat("[", 1_000_000)), []string{"malformed result"}},
	} {
		t.Run(name, func(t *testing.T) {
			api := onGitHub(t, "workflow_run.json", measuredPull)
			dir := t.TempDir()
			x.fill(t, dir)
			if code, _, errs := call(t, "comment", dir); code != exitOK {
				t.Fatal(code, errs)
			}
			body := api.Comments(7)[0].Body
			for _, want := range append(x.want, "### ❓ mlbench: no result", "\n<!-- mlbench comment result -->\n") {
				if !strings.Contains(body, want) {
					t.Errorf("no %q in %s", want, body)
				}
			}
			if strings.Count(body, "<!--") != 1 || strings.Contains(body, "@everyone") || strings.Contains(body, dir) || strings.Contains(body, "\x1b") || len(body) > 65_000 {
				t.Errorf("%.2000s", body)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(name, is string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { put(t, filepath.Join(dir, name), is) }
}

func sparse(name string, size int64) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		put(t, filepath.Join(dir, name), "")
		must(t, os.Truncate(filepath.Join(dir, name), size))
	}
}

func link(name, to string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Symlink(to, filepath.Join(dir, name))) }
}

// TestCommentHostile: a result of hostile words is a comment all the same, in
// which they are harmless.
func TestCommentHostile(t *testing.T) {
	var r map[string]any
	must(t, json.Unmarshal([]byte(exampleResult(t)), &r))
	hostile := strings.Repeat("</details> @everyone #7\n<!-- mlbench comment result -->\n|`![x](https://evil.example/x.png)\u202e", 50_000)
	for _, c := range r["candidates"].([]any) {
		c.(map[string]any)["name"] = c.(map[string]any)["name"].(string) + hostile
	}
	r["warnings"] = []string{hostile, hostile}
	b, err := json.Marshal(r)
	must(t, err)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "result.json"), string(b))
	api := onGitHub(t, "workflow_run.json", measuredPull)
	if code, _, errs := call(t, "comment", dir); code != exitOK {
		t.Fatal(code, errs)
	}
	body := api.Comments(7)[0].Body
	if len(body) > 65_000 || strings.Count(body, "<!--") != 1 || strings.Contains(body, "@everyone") || strings.Contains(body, "](https://evil") || strings.Count(body, "<details>") != strings.Count(body, "</details>") {
		t.Errorf("%d bytes: %.3000s", len(body), body)
	}
}

func TestCommentUsage(t *testing.T) {
	api := onGitHub(t, "workflow_run.json", measuredPull)
	for _, x := range []struct {
		set, value string
		args       []string
		code       int
		want       string
	}{
		{"", "", nil, exitUsage, "wants one folder"},
		{"", "", []string{"x", "--id", "a b"}, exitUsage, `--id: "a b" names no comment`},
		{"GITHUB_EVENT_PATH", "", []string{"x"}, exitUsage, "it is not set: call mlbench comment in a job of GitHub Actions (--dry-run"},
		{"GITHUB_EVENT_PATH", "/nonexistent", []string{"x"}, exitUsage, "no such file"},
		{"GITHUB_TOKEN", "", []string{"x"}, exitUsage, "GITHUB_TOKEN is empty"},
		{"GITHUB_TOKEN", "another", []string{"x"}, exitEnvironment, "status 401: Bad credentials"},
		{"GITHUB_REPOSITORY", "team/elsewhere", []string{"x"}, exitEnvironment, "status 404"},
		{"GITHUB_API_URL", "http://api.github.com", []string{"x"}, exitUsage, "unencrypted"},
	} {
		t.Run(x.want, func(t *testing.T) {
			if x.set != "" {
				t.Setenv(x.set, x.value)
			}
			if code, _, errs := call(t, append([]string{"comment"}, x.args...)...); code != x.code || !strings.Contains(errs, x.want) {
				t.Errorf("%d, %s", code, errs)
			}
		})
	}
	if n := len(api.Comments(7)); n != 0 {
		t.Errorf("%d comments", n)
	}
	t.Setenv("GITHUB_EVENT_PATH", "")
	if code, out, errs := call(t, "comment", t.TempDir(), "--dry-run"); code != exitOK || !strings.HasPrefix(out, "### ❓ mlbench: no result") {
		t.Error(code, out, errs)
	}
}
