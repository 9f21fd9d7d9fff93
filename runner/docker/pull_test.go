package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/google/go-containerregistry/pkg/registry"

	"mlbench/runner"
)

// slow makes what it passes on take some seconds, as a pull through a real
// network does.
type slow struct{ http.ResponseWriter }

func (s slow) Write(p []byte) (int, error) {
	const most = 64 << 10
	written := 0
	for chunk := range slices.Chunk(p, most) {
		time.Sleep(20 * time.Millisecond)
		n, err := s.ResponseWriter.Write(chunk)
		written += n
		if err != nil {
			return written, err
		}
		s.ResponseWriter.(http.Flusher).Flush()
	}
	return written, nil
}

func TestPull(t *testing.T) {
	t.Parallel()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodGet && strings.Contains(q.URL.Path, "/blobs/") {
			w = slow{w}
		}
		handler.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://") // engines need no TLS for 127.0.0.0/8

	var mu sync.Mutex
	var notes []string
	r := closing(t, Options{Notify: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, line)
	}})
	ref := host + "/mlbench-test/pulled:1"
	push(t, r, ref)
	notes = nil

	c, err := r.Prepare(t.Context(), runner.Candidate{Ref: ref})
	t.Cleanup(func() {
		_, _ = r.cli.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 8080 || c.Digest == "" {
		t.Errorf("prepared %+v", c)
	}
	if len(notes) < 2 || notes[0] != "image "+ref+" is not here: pulling it" || !strings.Contains(notes[len(notes)-1], " MB of ") {
		t.Errorf("notes %q", notes)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	removeImage(t, r, ref)
	time.AfterFunc(200*time.Millisecond, func() { cancel(errTest) })
	if _, err := r.Prepare(ctx, runner.Candidate{Ref: ref}); !errors.Is(err, errTest) {
		t.Errorf("cancelled in the middle of a pull: %v", err)
	}

	for _, test := range []struct{ ref, told string }{
		{host + "/mlbench-test/absent:1", "name unknown"},
		{"no-such-registry.invalid/x:1", "no-such-registry.invalid"},
	} {
		_, err := r.Prepare(t.Context(), runner.Candidate{Ref: test.ref})
		if !errors.Is(err, runner.ErrEnvironment) {
			t.Errorf("%s: error %v", test.ref, err)
			continue
		}
		for _, want := range []string{"image " + test.ref + " is not here", test.told} {
			if !strings.Contains(strings.ToLower(err.Error()), want) {
				t.Errorf("%s: error %v, want %q in it", test.ref, err, want)
			}
		}
	}
}

var errTest = errors.New("interrupted by the test")

// push makes an image that the engine has no layer of, and leaves it in a
// registry alone.
func push(t *testing.T, r *Runner, ref string) {
	t.Helper()
	blob := make([]byte, 12<<20)
	for i := range blob {
		blob[i] = byte(rand.Uint32())
	}
	_, err := r.Build(t.Context(), runner.Build{Tag: ref, Context: fstest.MapFS{
		"Dockerfile": {Data: []byte("FROM scratch\nCOPY blob /blob\nEXPOSE 8080\nCMD [\"/blob\"]")},
		"blob":       {Data: blob},
	}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.cli.ImagePush(t.Context(), ref, image.PushOptions{RegistryAuth: "e30="}) // {}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	err = messages(answer, func(err error) error { return err }, func(jsonmessage.JSONMessage) {})
	if err != nil {
		t.Fatal(err)
	}
	removeImage(t, r, ref)
}

func removeImage(t *testing.T, r *Runner, ref string) {
	t.Helper()
	if _, err := r.cli.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true}); err != nil {
		t.Fatal(err)
	}
}

func TestMessages(t *testing.T) {
	failed := func(err error) error { return err }
	for stream, want := range map[string]string{
		"":                             "",
		`{"stream":"a"}{"stream":"b"}`: "",
		`{"stream":"a"}{"errorDetail":{"message":"no"},"error":"no"}`: "no",
		`{"stream":"a`: "unexpected EOF",
		`<html>`:       "invalid character",
	} {
		err := messages(bytes.NewReader([]byte(stream)), failed, func(jsonmessage.JSONMessage) {})
		if got := errText(err); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%s: %q, want %q", stream, got, want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
