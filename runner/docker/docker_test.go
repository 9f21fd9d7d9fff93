package docker

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

const startTimeout = 30 * time.Second

// engine makes a Runner on the engine of this machine. Without one the test is
// skipped, or fails where MLBENCH_REQUIRE_ENGINE says that there has to be one.
func engine(t testing.TB, opts Options) *Runner {
	t.Helper()
	r, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Host(t.Context()); err != nil {
		_ = r.Close()
		if os.Getenv("MLBENCH_REQUIRE_ENGINE") != "" {
			t.Fatal(err)
		}
		t.Skip("needs an engine: ", err)
	}
	return r
}

// needImage skips a test where an image has not been built (make images), or
// fails it where MLBENCH_REQUIRE_ENGINE says that CI has.
func needImage(t testing.TB, r *Runner, ref string) {
	t.Helper()
	_, err := r.inspectImage(t.Context(), ref)
	switch {
	case err == nil:
	case os.Getenv("MLBENCH_REQUIRE_ENGINE") != "":
		t.Fatal(err)
	default:
		t.Skip("needs the scenario's images: ", err)
	}
}

// closing is engine for a test that needs one Runner, which it closes.
func closing(t testing.TB, opts Options) *Runner {
	t.Helper()
	r := engine(t, opts)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// fixtureImage builds an image that holds the fixture, and removes it after
// the test.
func fixtureImage(t testing.TB, lines ...string) string {
	t.Helper()
	r := engine(t, Options{})
	ref := runnertest.FixtureImage(t, r, lines...)
	t.Cleanup(func() {
		_, err := r.cli.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true})
		if err := errors.Join(err, r.Close()); err != nil {
			t.Error(err)
		}
	})
	return ref
}

// left lists the containers of these sessions.
func left(t testing.TB, sessions ...string) []string {
	t.Helper()
	r := engine(t, Options{})
	defer func() { _ = r.Close() }()
	var names []string
	for _, session := range sessions {
		list, err := r.cli.ContainerList(context.Background(), container.ListOptions{
			All: true, Filters: filters.NewArgs(filters.Arg("label", LabelSession+"="+session)),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			names = append(names, strings.Join(c.Names, " ")+" "+c.Status)
		}
	}
	return names
}

func bench(ref string, opts Options) runnertest.Bench {
	var sessions []string
	return runnertest.Bench{
		New: func(t testing.TB) runner.Runner {
			r := engine(t, opts)
			sessions = append(sessions, r.session)
			return r
		},
		Candidate: func(_ testing.TB, truth runnertest.Truth, flags ...string) runner.Candidate {
			c := runner.Candidate{Name: "fixture", Ref: ref, Args: flags}
			if truth != "" {
				c.Volumes = []string{string(truth) + ":/truth"}
				c.Args = append(c.Args, "-truth", "/truth")
			}
			return c
		},
		Missing: func(testing.TB) runner.Candidate {
			return runner.Candidate{Name: "missing", Ref: ref, Entrypoint: "/no-such-program"}
		},
		Proxied: opts.Published,
		Left:    func(t testing.TB) []string { return left(t, sessions...) },
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	runnertest.Conformance(t, bench(fixtureImage(t, "EXPOSE 8080"), Options{}))
}

func TestConformancePublished(t *testing.T) {
	t.Parallel()
	runnertest.Conformance(t, bench(fixtureImage(t, "EXPOSE 8080"), Options{Published: true}))
}

func BenchmarkReady(b *testing.B) {
	runnertest.BenchmarkReady(b, bench(fixtureImage(b, "EXPOSE 8080"), Options{}))
}
