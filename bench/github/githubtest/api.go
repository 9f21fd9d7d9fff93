// Package githubtest is a stand-in for the parts of GitHub's REST API that a
// comment on a pull request takes, for tests: nothing of it has been held
// against GitHub itself.
package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"unicode/utf8"
)

// An API has the comments and pull requests of one repository.
type API struct {
	URL   string
	Token string // that is asked for

	mu       sync.Mutex
	repo     string
	pulls    []Pull
	comments map[int][]Comment
	next     int64
	answers  []Answer
	requests []string
}

// A Pull is an open pull request.
type Pull struct {
	Number            int
	SHA, Branch       string
	Owner, Repository string // of the head: owner, and owner/name
	Gone              bool   // its fork is gone
}

// A Comment is one on a pull request.
type Comment struct {
	ID          int64
	Login, Body string
}

// An Answer is one that the API gives instead of its own, once.
type Answer struct {
	Method string // of the request, "" for any
	Status int
	Body   string
	Header map[string]string
}

// New starts a stand-in for a repository, which the test ends.
func New(t testing.TB, repo string, pulls ...Pull) *API {
	a := &API{Token: "token-of-the-job", repo: repo, pulls: pulls, comments: make(map[int][]Comment), next: 1000}
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// Add puts a comment there.
func (a *API) Add(number int, login, body string) Comment {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	c := Comment{a.next, login, body}
	a.comments[number] = append(a.comments[number], c)
	return c
}

// Comments are those on a pull request.
func (a *API) Comments(number int) []Comment {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Comment(nil), a.comments[number]...)
}

// Say has the next requests answered so.
func (a *API) Say(answers ...Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers = append(a.answers, answers...)
}

// Requests are all that were made so far, e.g. "GET /repos/a/b/pulls".
func (a *API) Requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.requests...)
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, r.Method+" "+r.URL.Path)
	if len(a.answers) > 0 && (a.answers[0].Method == "" || a.answers[0].Method == r.Method) {
		answer := a.answers[0]
		a.answers = a.answers[1:]
		for k, v := range answer.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(answer.Status)
		_, _ = io.WriteString(w, answer.Body)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+a.Token {
		a.refuse(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	mux := http.NewServeMux()
	at := "/repos/" + a.repo
	mux.HandleFunc("GET "+at+"/pulls", a.list)
	mux.HandleFunc("GET "+at+"/issues/{number}/comments", a.page)
	mux.HandleFunc("POST "+at+"/issues/{number}/comments", a.create)
	mux.HandleFunc("PATCH "+at+"/issues/comments/{id}", a.update)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { a.refuse(w, http.StatusNotFound, "Not Found") })
	mux.ServeHTTP(w, r)
}

func (a *API) refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	a.tell(w, map[string]string{"message": message})
}

func (a *API) tell(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

// list filters by head as GitHub does, which knows the owner and no name of a
// repository there.
func (a *API) list(w http.ResponseWriter, r *http.Request) {
	found := []any{}
	for _, p := range a.pulls {
		if want := r.URL.Query().Get("head"); want != p.Owner+":"+p.Branch {
			continue
		}
		head := map[string]any{"sha": p.SHA, "ref": p.Branch, "repo": nil}
		if !p.Gone {
			head["repo"] = map[string]any{"full_name": p.Repository}
		}
		found = append(found, map[string]any{"number": p.Number, "state": "open", "head": head})
	}
	a.tell(w, found)
}

func (a *API) page(w http.ResponseWriter, r *http.Request) {
	number, _ := strconv.Atoi(r.PathValue("number"))
	per, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	per, page = max(1, min(per, 100)), max(1, page)
	all := a.comments[number]
	found := []any{}
	for i := (page - 1) * per; i < min(page*per, len(all)); i++ {
		found = append(found, a.shown(all[i]))
	}
	a.tell(w, found)
}

func (a *API) shown(c Comment) any {
	return map[string]any{
		"id": c.ID, "body": c.Body, "html_url": fmt.Sprintf("https://github.example/%s/comment/%d", a.repo, c.ID),
		"user": map[string]any{"login": c.Login},
	}
}

// body is what a request wants a comment to say. GitHub takes 65,536 characters.
func (a *API) body(w http.ResponseWriter, r *http.Request) (string, bool) {
	var in struct {
		Body string `json:"body"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Body == "" {
		a.refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return "", false
	}
	if utf8.RuneCountInString(in.Body) > 65_536 {
		a.refuse(w, http.StatusUnprocessableEntity, "Validation Failed: body is too long (maximum is 65536 characters)")
		return "", false
	}
	return in.Body, true
}

func (a *API) create(w http.ResponseWriter, r *http.Request) {
	number, _ := strconv.Atoi(r.PathValue("number"))
	text, ok := a.body(w, r)
	if !ok {
		return
	}
	a.next++
	c := Comment{a.next, "github-actions[bot]", text}
	a.comments[number] = append(a.comments[number], c)
	w.WriteHeader(http.StatusCreated)
	a.tell(w, a.shown(c))
}

func (a *API) update(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	text, ok := a.body(w, r)
	if !ok {
		return
	}
	for _, comments := range a.comments {
		for i := range comments {
			if comments[i].ID == id {
				comments[i].Body = text
				a.tell(w, a.shown(comments[i]))
				return
			}
		}
	}
	a.refuse(w, http.StatusNotFound, "Not Found")
}
