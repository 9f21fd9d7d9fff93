package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
)

func TestReap(t *testing.T) {
	r := closing(t, Options{})
	ctx := t.Context()
	ref := fixtureImage(t)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dead, foreign := runner.Self(), runner.Self()
	dead.PID = gone.Process.Pid
	foreign.PID, foreign.Host = dead.PID, "another-host"
	for _, test := range []struct {
		name, owner string
		stays       bool
	}{
		{"mlbench-dead-" + r.session, dead.String(), false},
		{"mlbench-living-" + r.session, runner.Self().String(), true},
		{"mlbench-foreign-" + r.session, foreign.String(), true},
		{"mlbench-garbled-" + r.session, "nobody", true},
		{"mine-" + r.session, dead.String(), true}, // a user's, made from one of ours
	} {
		t.Run(test.name, func(t *testing.T) {
			labels := map[string]string{runner.OwnerLabel: test.owner}
			created, err := r.cli.ContainerCreate(ctx, &container.Config{Image: ref, Labels: labels, Cmd: []string{"-listen-after", "1h"}}, nil, nil, nil, test.name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := r.removeContainer(context.Background(), created.ID); err != nil {
					t.Error(err)
				}
			})
			err = r.cli.ContainerStart(ctx, created.ID, container.StartOptions{})
			if err != nil && (test.stays || !cerrdefs.IsNotFound(err)) {
				t.Fatal(err)
			}
			imported := emptyImage(t, r, test.name+":1", test.owner)
			reaped, err := r.Reap(ctx)
			if err != nil {
				t.Fatal(err)
			}
			told := slices.Contains(reaped, "container "+test.name) && strings.Contains(strings.Join(reaped, "\n"), "image "+test.name+":1")
			_, noContainer := r.cli.ContainerInspect(ctx, created.ID)
			_, noImage := r.cli.ImageInspect(ctx, imported)
			if test.stays && (noContainer != nil || noImage != nil || told) {
				t.Errorf("removed: %v, %v, told %q", noContainer, noImage, reaped)
			}
			if !test.stays && (!cerrdefs.IsNotFound(noContainer) || !cerrdefs.IsNotFound(noImage)) {
				t.Errorf("still there: %v, %v", noContainer, noImage)
			}
			if !test.stays && !told {
				t.Logf("a test of another package removed it first; we %q", reaped)
			}
		})
	}
}

// emptyImage imports an image with an owner.
func emptyImage(t *testing.T, r *Runner, ref, owner string) string {
	t.Helper()
	var layer bytes.Buffer
	if err := tar.NewWriter(&layer).Close(); err != nil {
		t.Fatal(err)
	}
	answer, err := r.cli.ImageImport(t.Context(), image.ImportSource{Source: &layer, SourceName: "-"}, ref,
		image.ImportOptions{Changes: []string{fmt.Sprintf("LABEL %s=%q", runner.OwnerLabel, owner)}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	if err := messages(answer, func(err error) error { return err }, func(jsonmessage.JSONMessage) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.removeImage(ref); err != nil {
			t.Error(err)
		}
	})
	return ref
}

// Two who remove the same container both find it removed.
func TestRemoveTwice(t *testing.T) {
	r := closing(t, Options{})
	created, err := r.cli.ContainerCreate(t.Context(), &container.Config{Image: fixtureImage(t), Labels: r.labels()}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cli.ContainerStart(t.Context(), created.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	results := make(chan error)
	for range 3 {
		go func() { results <- r.removeContainer(context.Background(), created.ID) }()
	}
	for range 3 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
