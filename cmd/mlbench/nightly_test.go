package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
				code = run(t.Context(), streams{strings.NewReader(""), &o, &e}, []string{"nightly", "-f", suite, "--history", runs, "--pairs", "6", "--max-pairs", "12"})
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
