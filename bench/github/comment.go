package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Comment is one on a pull request.
type Comment struct {
	ID   int64  `json:"id"`
	URL  string `json:"html_url"`
	Body string `json:"body"`
	User *struct {
		Login string `json:"login"`
	} `json:"user"` // nil where the account is gone
}

// mostPages of a hundred comments each are looked through.
const mostPages = 100

// Put writes a comment: in the place of the one that author wrote and that has
// the marker as one of its lines, else as a new one. What others have written is
// left alone, whatever it says. It reports whether it was updated.
func (c *Client) Put(ctx context.Context, number int, author, marker, body string) (written Comment, updated bool, err error) {
	own, err := c.find(ctx, number, author, marker)
	if err != nil {
		return written, false, err
	}
	in := map[string]string{"body": body}
	if own != nil {
		err := c.ask(ctx, http.MethodPatch, fmt.Sprintf("/issues/comments/%d", own.ID), in, &written)
		var e *Error
		if !errors.As(err, &e) || e.Status != http.StatusNotFound { // else it was removed meanwhile
			return written, err == nil, err
		}
	}
	err = c.ask(ctx, http.MethodPost, fmt.Sprintf("/issues/%d/comments", number), in, &written)
	return written, false, err
}

// find is the first comment of author's with the marker, nil where there is none.
func (c *Client) find(ctx context.Context, number int, author, marker string) (*Comment, error) {
	for page := 1; page <= mostPages; page++ {
		var comments []Comment
		if err := c.ask(ctx, http.MethodGet, fmt.Sprintf("/issues/%d/comments?per_page=100&page=%d", number, page), nil, &comments); err != nil {
			return nil, err
		}
		for i, x := range comments {
			if x.User != nil && strings.EqualFold(x.User.Login, author) && has(x.Body, marker) {
				return &comments[i], nil
			}
		}
		if len(comments) == 0 {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("GitHub: pull request %d has over %d comments, and which of them is ours was not found", number, 100*mostPages)
}

// has reports whether a line of a comment is the marker.
func has(body, marker string) bool {
	return slices.ContainsFunc(strings.Split(body, "\n"), func(line string) bool {
		return strings.TrimRight(line, "\r ") == marker
	})
}
