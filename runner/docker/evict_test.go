package docker

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// dataSize is the length of the file /data in an unsharedImage.
const dataSize = 16 << 20

// unsharedImage holds a fixture of its own: the layer of the other one may be
// in use by tests of other packages at the same time, and what is in use
// cannot be dropped.
func unsharedImage(t *testing.T) string {
	t.Helper()
	program, err := os.ReadFile(runnertest.Fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	r := closing(t, Options{})
	ref := "mlbench-test/unshared:" + r.session
	_, err = r.Build(t.Context(), runner.Build{Tag: ref, Context: fstest.MapFS{
		"Dockerfile": {Data: fmt.Appendf(nil, "FROM scratch\nCOPY fixture data /\nENTRYPOINT [\"/fixture\"]\nEXPOSE 8080\nLABEL %s=%q", runner.OwnerLabel, runner.Self())},
		"fixture":    {Data: append(program, rand.Text()...), Mode: 0o755},
		"data":       {Data: make([]byte, dataSize), Mode: 0o644},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeImage(t, r, ref) })
	return ref
}

func TestEvict(t *testing.T) {
	r := closing(t, Options{})
	ctx := t.Context()
	c, err := r.Prepare(ctx, runner.Candidate{Name: "fixture", Ref: unsharedImage(t)})
	if err != nil {
		t.Fatal(err)
	}
	how, err := r.CanEvict(ctx, []runner.Candidate{c})
	if err != nil || !how.Proved {
		t.Skipf("needs root on the engine's host: %+v, %v", how, err)
	}
	resident := func() float64 {
		t.Helper()
		got, err := r.Resident(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if still, err := r.StillResident(ctx, c); err != nil || still != got {
			t.Errorf("residency %+v, and in the same files %+v, %v", got, still, err)
		}
		if got.Total < 1e6 || got.Resident > got.Total {
			t.Errorf("residency %+v", got)
		}
		return got.Share()
	}
	evict := func() float64 {
		t.Helper()
		stayed, err := r.Evict(ctx, []runner.Candidate{c, c})
		if err != nil || len(stayed) != 2 {
			t.Fatalf("%+v, %v", stayed, err)
		}
		if share := resident(); stayed[0] != stayed[1] || share != stayed[0].Share() {
			t.Errorf("%+v stayed, and %.2f %% are resident", stayed, 100*share)
		}
		return stayed[0].Share()
	}
	ready(t, start(t, r, c))
	if share := resident(); share < 0.05 {
		t.Errorf("after a start %.1f %% are resident", 100*share)
	}
	if share := evict(); share >= 0.01 {
		t.Errorf("after the eviction %.1f %% are resident", 100*share)
	}
	ready(t, start(t, r, c)) // cold, it starts all the same

	// What another container of the image has mapped cannot be dropped.
	other, err := r.cli.ContainerCreate(ctx, &container.Config{Image: c.Digest, Labels: r.labels()}, nil, nil, nil, "mlbench-"+r.session+"-other")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.removeContainer(ctx, other.ID); err != nil {
			t.Error(err)
		}
	}()
	if err := r.cli.ContainerStart(ctx, other.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	running(t, r, r.session)
	if share := evict(); share < 0.01 {
		t.Errorf("with a container running %.1f %% are resident", 100*share)
	}
}

// Where layer folders cannot be read, a helper container drops the cache.
func TestEvictThroughHelper(t *testing.T) {
	r := engine(t, Options{})
	if !r.local {
		t.Skip("needs an engine on this host")
	}
	ctx := t.Context()
	c, err := r.Prepare(ctx, runner.Candidate{Name: "fixture", Ref: unsharedImage(t)})
	if err != nil {
		t.Fatal(err)
	}
	witness := closing(t, Options{})
	r.graph = "vfs"
	how, err := r.CanEvict(ctx, []runner.Candidate{c})
	if err != nil {
		t.Fatal(err)
	}
	if how.Proved || !strings.Contains(how.How, "helper container") {
		t.Errorf("%+v", how)
	}
	ready(t, start(t, r, c))
	if stayed, err := r.Evict(ctx, []runner.Candidate{c}); err != nil || stayed != nil {
		t.Fatalf("%+v, %v", stayed, err)
	}
	if got, err := witness.Resident(ctx, c); err == nil && got.Share() >= 0.01 {
		t.Errorf("after the eviction %.1f %% are resident", 100*got.Share())
	} else if err != nil && os.Getuid() == 0 {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if left := left(t, r.session); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	images, err := witness.cli.ImageList(ctx, image.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", LabelSession+"="+r.session))})
	if err != nil || len(images) > 0 {
		t.Errorf("left behind: %v, %v", images, err)
	}
}

func TestEvictRefuses(t *testing.T) {
	r := closing(t, Options{})
	r.local = false
	c := runner.Candidate{Name: "fixture", Digest: "sha256:0"}
	_, err := r.CanEvict(t.Context(), []runner.Candidate{c})
	if err == nil || !strings.Contains(err.Error(), "use --cold warm") {
		t.Errorf("CanEvict: %v", err)
	}
	if _, err := r.Resident(t.Context(), c); err == nil {
		t.Error("Resident knows of another host's pages")
	}
}
