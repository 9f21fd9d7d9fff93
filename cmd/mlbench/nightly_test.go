package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/bench/history"
	"mlbench/runner/runnertest"
)

// TestNightlyFindsAStep starts real commands. The nights before are made of the
// first, with the scatter of a quiet host: nobody waits for weeks here.
func TestNightlyFindsAStep(t *testing.T) {
	fixture := runnertest.Fixture(t)
	for _, tt := range []struct {
		name    string
		program bool   // that the command starts changes, and not the command
		says    string // beside what changed
	}{
		{"another command", false, "measured afresh, what it was against what it is: +"},
		{"the same command", true, "the command is the same as before the change, and what it starts is not kept"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			suite, runs := filepath.Join(dir, "mlbench.yaml"), filepath.Join(dir, "runs")
			service := filepath.Join(dir, "service.sh")
			slow := func(ms int) {
				command := fmt.Sprintf("%s -listen-after %dms", fixture, ms)
				if tt.program {
					writeMode(t, service, "#!/bin/sh\nexec "+command+"\n", 0o700)
					command = service
				}
				writeMode(t, suite, fmt.Sprintf("health: /healthz\ncandidates:\n  - {name: reference, command: '%s -listen-after 40ms'}\n  - {name: service, command: '%s'}\n", fixture, command), 0o600)
			}
			night := func() (code int, out, errs string) {
				var o, e bytes.Buffer
				code = run(t.Context(), streams{in: strings.NewReader(""), out: &o, err: &e}, []string{"nightly", "-f", suite, "--history", runs, "--pairs", "6", "--max-pairs", "12"})
				return code, o.String(), e.String()
			}
			slow(100)
			if code, out, errs := night(); code != 0 || !strings.Contains(out, "service: needs 9 more nights") {
				t.Fatalf("exit code %d: %s%s", code, out, errs)
			}
			repeatNight(t, runs, 13)
			slow(200)
			var code int
			var out, errs string
			for n := 1; n <= 3 && code == 0; n++ {
				code, out, errs = night()
			}
			for _, want := range []string{"service: ", "% slower since", tt.says, "most of it in boot: +", "SLOWER", "repeat: mlbench compare "} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q", want)
				}
			}
			if code != 1 || t.Failed() {
				t.Fatalf("exit code %d: %s%s", code, out, errs)
			}
			// Once: the next night is the beginning of a new level.
			if code, out, errs := night(); code != 0 || !strings.Contains(out, "more nights before changes can be found") || strings.Contains(out, "slower since") {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
			results, err := filepath.Glob(filepath.Join(runs, "results", "*.json"))
			if err != nil || len(results) < 4 {
				t.Errorf("kept %v, %v", results, err)
			}
		})
	}
}

func writeMode(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// repeatNight appends so many nights like the only one there is.
func repeatNight(t *testing.T, dir string, nights int) {
	t.Helper()
	log, err := history.Read(dir)
	if err != nil || len(log.Entries) != 1 {
		t.Fatal(log, err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range nights {
		e := log.Entries[0]
		e.ID, e.StartedAt = fmt.Sprintf("%016x", n), e.StartedAt.Add(time.Duration(n-nights)*time.Hour)
		c := e.Comparisons[0]
		change := math.Expm1(math.Log1p(*c.Change.Estimate) + 0.01*rng.NormFloat64())
		c.Change = history.Interval{Estimate: &change}
		e.Comparisons = []history.Comparison{c}
		if _, err := history.Append(t.Context(), dir, e); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNightlyStartsTheOldImage: an image that no tag names any more is started by
// its digest.
func TestNightlyStartsTheOldImage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some 40 containers")
	}
	needEngine(t)
	dir := t.TempDir()
	suite, runs, moving := filepath.Join(dir, "mlbench.yaml"), filepath.Join(dir, "runs"), "mlbench-test/nightly:"+fmt.Sprint(os.Getpid())
	tag := func(image string) {
		t.Helper()
		if out, err := exec.Command("docker", "tag", image, moving).CombinedOutput(); err != nil {
			t.Fatalf("docker tag: %v: %s", err, out)
		}
	}
	if _, err := exec.LookPath("docker"); err != nil {
		lacking(t, "needs the docker command to move a tag: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", moving).Run() })
	reference, soon, late := fixtureImage(t, "one", "EXPOSE 8080"), fixtureImage(t, "soon", "EXPOSE 8080", `CMD ["-listen-after", "50ms"]`), fixtureImage(t, "late", "EXPOSE 8080", `CMD ["-listen-after", "900ms"]`)
	writeMode(t, suite, fmt.Sprintf("cold: warm\nhealth: /healthz\ncandidates: [{name: reference, image: '%s'}, {name: service, image: '%s'}]\n", reference, moving), 0o600)
	var o, e bytes.Buffer
	night := func() int {
		o.Reset()
		e.Reset()
		return run(t.Context(), streams{in: strings.NewReader(""), out: &o, err: &e}, []string{"nightly", "-f", suite, "--history", runs, "--pairs", "4", "--min-pairs", "6", "--max-pairs", "20"})
	}
	tag(soon)
	if code := night(); code != 0 {
		t.Fatalf("exit code %d: %s%s", code, &o, &e)
	}
	repeatNight(t, runs, 13)
	tag(late)
	code := 0
	for n := 1; n <= 3 && code == 0; n++ {
		code = night()
	}
	for _, want := range []string{"measured afresh, what it was against what it is: +", "→ sha256:", "repeat: mlbench compare sha256:"} {
		if !strings.Contains(o.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	if code != 1 || t.Failed() {
		t.Errorf("exit code %d: %s%s", code, &o, &e)
	}
}

// Where a result could not be written, no line of the history names it.
func TestKeepInFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "results", "r.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err := keepIn(dir, new(bench.Result), "r.json"); err == nil || path != "" {
		t.Errorf("keepIn: %q, error %v", path, err)
	}
}
