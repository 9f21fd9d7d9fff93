package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Client asks GitHub's REST API about one repository.
type Client struct {
	API        string // as GITHUB_API_URL has it, e.g. https://api.github.com
	Repository string // "owner/name", which the pull requests are of
	Token      string

	sleep func(context.Context, time.Duration) error // nil outside of tests
}

// An Error is an answer of the API that is none of success.
type Error struct {
	What    string // what was asked, e.g. "GET /repos/a/b/pulls"
	Status  int
	Message string // GitHub's own words
	Limited bool   // too many requests were made
}

func (e *Error) Error() string {
	s := fmt.Sprintf("GitHub: %s: status %d", e.What, e.Status)
	if e.Message != "" {
		s += ": " + e.Message
	}
	switch {
	case e.Limited:
		s += ": too many requests of this token: run the job again later"
	case e.Status == http.StatusUnauthorized:
		s += ": GITHUB_TOKEN is none that counts here: pass on github.token"
	case e.Status == http.StatusForbidden:
		s += ": the job wants permissions: pull-requests: write, and the conversation may not be locked"
	case e.Status == http.StatusNotFound:
		s += ": the token sees no such thing: look at GITHUB_REPOSITORY and at the job's permissions"
	}
	return s
}

// New checks what the environment of a job says.
func New(api, repo, token string) (*Client, error) {
	u, err := url.Parse(api)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("GITHUB_API_URL: %.80q is no address", api)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, fmt.Errorf("GITHUB_API_URL: %.80q would send the token unencrypted: it has to begin with https://", api)
	case !repository.MatchString(repo):
		return nil, fmt.Errorf("GITHUB_REPOSITORY: %.80q is no repository: want owner/name", repo)
	case token == "":
		return nil, errors.New("GITHUB_TOKEN is empty: give the step env: GITHUB_TOKEN: ${{ github.token }}")
	case strings.ContainsAny(token, "\r\n"):
		return nil, errors.New("GITHUB_TOKEN has more than one line")
	}
	return &Client{API: strings.TrimSuffix(api, "/"), Repository: repo, Token: token}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxAnswer are the bytes of an answer that are read: a hundred comments of
// 65,536 characters, four bytes each, fit.
const maxAnswer = 64 << 20

// tries are how often is asked what may be asked again, and mostWait is how long
// is waited at most before that.
const (
	tries    = 4
	mostWait = time.Minute
)

// ask sends one request to a path below the repository, with in as its body, and
// decodes the answer into out. What changes nothing, or the same twice, is asked
// again where GitHub is overloaded, and anything where it wants to be asked more
// slowly
// (docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
func (c *Client) ask(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		wait, err := c.once(ctx, method, path, body, out)
		var e *Error
		done := !errors.As(err, &e) || !e.Limited // perhaps: a comment is not to be written twice
		if err == nil || wait < 0 || wait > mostWait || try == tries || method == http.MethodPost && done {
			return err
		}
		if err := c.pause(ctx, max(wait, time.Duration(try)*time.Second)); err != nil {
			return err
		}
	}
}

// once also says how long to wait before asking again, less than 0 for never.
func (c *Client) once(ctx context.Context, method, path string, body []byte, out any) (time.Duration, error) {
	path = "/repos/" + c.Repository + path
	req, err := http.NewRequestWithContext(ctx, method, c.API+path, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("User-Agent", "mlbench")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	what := method + " " + strings.SplitN(path, "?", 2)[0]
	answer, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("GitHub: %s: %w", what, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 != 2 {
		return refused(what, answer)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return 0, fmt.Errorf("GitHub: %s: %w", what, err)
	}
	if len(b) > maxAnswer {
		return -1, fmt.Errorf("GitHub: %s: the answer is over %d MiB long", what, maxAnswer>>20)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return -1, fmt.Errorf("GitHub: %s: no answer of its API: %w", what, err)
	}
	return -1, nil
}

// client follows no redirect of what changes something: a POST would become a
// GET, which looks like success.
var client = &http.Client{Timeout: time.Minute, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
}}

func refused(what string, answer *http.Response) (time.Duration, error) {
	var said struct {
		Message string `json:"message"`
	}
	b, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	_ = json.Unmarshal(b, &said) // a proxy's page has no message, and its status is told
	if runes := []rune(said.Message); len(runes) > 300 {
		said.Message = string(runes[:300]) + "…"
	}
	e := &Error{What: what, Status: answer.StatusCode, Message: said.Message}
	after := answer.Header.Get("Retry-After")
	e.Limited = e.Status == http.StatusTooManyRequests || e.Status == http.StatusForbidden &&
		(after != "" || answer.Header.Get("X-RateLimit-Remaining") == "0" || strings.Contains(e.Message, "rate limit")) // secondary limits may have no header
	if e.Limited {
		wait := mostWait
		if s, err := strconv.Atoi(after); err == nil && s >= 0 && s < 1e6 {
			wait = time.Duration(s) * time.Second
		} else if at, err := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			wait = max(0, time.Until(time.Unix(at, 0)))
		}
		return wait, e
	}
	if e.Status >= 500 {
		return 0, e
	}
	return -1, e
}

func (c *Client) pause(ctx context.Context, d time.Duration) error {
	if c.sleep != nil {
		return c.sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
