package github

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mlbench/bench/github/githubtest"
)

const (
	sha   = "acb5820ced9479c074f688cc328bf03f341a511d"
	other = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
	bot   = "github-actions[bot]"
	mark  = "<!-- mlbench comment result -->"
)

var fork = githubtest.Pull{Number: 7, SHA: sha, Branch: "faster-import", Owner: "contributor", Repository: "contributor/service"}

func recorded(t *testing.T, name string) Head {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head, err := ReadEvent(f)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func clientOf(t *testing.T, api *githubtest.API) (*Client, *[]time.Duration) {
	t.Helper()
	c, err := New(api.URL+"/", "team/service", api.Token)
	if err != nil {
		t.Fatal(err)
	}
	var slept []time.Duration
	c.sleep = func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil }
	return c, &slept
}

func TestReadEvent(t *testing.T) {
	if got, want := recorded(t, "workflow_run.json"), (Head{SHA: sha, Branch: "faster-import", Repository: "contributor/service", Run: "https://github.com/team/service/actions/runs/30433642"}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := recorded(t, "pull_request.json"), (Head{SHA: sha, Branch: "faster-import", Repository: "team/service", Number: 7}); got != want {
		t.Errorf("%+v", got)
	}
	for text, want := range map[string]string{
		"":                        "EOF",
		"{":                       "unexpected EOF",
		"[]":                      "cannot unmarshal",
		`{}`:                      "neither of workflow_run nor of pull_request",
		`{"ref": "refs/heads/x"}`: "neither of workflow_run nor of pull_request",
		`{"workflow_run": {"event": "push", "head_sha": "` + sha + `"}}`:                                                                            `set off by "push"`,
		`{"workflow_run": {"event": "pull_request", "head_branch": "x", "head_sha": "$(id)"}}`:                                                      "is no commit",
		`{"workflow_run": {"event": "pull_request", "head_sha": "` + sha + `"}}`:                                                                    "names no branch",
		`{"workflow_run": {"event": "pull_request", "head_branch": "x", "head_sha": "` + sha + `", "head_repository": {"full_name": "../../a/b"}}}`: "is no repository",
		`{"workflow_run": {"event": "pull_request", "head_branch": "x", "head_sha": "` + sha + `", "html_url": "javascript:alert(1)"}}`:             "is no address",
		`{"workflow_run": {"event": "pull_request", "head_branch": "x", "head_sha": "` + sha + `", "html_url": "https://x/) @all"}}`:                "is no address",
		`{"pull_request": {"number": 0}}`: "number: 0",
	} {
		if head, err := ReadEvent(strings.NewReader(text)); !errors.Is(err, ErrEvent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", text, head, err, want)
		}
	}
}

// TestPullRequest: the number is GitHub's word, for forks too, and only for the
// commit that was measured.
func TestPullRequest(t *testing.T) {
	changed := func(f func(*githubtest.Pull)) githubtest.Pull { p := fork; f(&p); return p }
	for name, x := range map[string]struct {
		pulls  []githubtest.Pull
		number int
		want   string
	}{
		"of a fork":                {[]githubtest.Pull{changed(func(p *githubtest.Pull) { p.Number, p.Branch = 3, "main" }), fork}, 7, ""},
		"great letters":            {[]githubtest.Pull{changed(func(p *githubtest.Pull) { p.Repository = "Contributor/Service" })}, 7, ""},
		"merged":                   {nil, 0, "no open pull request of commit acb5820 in contributor/service"},
		"gone on":                  {[]githubtest.Pull{changed(func(p *githubtest.Pull) { p.SHA = other })}, 0, "pull request 7 has gone on to f95f852, whose own run comments"},
		"another of the owner's":   {[]githubtest.Pull{changed(func(p *githubtest.Pull) { p.Repository = "contributor/elsewhere" })}, 0, "no open pull request"},
		"its fork is gone":         {[]githubtest.Pull{changed(func(p *githubtest.Pull) { p.Gone = true })}, 0, "no open pull request"},
		"two of the same commit":   {[]githubtest.Pull{fork, changed(func(p *githubtest.Pull) { p.Number = 8 })}, 0, "pull requests 7 and 8 have the same commit"},
		"an older one of the same": {[]githubtest.Pull{changed(func(p *githubtest.Pull) { p.Number, p.SHA = 2, other }), fork}, 7, ""},
	} {
		c, _ := clientOf(t, githubtest.New(t, "team/service", x.pulls...))
		number, err := c.PullRequest(t.Context(), recorded(t, "workflow_run.json"))
		if number != x.number || (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %d, %v", name, number, err)
		}
		if err != nil && errors.Is(err, ErrNone) == strings.Contains(name, "two of") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := clientOf(t, githubtest.New(t, "team/service"))
	if n, err := c.PullRequest(t.Context(), recorded(t, "pull_request.json")); n != 7 || err != nil {
		t.Error(n, err)
	}
	if _, err := c.PullRequest(t.Context(), Head{SHA: sha, Branch: "x"}); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestPut(t *testing.T) {
	api := githubtest.New(t, "team/service", fork)
	c, _ := clientOf(t, api)
	for i := range 230 { // three pages
		api.Add(7, "somebody", fmt.Sprintf("comment %d", i))
	}
	theirs := api.Add(7, "contributor", "mine now\n"+mark)
	quoted := api.Add(7, bot, "another bot quotes "+mark+" here")
	put := func(body, url string, updated bool) {
		t.Helper()
		written, was, err := c.Put(t.Context(), 7, bot, mark, body)
		if err != nil || was != updated || !strings.HasSuffix(written.URL, url) {
			t.Fatalf("%+v, %v, %v", written, was, err)
		}
	}
	put("first\n"+mark+"\n", "/1233", false)
	put("second\r\n"+mark+"\r\n", "/1233", true)
	put("third\n"+mark+"\n", "/1233", true)
	all := api.Comments(7)
	if len(all) != 233 || all[230] != theirs || all[231] != quoted || all[232].Body != "third\n"+mark+"\n" {
		t.Errorf("%d: %+v", len(all), all[230:])
	}
	if _, _, err := c.Put(t.Context(), 7, bot, mark, strings.Repeat("x", 70_000)); err == nil || !strings.Contains(err.Error(), "status 422: Validation Failed: body is too long") {
		t.Error(err)
	}
}

// TestRemoved: a comment that somebody removes between finding and writing is
// written anew.
func TestRemoved(t *testing.T) {
	api := githubtest.New(t, "team/service")
	api.Add(7, bot, mark)
	c, _ := clientOf(t, api)
	found, err := c.find(t.Context(), 7, bot, mark)
	if err != nil || found == nil {
		t.Fatal(found, err)
	}
	api.Say(
		githubtest.Answer{Method: "GET", Status: 200, Body: fmt.Sprintf(`[{"id": %d, "body": %q, "user": {"login": %q}}]`, found.ID, mark, bot)},
		githubtest.Answer{Method: "PATCH", Status: 404, Body: `{"message": "Not Found"}`},
	)
	if _, updated, err := c.Put(t.Context(), 7, bot, mark, "anew\n"+mark); err != nil || updated {
		t.Fatal(updated, err)
	}
	if all := api.Comments(7); len(all) != 2 || all[1].Body != "anew\n"+mark {
		t.Errorf("%+v", all)
	}
}

func TestRefused(t *testing.T) {
	for name, x := range map[string]struct {
		answers []githubtest.Answer
		want    string // "" for success
		slept   []time.Duration
	}{
		"no permission": {[]githubtest.Answer{{Status: 403, Body: `{"message": "Resource not accessible by integration"}`}}, "status 403: Resource not accessible by integration: the job wants permissions: pull-requests: write", nil},
		"no repository": {[]githubtest.Answer{{Status: 404, Body: `{"message": "Not Found"}`}}, "GET /repos/team/service/issues/7/comments: status 404: Not Found: the token sees no such thing", nil},
		"bad token":     {[]githubtest.Answer{{Status: 401, Body: `{"message": "Bad credentials"}`}}, "status 401: Bad credentials: GITHUB_TOKEN is none", nil},
		"a little slower": {
			[]githubtest.Answer{{Status: 429, Header: map[string]string{"Retry-After": "7"}}, {Status: 403, Header: map[string]string{"Retry-After": "0"}}},
			"", []time.Duration{7 * time.Second, 2 * time.Second},
		},
		"by words":   {[]githubtest.Answer{{Status: 403, Body: `{"message": "You have exceeded a secondary rate limit."}`}}, "", []time.Duration{time.Minute}},
		"not yet":    {[]githubtest.Answer{{Method: "GET", Status: 200, Body: "[]"}, {Method: "POST", Status: 429, Header: map[string]string{"Retry-After": "7"}}}, "", []time.Duration{7 * time.Second}},
		"much later": {[]githubtest.Answer{{Status: 403, Body: `{"message": "API rate limit exceeded"}`, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}}}, "API rate limit exceeded: too many requests of this token", nil},
		"overloaded": {[]githubtest.Answer{{Status: 502, Body: "<html>"}}, "", []time.Duration{time.Second}},
		"down":       {[]githubtest.Answer{{Status: 503}, {Status: 503}, {Status: 503}, {Status: 503}}, "status 503", []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		"a page":     {[]githubtest.Answer{{Status: 200, Body: "<html>"}}, "no answer of its API", nil},
		"elsewhere":  {[]githubtest.Answer{{Method: "GET", Status: 200, Body: "[]"}, {Method: "POST", Status: 307, Header: map[string]string{"Location": "/repositories/1"}}}, "status 307", nil},
		"not again":  {[]githubtest.Answer{{Method: "GET", Status: 200, Body: "[]"}, {Method: "POST", Status: 502}}, "status 502", nil}, // it may be there all the same
		"long words": {[]githubtest.Answer{{Status: 400, Body: `{"message": "` + strings.Repeat("x", 100_000) + `"}`}}, "xxx…", nil},
	} {
		api := githubtest.New(t, "team/service")
		c, slept := clientOf(t, api)
		api.Say(x.answers...)
		_, _, err := c.Put(t.Context(), 7, bot, mark, "x\n"+mark)
		if (err == nil) != (x.want == "") || err != nil && (!strings.Contains(err.Error(), x.want) || len(err.Error()) > 1000 || strings.Contains(err.Error(), api.Token)) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(*slept, x.slept) {
			t.Errorf("%s: waited %v", name, *slept)
		}
	}
}

func TestEndlessComments(t *testing.T) {
	api := githubtest.New(t, "team/service")
	c, _ := clientOf(t, api)
	for range mostPages {
		api.Say(githubtest.Answer{Status: 200, Body: `[{"id": 1, "body": "x", "user": null}]`})
	}
	if _, _, err := c.Put(t.Context(), 7, bot, mark, "x"); err == nil || !strings.Contains(err.Error(), "over 10000 comments") {
		t.Error(err)
	}
}

func TestNew(t *testing.T) {
	for _, x := range []struct{ api, repo, token, want string }{
		{"https://api.github.com", "team/service", "t", ""},
		{"http://127.0.0.1:1", "team/service", "t", ""},
		{"http://[::1]:1", "team/service", "t", ""},
		{"http://api.github.com", "team/service", "t", "unencrypted"},
		{"http://127.0.0.1.example.com", "team/service", "t", "unencrypted"},
		{"", "team/service", "t", "is no address"},
		{"https://api.github.com", "", "t", "is no repository"},
		{"https://api.github.com", "team/service/../../x", "t", "is no repository"},
		{"https://api.github.com", "team/service", "", "is empty"},
		{"https://api.github.com", "team/service", "t\nX: y", "more than one line"},
	} {
		if _, err := New(x.api, x.repo, x.token); (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

func FuzzReadEvent(f *testing.F) {
	for _, name := range []string{"workflow_run.json", "pull_request.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		head, err := ReadEvent(strings.NewReader(text))
		if err != nil && !errors.Is(err, ErrEvent) {
			t.Error(err)
		}
		if err == nil && (!hash.MatchString(head.SHA) || strings.ContainsAny(head.Run, "\n()<> ")) {
			t.Errorf("%+v", head)
		}
	})
}
