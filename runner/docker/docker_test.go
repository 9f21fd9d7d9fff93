package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

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

// fixtureImage imports an image that holds the fixture and nothing else, and
// removes it after the test.
func fixtureImage(t testing.TB, changes ...string) string {
	t.Helper()
	r := engine(t, Options{})
	program, err := os.ReadFile(runnertest.Fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, err := range []error{
		w.WriteHeader(&tar.Header{Name: "fixture", Mode: 0o755, Size: int64(len(program)), ModTime: time.Unix(1, 0)}),
		func() error { _, err := w.Write(program); return err }(),
		w.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ref := fmt.Sprintf("mlbench-test/fixture:%d-%d", os.Getpid(), time.Now().UnixNano())
	failed := func(err error) error { return err }
	answer, err := r.cli.ImageImport(t.Context(), image.ImportSource{Source: &b, SourceName: "-"}, ref,
		image.ImportOptions{Changes: append([]string{`ENTRYPOINT ["/fixture"]`}, changes...)})
	if err != nil {
		t.Fatal(err)
	}
	if err := messages(answer, failed, func(jsonmessage.JSONMessage) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := r.cli.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true})
		if err := errors.Join(err, r.Close()); err != nil {
			t.Error(err)
		}
	})
	return ref
}

// left lists this process's containers.
func left(t *testing.T) []string {
	t.Helper()
	r := engine(t, Options{})
	defer func() { _ = r.Close() }()
	list, err := r.cli.ContainerList(context.Background(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", LabelOwner+"="+runner.Self().String())),
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
		New: func(t *testing.T) runner.Runner { return engine(t, opts) },
		Candidate: func(_ *testing.T, truth runnertest.Truth, flags ...string) runner.Candidate {
			c := runner.Candidate{Name: "fixture", Ref: ref, Args: flags}
			if truth != "" {
				c.Volumes = []string{string(truth) + ":/truth"}
				c.Args = append(c.Args, "-truth", "/truth")
			}
			return c
		},
		Missing: func(*testing.T) runner.Candidate {
			return runner.Candidate{Name: "missing", Ref: ref, Entrypoint: "/no-such-program"}
		},
		Left: left,
	}
}

func TestConformance(t *testing.T) {
	runnertest.Conformance(t, bench(fixtureImage(t, "EXPOSE 8080"), Options{}))
}
