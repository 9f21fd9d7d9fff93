package repro

import (
	"strings"
	"testing"

	"mlbench/runner"
	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
)

// Each remedy is for something that was found, and for nothing else.
func TestRemedies(t *testing.T) {
	graded := func(g image.ReproGrade) image.Reproduction { return image.Reproduction{Grade: g} }
	drifts := func(kinds ...image.OwnerKind) image.Reproduction {
		r := graded(image.OtherVersions)
		for _, kind := range kinds {
			r.Packages = append(r.Packages, image.PackageDrift{Kind: kind, Name: "p"})
		}
		return r
	}
	differs := graded(image.SameVersions)
	differs.Files = []image.FileDrift{{Path: "app/built-at"}}
	noisy := graded(image.SameVersions)
	noisy.Noise = []image.FileDrift{{Path: "var/log/dpkg.log"}, {Path: "var/log/apt/term.log"}, {Path: "a/__pycache__/b.pyc", Why: image.Bytecode}}

	for _, c := range []struct {
		name   string
		report Report
		want   []string // beginnings, in this order; nothing else
	}{
		{"same digest", Report{Reproduction: graded(image.SameDigest)}, nil},
		{"same layers of a build", Report{Reproduction: graded(image.SameLayers), Builder: &Builder{Name: runner.BuildKit}}, []string{"the digest: build with BuildKit"}},
		{"same layers of two images", Report{Reproduction: graded(image.SameLayers)}, nil},
		{"times", Report{Reproduction: graded(image.SameFiles)}, []string{"times in layers: "}},
		{"files", Report{Reproduction: differs}, []string{"look at what writes the files"}},
		{"logs once, and bytecode", Report{Reproduction: noisy}, []string{"remove logs and caches", "with SOURCE_DATE_EPOCH set, Python"}},
		{"noise that does not count", Report{Reproduction: noisy, IgnoreNoise: true}, nil},
		{"packages", Report{Reproduction: drifts(image.Dpkg, image.Dpkg, image.Pip)}, []string{"what apt installs", "what pip installs"}},
		{"packages that nothing pins", Report{Reproduction: drifts(image.Weights)}, nil},
		{
			"bases",
			Report{Reproduction: graded(image.SameDigest), Bases: []dockerfile.Base{
				{Ref: "debian:12@sha256:0", Pinned: true}, {Ref: "debian:12"}, {Ref: "docker/dockerfile:1", Syntax: true},
			}},
			[]string{"debian:12 is not pinned", "the Dockerfile is read by docker/dockerfile:1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := remedies(&c.report)
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i, begin := range c.want {
				if !strings.HasPrefix(got[i], begin) {
					t.Errorf("got %q, want %q…", got[i], begin)
				}
			}
		})
	}
}

// What a builder means for the grade is no promise that it cannot keep.
func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		with  runner.BuildWith
		epoch bool
		best  bool // whether it may be the same digest
	}{
		{runner.Classic, false, false}, {runner.Classic, true, false}, {runner.BuildKit, false, false}, {runner.BuildKit, true, true},
	} {
		if got := !strings.Contains(meaning(c.with, c.epoch), "grade 2 is the best there is"); got != c.best {
			t.Errorf("%s, epoch %v: %q", c.with, c.epoch, meaning(c.with, c.epoch))
		}
	}
}
