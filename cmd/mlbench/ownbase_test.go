package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlbench/runner/docker"
	"mlbench/runner/image"
	"mlbench/scenarios"
)

// Two services on a base of one's own share it, and keep to the policy; on two
// bases they share Debian alone, and do not.
func TestOwnBase(t *testing.T) {
	needEngine(t)
	for _, variant := range []string{"score-before", "text-before", "score", "text", "base"} {
		needScenario(t, "own-base:"+variant)
	}
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	_, base, err := r.Layers(t.Context(), "own-base:base")
	if err != nil {
		t.Fatal(err)
	}
	before, after := bothOf(t, "own-base:score-before", "own-base:text-before"), bothOf(t, "own-base:score", "own-base:text")
	if before.Layers.Shared != 1 || after.Layers.Shared != len(base) {
		t.Errorf("shared are %d layers before and %d after, want Debian's 1 and the base's %d", before.Layers.Shared, after.Layers.Shared, len(base))
	}
	for _, d := range []image.Difference{before, after} {
		if want := d.Old.UnpackedBytes + d.New.UnpackedBytes - d.Layers.Bytes; d.Layers.Together != want {
			t.Errorf("together %d, want %d", d.Layers.Together, want)
		}
	}
	if after.Layers.Together > after.New.UnpackedBytes*11/10 || before.Layers.Together < 2*after.Layers.Together {
		t.Errorf("together %d before and %d after; the larger one after has %d", before.Layers.Together, after.Layers.Together, after.New.UnpackedBytes)
	}

	dir := t.TempDir()
	s, err := scenarios.Get("own-base")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Export(dir); err != nil {
		t.Fatal(err)
	}
	layers, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	pinned := filepath.Join(dir, "pinned.yaml")
	if err := os.WriteFile(pinned, fmt.Appendf(nil, "policy:\n  bases:\n    - {name: own-base 1.0, layers: %s}\n", layers), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		variant, policy string
		breaks          []string
	}{
		{"score-before", "policy.yaml", []string{"policy-label", "policy-package", "policy-package", "policy-user"}},
		{"text-before", "policy.yaml", []string{"policy-label", "policy-package", "policy-size", "policy-user"}},
		{"score", "policy.yaml", nil},
		{"text", "policy.yaml", nil},
		{"score-before", "pinned.yaml", []string{"policy-base"}},
		{"text-before", "pinned.yaml", []string{"policy-base"}},
		{"score", "pinned.yaml", nil},
		{"text", "pinned.yaml", nil},
	} {
		out, err := exec.Command("mlbench", "inspect", "own-base:"+c.variant, "--policy", filepath.Join(dir, c.policy), "--format", "json").Output()
		var exit *exec.ExitError
		if failed := errors.As(err, &exit) && exit.ExitCode() == exitGate; failed != (c.breaks != nil) {
			t.Errorf("%s by %s: %v", c.variant, c.policy, err)
		}
		var report image.Report
		if err := json.Unmarshal(out, &report); err != nil {
			t.Fatal(err)
		}
		broken := slices.DeleteFunc(ids(report.Findings), func(id string) bool { return !strings.HasPrefix(id, "policy-") })
		slices.Sort(broken)
		if !slices.Equal(broken, c.breaks) {
			t.Errorf("%s by %s breaks %q, want %q", c.variant, c.policy, broken, c.breaks)
		}
	}
}

func bothOf(t *testing.T, old, now string) image.Difference {
	t.Helper()
	out, err := exec.Command("mlbench", "inspect", old, now, "--format", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var d image.Difference
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	return d
}
