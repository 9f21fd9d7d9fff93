package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	dockerimage "github.com/docker/docker/api/types/image"

	"mlbench/runner"
	"mlbench/runner/image"
)

var builders = []runner.BuildWith{runner.BuildKit, runner.Classic}

// dangling are the images of the engine that have no name.
func dangling(t *testing.T, r *Runner) []string {
	t.Helper()
	images, err := r.cli.ImageList(t.Context(), dockerimage.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("dangling", "true"))})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range images {
		ids = append(ids, i.ID)
	}
	return ids
}

// leavesNothing runs a build and removes what it made. Other tests use the
// engine too: only what bears the build's own mark is looked for.
func leavesNothing(t *testing.T, r *Runner, mark string, build func()) {
	t.Helper()
	build()
	for _, id := range dangling(t, r) {
		history, err := r.cli.ImageHistory(t.Context(), id)
		for _, h := range history {
			if err == nil && strings.Contains(h.CreatedBy, mark) {
				t.Errorf("image %s is left, of %s", id, h.CreatedBy)
			}
		}
	}
	containers, err := r.cli.ContainerList(t.Context(), container.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers {
		if strings.Contains(c.Command, mark) {
			t.Errorf("container %s is left, of %s", c.ID, c.Command)
		}
	}
	for _, description := range records(t, r) {
		if strings.Contains(description, mark) {
			t.Errorf("in the build cache is left: %s", description)
		}
	}
}

func records(t *testing.T, r *Runner) []string {
	t.Helper()
	records, err := r.cacheRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var descriptions []string
	for _, record := range records {
		descriptions = append(descriptions, record.Description)
	}
	return descriptions
}

func onlyDockerfile(dockerfile string) fstest.MapFS {
	return fstest.MapFS{"Dockerfile": {Data: []byte(dockerfile)}}
}

func TestFreshBuild(t *testing.T) {
	const base = "mlbench/base:bookworm"
	r := closing(t, Options{})
	needImage(t, r, base)
	for _, with := range builders {
		t.Run(string(with), func(t *testing.T) {
			ref, mark := fmt.Sprintf("mlbench-test:%s-%s", r.session, with), "mark-"+r.session+string(with)
			build := func(steps ...string) (runner.Built, error) {
				return r.Build(t.Context(), runner.Build{
					Context: onlyDockerfile("FROM " + base + " AS one\nRUN echo " + mark + " > /f\nFROM " + base + "\n" + strings.Join(steps, "\n")),
					Tag:     ref, With: with, Fresh: true, Passing: true, Args: map[string]string{"A": "value"},
				})
			}
			var ids []string
			leavesNothing(t, r, mark, func() {
				for range 2 {
					built, err := build("ARG A", "COPY --from=one /f /", "RUN [ $A = value ] && date +%N"+mark+" > /g")
					if err != nil {
						t.Fatal(err)
					}
					info, err := r.inspectImage(t.Context(), ref)
					if err != nil || info.ID != built.ID || built.With != with || built.Version == "" {
						t.Fatalf("%+v is %s, %v", built, info.ID, err)
					}
					ids = append(ids, built.ID)
					if err := r.RemoveImage(ref); err != nil {
						t.Fatal(err)
					}
				}
			})
			if ids[0] == ids[1] {
				t.Error("the second build came from the cache")
			}
			leavesNothing(t, r, mark, func() {
				_, err := build("RUN echo " + mark + "; exit 3")
				if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "RUN echo "+mark) || !strings.Contains(err.Error(), "\n    "+mark) {
					t.Errorf("the error does not tell of the step and what it said: %v", err)
				}
			})
			if _, err := build("WHAT"); !errors.Is(err, runner.ErrUsage) {
				t.Errorf("no error of the Dockerfile: %v", err)
			}
			leavesNothing(t, r, mark, func() {
				ctx, cancel := context.WithCancel(t.Context())
				noted := make(chan string, 100)
				r.opts.Notify = func(line string) { noted <- line }
				defer func() { r.opts.Notify = func(string) {} }()
				go func() {
					for line := range noted {
						if strings.Contains(line, "sleep") {
							time.Sleep(200 * time.Millisecond) // a container that runs, if it is there by then
							cancel()
						}
					}
				}()
				defer close(noted)
				_, err := r.Build(ctx, runner.Build{
					Context: onlyDockerfile("FROM " + base + "\nRUN echo " + mark + " > /f\nRUN sleep 300; echo " + mark), Tag: ref, With: with, Fresh: true,
				})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("interrupted: %v", err)
				}
				eventually(t, func() error {
					containers, err := r.cli.ContainerList(t.Context(), container.ListOptions{All: true})
					for _, c := range containers {
						if strings.Contains(c.Command, mark) {
							return fmt.Errorf("container %s runs %s", c.ID, c.Command)
						}
					}
					return err
				})
			})
		})
	}
}

// eventually waits for what the engine does by itself.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	err := check()
	for begin := time.Now(); err != nil && time.Since(begin) < time.Minute; err = check() {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestBuildContext: what is in a folder comes as it is, but for what is
// ignored.
func TestBuildContext(t *testing.T) {
	r := closing(t, Options{})
	folder := t.TempDir()
	for path, content := range map[string]string{
		"build/my.Dockerfile": "FROM scratch\nCOPY . /\n", ".dockerignore": "build\n*.tmp\n!keep.tmp\n",
		"sub/file": "1", "a.tmp": "2", "keep.tmp": "3", "sub/private": "4",
	} {
		path = filepath.Join(folder, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Mkdir(filepath.Join(folder, "empty"), 0o750), os.Symlink("sub/file", filepath.Join(folder, "link")),
		os.Chmod(filepath.Join(folder, "empty"), 0o750), os.Chmod(filepath.Join(folder, "sub/private"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, with := range builders {
		t.Run(string(with), func(t *testing.T) {
			ref := fmt.Sprintf("mlbench-test:context-%s-%s", r.session, with)
			_, err := r.Build(t.Context(), runner.Build{Context: os.DirFS(folder), Dockerfile: "build/my.Dockerfile", Tag: ref, With: with, Fresh: true, Passing: true})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := r.RemoveImage(ref); err != nil {
					t.Error(err)
				}
				if _, err := r.inspectImage(context.Background(), ref); !cerrdefs.IsNotFound(err) {
					t.Errorf("%s is still there: %v", ref, err)
				}
			}()
			x, err := r.Index(t.Context(), ref, image.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range x.Files {
				if f.Path != "" && f.Path != "build" && f.Path != "build/my.Dockerfile" && f.Path != ".dockerignore" { // which the engine may get
					got = append(got, fmt.Sprintf("%s %d %o%s", f.Path, f.Kind, f.Mode.Perm(), f.Link))
				}
			}
			if want := []string{"empty 1 750", "keep.tmp 0 644", "link 2 777sub/file", "sub 1 755", "sub/file 0 644", "sub/private 0 600"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
