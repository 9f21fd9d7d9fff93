package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"mlbench/runner/runnertest"
)

// On a disk that is too small it is said before anything is begun, with what it
// would take; what needs less is tried.
func TestScenarioWithoutRoom(t *testing.T) {
	e := runnertest.NewEngine(t, 64<<20)
	t.Setenv("DOCKER_HOST", e.Host)
	for _, c := range []struct {
		args []string
		says string // "" is that it is tried
	}{
		{[]string{"os-hygiene"}, "building os-hygiene:naive, os-hygiene:later, os-hygiene:same-layer, os-hygiene:clean takes 730 MB, and "},
		{[]string{"os-hygiene", "clean"}, "building os-hygiene:clean takes 110 MB, and "},
		{[]string{"cuda-mismatch", "matched"}, ""},
	} {
		out, err := exec.Command("mlbench", append([]string{"scenario", "build", "--base", "no-such-registry.invalid/base:1"}, c.args...)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitEnvironment {
			t.Fatalf("%q: %v\n%s", c.args, err, out)
		}
		tried := strings.Contains(string(out), "Step 1/")
		if tried != (c.says == "") || !strings.Contains(string(out), c.says) || tried == strings.Contains(string(out), "of the engine's folder") {
			t.Errorf("%q: tried: %t, want %q:\n%s", c.args, tried, c.says, out)
		}
	}
}
