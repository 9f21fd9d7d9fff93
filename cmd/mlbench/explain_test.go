package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"mlbench/bench"
	"mlbench/bench/explain"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/image"
)

const naive = "fastapi-sklearn:naive"

// The naive scenario image, where it was built: what is large of its imports is
// named, build-essential's packages are never touched, and what was touched is
// what fincore says.
func TestExplainScenario(t *testing.T) {
	needEngine(t)
	ctx := t.Context()
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := exec.Command("docker", "image", "inspect", naive).Run(); err != nil {
		lacking(t, "needs %s (make images): %v", naive, err)
	}
	spec := bench.DefaultSpec()
	spec.Pairs = 1
	result, err := bench.Experiment{
		Spec: spec, Runner: r, Candidates: []runner.Candidate{{Name: naive, Ref: naive}}, Unjudged: true,
	}.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found, err := explain.Explain(ctx, r, result, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	c := found.Candidates[0]
	if c.Imports == nil {
		t.Fatalf("no imports: %v", c.Missing)
	}
	var largest []string
	for _, p := range c.Imports.Packages {
		if p.Kind == explain.Installed {
			largest = append(largest, p.Name)
		}
	}
	// The largest on a quiet host; a test has none.
	if at := slices.Index(largest, "sklearn"); at < 0 || at > 2 {
		t.Errorf("sklearn is not among the largest imports: %v", largest[:5])
	}
	if c.Touched == nil {
		lacking(t, "what is touched cannot be told here: %v", c.Missing)
	}
	var tools []string
	for _, n := range c.Touched.Never {
		if n.Reason == image.ReasonToolchain {
			tools = n.Owners
		}
	}
	// What build-essential depends on. Whoever else uses the image's files in
	// this moment, as other tests do, touches some.
	missing := slices.DeleteFunc([]string{"gcc-12", "g++-12", "make", "libc6-dev", "dpkg-dev"}, func(name string) bool { return slices.Contains(tools, name) })
	if len(missing) > 3 || slices.Contains(missing, "gcc-12") {
		t.Errorf("%v are not named as tools that are never touched", missing)
	}
	if n := c.Touched.Ready.Bytes; n <= 0 || n > c.Touched.Bytes/2 {
		t.Errorf("%d of %d bytes touched", n, c.Touched.Bytes)
	}
	agreesWithFincore(t, r, result.Candidates[0])
}

// agreesWithFincore asks util-linux what of the image's layers is in memory.
func agreesWithFincore(t *testing.T, r *docker.Runner, c runner.Candidate) {
	t.Helper()
	if _, err := exec.LookPath("fincore"); err != nil {
		lacking(t, "needs fincore, of util-linux: %v", err)
	}
	folders, err := exec.Command("docker", "image", "inspect", "--format",
		"{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}", c.Digest).Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := r.ResidentFiles(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs int64
	for _, f := range files {
		ours += f.Resident
	}
	script := `IFS=:; for d in $1; do find "$d" -type f -size +0 -print0; done | xargs -0 fincore --bytes --noheadings --output RES,SIZE`
	out, err := exec.Command("sh", "-c", script, "sh", strings.TrimSpace(string(folders))).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var resident, size int64
		if _, err := fmt.Sscan(line, &resident, &size); err != nil {
			t.Fatal(err)
		}
		theirs += min(resident, size) // it counts whole pages
	}
	t.Logf("%d bytes in memory, and fincore says %d", ours, theirs)
	// It counts a file once by each of its names.
	if d := float64(theirs - ours); d > 0.05*float64(theirs) || -d > 0.05*float64(theirs) || ours == 0 {
		t.Errorf("%d bytes in memory, and fincore says %d", ours, theirs)
	}
}
