// Package github puts a comment onto the pull request that a run on GitHub
// Actions was for. It trusts what GitHub says, in the event and over its API,
// and takes no word of the run itself for which pull request that is.
package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// A Head is the commit of a pull request that was measured.
type Head struct {
	SHA        string
	Branch     string
	Repository string // that it is in, "owner/name": a fork's, as a rule
	Number     int    // of the pull request, where the event names it; else 0
	Run        string // address of the run that measured it; "" where the event is of that run itself
}

// maxEvent are the bytes of an event that are read. GitHub sends none over
// 25 MB (docs.github.com/en/webhooks/webhook-events-and-payloads).
const maxEvent = 25_000_000

// ErrEvent means that an event tells of no pull request's commit.
var ErrEvent = errors.New("no event of a pull request")

var (
	hash       = regexp.MustCompile(`^[0-9a-f]{40}(?:[0-9a-f]{24})?$`)
	repository = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)
)

// ReadEvent reads an event as GitHub Actions leaves it in GITHUB_EVENT_PATH: of
// workflow_run, after a run that a pull request set off, or of pull_request. Its
// errors wrap ErrEvent.
func ReadEvent(r io.Reader) (Head, error) {
	type source struct {
		FullName string `json:"full_name"`
	}
	var e struct {
		Run *struct {
			Event      string  `json:"event"`
			SHA        string  `json:"head_sha"`
			Branch     string  `json:"head_branch"`
			Repository *source `json:"head_repository"`
			URL        string  `json:"html_url"`
		} `json:"workflow_run"`
		PullRequest *struct {
			Number int `json:"number"`
			Head   struct {
				SHA        string  `json:"sha"`
				Branch     string  `json:"ref"`
				Repository *source `json:"repo"`
			} `json:"head"`
		} `json:"pull_request"`
	}
	if err := json.NewDecoder(io.LimitReader(r, maxEvent)).Decode(&e); err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	var head Head
	var from *source
	switch run, pull := e.Run, e.PullRequest; {
	case run != nil && run.Event != "pull_request":
		return head, fmt.Errorf("%w: the run was set off by %q: let the job be for pull_request alone, by if: github.event.workflow_run.event == 'pull_request'", ErrEvent, run.Event)
	case run != nil:
		head, from = Head{SHA: run.SHA, Branch: run.Branch, Run: run.URL}, run.Repository
	case pull != nil && pull.Number < 1:
		return head, fmt.Errorf("%w: pull_request.number: %d", ErrEvent, pull.Number)
	case pull != nil:
		head, from = Head{SHA: pull.Head.SHA, Branch: pull.Head.Branch, Number: pull.Number}, pull.Head.Repository
	default:
		return head, fmt.Errorf("%w: it is neither of workflow_run nor of pull_request", ErrEvent)
	}
	if from != nil { // else the fork is gone
		head.Repository = from.FullName
	}
	return head, head.check()
}

// check is for events that somebody wrote by hand: GitHub's are as they should be.
func (h Head) check() error {
	switch {
	case !hash.MatchString(h.SHA):
		return fmt.Errorf("%w: %.80q is no commit", ErrEvent, h.SHA)
	case h.Repository != "" && !repository.MatchString(h.Repository):
		return fmt.Errorf("%w: %.80q is no repository", ErrEvent, h.Repository)
	case h.Number == 0 && h.Branch == "":
		return fmt.Errorf("%w: it names no branch", ErrEvent)
	case h.Run != "":
		if u, err := url.Parse(h.Run); err != nil || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(h.Run, " \t\r\n()<>") {
			return fmt.Errorf("%w: %.80q is no address of a run", ErrEvent, h.Run)
		}
	}
	return nil
}
