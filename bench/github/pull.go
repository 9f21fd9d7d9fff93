package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ErrNone means that there is no open pull request to comment on, or not any
// more.
var ErrNone = errors.New("no open pull request")

// PullRequest is the number of the open pull request whose commit was measured.
// It errs with ErrNone where there is none, as after a merge or a further push,
// whose own run comments then.
//
// It is looked up by owner and branch: workflow_run.pull_requests in the event is
// empty for forks (github.com/actions/runner/issues/3444), and so is what the API
// says of a commit that only a fork has. The number could be in the artifact too,
// but whoever writes that could comment anywhere.
func (c *Client) PullRequest(ctx context.Context, h Head) (int, error) {
	if h.Number > 0 {
		return h.Number, nil
	}
	if h.Repository == "" {
		return 0, fmt.Errorf("%w: the repository that %s came from is gone", ErrNone, short(h.SHA))
	}
	owner, _, _ := strings.Cut(h.Repository, "/")
	query := url.Values{"state": {"open"}, "head": {owner + ":" + h.Branch}, "per_page": {"100"}}
	var open []struct {
		Number int `json:"number"`
		Head   struct {
			SHA        string `json:"sha"`
			Repository *struct {
				FullName string `json:"full_name"`
			} `json:"repo"`
		} `json:"head"`
	}
	if err := c.ask(ctx, http.MethodGet, "/pulls?"+query.Encode(), nil, &open); err != nil {
		return 0, err
	}
	var numbers []int
	moved := ""
	for _, p := range open {
		// An owner may have several repositories with this branch.
		if p.Head.Repository == nil || !strings.EqualFold(p.Head.Repository.FullName, h.Repository) {
			continue
		}
		if p.Head.SHA != h.SHA {
			moved = fmt.Sprintf("pull request %d has gone on to %s", p.Number, short(p.Head.SHA))
			continue
		}
		numbers = append(numbers, p.Number)
	}
	switch {
	case len(numbers) == 1:
		return numbers[0], nil
	case len(numbers) > 1:
		return 0, fmt.Errorf("pull requests %d and %d have the same commit, %s, and the event does not say for which it was measured: comment in the run itself, or close one", numbers[0], numbers[1], short(h.SHA))
	case moved != "":
		return 0, fmt.Errorf("%w of commit %s: %s, whose own run comments", ErrNone, short(h.SHA), moved)
	}
	return 0, fmt.Errorf("%w of commit %s in %s", ErrNone, short(h.SHA), h.Repository)
}

func short(sha string) string { return sha[:min(7, len(sha))] }
