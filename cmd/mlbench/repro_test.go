package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"mlbench/bench"
	"mlbench/bench/repro"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/image"
)

// shellImages are images with a shell and dpkg; `make images` brings one.
var shellImages = []string{"mlbench/base:bookworm", "debian:bookworm-slim"}

// shellImage is one that is here.
func shellImage(t *testing.T, r *docker.Runner) string {
	t.Helper()
	for _, ref := range shellImages {
		if _, err := r.Index(t.Context(), ref, image.Options{}); err == nil {
			return ref
		}
	}
	lacking(t, "none of %v can be had: make images", shellImages)
	return ""
}

// tallied is an engine that remembers what was built and removed.
type tallied struct {
	*docker.Runner
	built, removed []string
}

func (e *tallied) Build(ctx context.Context, b runner.Build) (runner.Built, error) {
	e.built = append(e.built, b.Tag)
	return e.Runner.Build(ctx, b)
}

func (e *tallied) RemoveImage(ref string) error {
	e.removed = append(e.removed, ref)
	return e.Runner.RemoveImage(ref)
}

// TestReproGrades reaches grades with real builds.
func TestReproGrades(t *testing.T) {
	needEngine(t)
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	from := "FROM " + shellImage(t, r) + "\n"
	const random = "cat /proc/sys/kernel/random/uuid"
	for _, test := range []struct {
		name, dockerfile string
		apart            time.Duration
		ignore           []string
		grade, quiet     image.ReproGrade
		files, noise     []string
		packages         []string
	}{
		{name: "copied", dockerfile: "FROM scratch\nCOPY Dockerfile /file", grade: image.SameLayers, quiet: image.SameLayers},
		// What WORKDIR and mkdir make has the time, in seconds.
		{name: "times", dockerfile: from + "RUN mkdir /made", apart: 1100 * time.Millisecond, grade: image.SameFiles, quiet: image.SameFiles},
		{
			name: "bytes", dockerfile: from + "RUN " + random + " > /id; " + random + " > /secret; " + random + " > /var/log/it",
			ignore: []string{"secret"}, grade: image.SameVersions, quiet: image.SameVersions, files: []string{"id"}, noise: []string{"var/log/it"},
		},
		{
			name: "noise", dockerfile: from + "RUN " + random + " > /module.pyc; " + random + " > /var/cache/ldconfig/aux-cache",
			grade: image.SameVersions, quiet: image.SameFiles, noise: []string{"module.pyc", "var/cache/ldconfig/aux-cache"},
		},
		{
			name: "drift", dockerfile: from + `RUN mkdir -p /p/DEBIAN /p/opt/drifting && ` + random + ` > /p/opt/drifting/id && ` +
				`printf 'Package: drifting\nVersion: 1.%s\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: drifts\n' $(` + random + ` | tr -d -) > /p/DEBIAN/control && ` +
				`dpkg-deb --build /p /p.deb && dpkg -i /p.deb && rm -r /p /p.deb`,
			ignore: []string{"var"}, grade: image.OtherVersions, quiet: image.OtherVersions, files: []string{"opt/drifting/id"}, packages: []string{"dpkg drifting"},
		},
	} {
		for _, with := range []runner.BuildWith{runner.BuildKit, runner.Classic} {
			t.Run(test.name+" "+string(with), func(t *testing.T) {
				engine := &tallied{Runner: r}
				found, err := repro.Plan{
					Folder: test.name, Apart: test.apart, Ignore: test.ignore, Limit: test.grade,
					Build: runner.Build{Context: fstest.MapFS{"Dockerfile": {Data: []byte(test.dockerfile)}}, Dockerfile: "Dockerfile", With: with},
				}.Run(t.Context(), engine, bench.Tool{}, func(string) {})
				if err != nil {
					t.Fatal(err)
				}
				if found.Grade != test.grade || found.Quiet != test.quiet || found.Gate.Verdict != bench.Pass || found.Builder.Name != with {
					t.Errorf("grade %d, without noise %d, gate %v, built with %s; want %d, %d", found.Grade, found.Quiet, found.Gate, found.Builder.Name, test.grade, test.quiet)
				}
				if got := paths(found.Files); !slices.Equal(got, test.files) {
					t.Errorf("files %q, want %q", got, test.files)
				}
				if got := paths(found.Noise); !slices.Equal(got, test.noise) {
					t.Errorf("noise %q, want %q", got, test.noise)
				}
				var packages []string
				for _, p := range found.Packages {
					packages = append(packages, string(p.Kind)+" "+p.Name)
					if !strings.HasPrefix(p.Versions[0], "1.") || !strings.HasPrefix(p.Versions[1], "1.") || p.Versions[0] == p.Versions[1] {
						t.Errorf("versions %q", p.Versions)
					}
				}
				if !slices.Equal(packages, test.packages) {
					t.Errorf("packages %q, want %q", packages, test.packages)
				}
				if len(engine.built) != 2 || !slices.Equal(engine.built, engine.removed) {
					t.Errorf("built %q, removed %q", engine.built, engine.removed)
				}
			})
		}
	}
}

func paths(files []image.FileDrift) []string {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths
}

func TestBuildArgs(t *testing.T) {
	env := func(name string) (string, bool) {
		value, ok := map[string]string{repro.EpochArg: "1", "HOME": "/root"}[name]
		return value, ok
	}
	none := func(string) (string, bool) { return "", false }
	for _, test := range []struct {
		args []string
		env  func(string) (string, bool)
		want string // "" is an error
	}{
		{nil, none, "map[]"},
		{nil, env, "map[SOURCE_DATE_EPOCH:1]"},
		{[]string{"SOURCE_DATE_EPOCH=2", "A=b=c", "E="}, env, "map[A:b=c E: SOURCE_DATE_EPOCH:2]"},
		{[]string{"HOME"}, env, "map[HOME:/root SOURCE_DATE_EPOCH:1]"},
		{[]string{"HOME"}, none, ""},
		{[]string{"=x"}, none, ""},
		{[]string{"SOURCE_DATE_EPOCH=today"}, none, ""},
		{[]string{"SOURCE_DATE_EPOCH=-1"}, none, ""},
	} {
		got, err := buildArgs(test.args, test.env)
		if test.want == "" && err == nil || test.want != "" && (err != nil || fmt.Sprint(got) != test.want) {
			t.Errorf("%q: %v, %v; want %s", test.args, got, err, test.want)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct{ folder, file, want string }{
		{"a", "", "Dockerfile"}, {"a", "a/b/My", "b/My"}, {".", "My", "My"}, {"a", "./a/../a/My", "My"}, {"a", "My", ""}, {"a", "/etc/passwd", ""},
	} {
		if got, err := within("file", test.folder, test.file); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s in %s: %q, %v", test.file, test.folder, got, err)
		}
	}
}
