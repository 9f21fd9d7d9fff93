package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
	"mlbench/scenarios"
)

// checklist are the mistakes that many first images have: each is there in one
// variant of a scenario and gone in another, and inspect says so.
var checklist = []struct {
	mistake                 string
	scenario, before, after string
	finding                 string // its id
	inDockerfile, inImage   bool   // where it shows
}{
	{"a full OS image", "os-hygiene", "naive", "clean", "full-os", false, true},
	{"build tools in the final image", "fastapi-sklearn", "naive", "optimized", "build-tools", true, true},
	{"unpinned versions", "locked-install", "loose", "locked", "unpinned", true, false},
	{"dependencies after source", "fastapi-sklearn", "naive", "optimized", "cache-order", true, true},
	{"CUDA mismatch", "cuda-mismatch", "mismatched", "matched", "cuda-mismatch", false, true},
	{"apt lists left", "os-hygiene", "naive", "same-layer", "package-lists", true, true},
	{"apt lists removed by a later layer", "os-hygiene", "later", "same-layer", "package-lists", true, true},
	{"what is not needed removed by a later layer", "os-hygiene", "later", "same-layer", "removed-files", false, true},
	{"recommended packages", "os-hygiene", "naive", "same-layer", "recommended-packages", true, true},
	{"manuals and translations", "os-hygiene", "naive", "same-layer", "documentation", false, true},
	{"no .dockerignore", "os-hygiene", "same-layer", "clean", "context-junk", true, true},
	{"root", "fastapi-sklearn", "naive", "optimized", "root", true, true},
}

// The Dockerfiles are checked without an engine.
func TestChecklistInDockerfiles(t *testing.T) {
	for _, row := range checklist {
		if !row.inDockerfile && !row.inImage {
			t.Errorf("%s is said to show nowhere", row.mistake)
		}
		for variant, want := range map[string]bool{row.before: row.inDockerfile, row.after: false} {
			if got := slices.Contains(inDockerfile(t, row.scenario, variant), row.finding); got != want {
				t.Errorf("%s: %s in the Dockerfile of %s:%s: %t, want %t", row.mistake, row.finding, row.scenario, variant, got, want)
			}
		}
	}
}

// What inspect says of the built images, with their Dockerfiles where the mistake
// shows in these.
func TestChecklistInImages(t *testing.T) {
	needEngine(t)
	found := make(map[string][]string)
	for _, row := range checklist {
		for _, variant := range []string{row.before, row.after} {
			tag := row.scenario + ":" + variant
			if _, ok := found[tag]; !ok {
				needScenario(t, tag)
				found[tag] = inspected(t, row.scenario, variant)
			}
			want := variant == row.before
			if got := slices.Contains(found[tag], row.finding); got != want {
				t.Errorf("%s: %s in %s: %t, want %t; it has %q", row.mistake, row.finding, tag, got, want, found[tag])
			}
		}
		if !row.inImage {
			continue
		}
		if got := inspect(t, row.scenario+":"+row.before); !slices.Contains(got, row.finding) {
			t.Errorf("%s: %s does not show in %s:%s without its Dockerfile, which has %q", row.mistake, row.finding, row.scenario, row.before, got)
		}
	}
}

func inDockerfile(t *testing.T, name, variant string) []string {
	t.Helper()
	files := variantContext(t, name, variant)
	f, err := files.Open("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	findings, err := dockerfile.Check(f, "Dockerfile", files)
	if err != nil {
		t.Fatal(err)
	}
	return ids(findings)
}

func ids(findings []image.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.ID)
	}
	return all
}

// inspected are the findings of mlbench inspect on an image and its Dockerfile.
func inspected(t *testing.T, name, variant string) []string {
	t.Helper()
	s, err := scenarios.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := s.Export(dir); err != nil {
		t.Fatal(err)
	}
	return inspect(t, name+":"+variant, "--dockerfile", filepath.Join(dir, variant, "Dockerfile"))
}

func inspect(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("mlbench", append([]string{"inspect", "--format", "json"}, args...)...).Output()
	if err != nil {
		t.Fatalf("mlbench inspect %q: %v", args, err)
	}
	var r image.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return ids(r.Findings)
}
