package docker

import (
	"slices"
	"testing"

	"mlbench/runner/image"
)

// TestChecksOfScenario asks the images of the scenario: what the naive one does
// wrong on purpose has to be found, and the optimized one has to be free of it.
func TestChecksOfScenario(t *testing.T) {
	r := closing(t, Options{})
	wrong := []string{
		"build-tools", "recommended-packages", "package-lists", "rewritten-files", "cache-order", "root", "no-healthcheck", "context-junk",
	}
	found := make(map[string]image.Finding)
	x, o := scenarioImage(t, r, naive)
	var sum int64
	for _, f := range image.Check(x, o) {
		found[f.ID] = f
		sum += f.Bytes
	}
	for _, id := range wrong {
		if found[id].ID == "" {
			t.Errorf("%s: no %s", naive, id)
		}
	}
	if sum > x.UnpackedBytes() {
		t.Errorf("findings have %d bytes, the image %d", sum, x.UnpackedBytes())
	}
	// The same sums as those of the reasons, less what hidden copies have.
	for _, reason := range x.Reasons(o) {
		for name, id := range map[string]string{image.ReasonToolchain: "build-tools", image.ReasonRecommended: "recommended-packages"} {
			if reason.Name == name && found[id].Bytes != reason.Bytes-reason.Wasted {
				t.Errorf("%s has %d bytes, %s %d", id, found[id].Bytes, name, reason.Bytes-reason.Wasted)
			}
		}
	}

	const optimized = "fastapi-sklearn:optimized"
	x, o = scenarioImage(t, r, optimized)
	for _, f := range image.Check(x, o) {
		if slices.Contains(wrong, f.ID) || f.Severity == image.High || f.Severity == image.Medium {
			t.Errorf("%s: %s, %s, %q", optimized, f.ID, f.Title, f.Evidence)
		}
	}
}

// BenchmarkCheck asks an image of 60,000 files.
func BenchmarkCheck(b *testing.B) {
	r := engine(b, Options{})
	x, o := scenarioImage(b, r, naive)
	for b.Loop() {
		image.Check(x, o)
	}
	b.ReportMetric(float64(len(x.Files)), "files")
	if err := r.Close(); err != nil {
		b.Error(err)
	}
}
