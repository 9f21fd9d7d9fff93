package docker

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

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

// fixtureImage builds an image that holds the fixture, and removes it after
// the test.
func fixtureImage(t testing.TB, lines ...string) string {
	t.Helper()
	r := engine(t, Options{})
	ref := runnertest.FixtureImage(t, r, lines...)
	t.Cleanup(func() {
		_, err := r.cli.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true})
		if err := errors.Join(err, r.Close()); err != nil {
			t.Error(err)
		}
	})
	return ref
}

// left lists this process's containers.
func left(t testing.TB) []string {
	t.Helper()
	r := engine(t, Options{})
	defer func() { _ = r.Close() }()
	list, err := r.cli.ContainerList(context.Background(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", runner.OwnerLabel+"="+runner.Self().String())),
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list {
		names = append(names, strings.Join(c.Names, " ")+" "+c.Status)
	}
	return names
}

func bench(ref string, opts Options) runnertest.Bench {
	return runnertest.Bench{
		New: func(t testing.TB) runner.Runner { return engine(t, opts) },
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
		Left: left,
	}
}

func TestConformance(t *testing.T) {
	runnertest.Conformance(t, bench(fixtureImage(t, "EXPOSE 8080"), Options{}))
}

func BenchmarkReady(b *testing.B) {
	runnertest.BenchmarkReady(b, bench(fixtureImage(b, "EXPOSE 8080"), Options{}))
}
