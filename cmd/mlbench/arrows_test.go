package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestArrows asserts who may import whom, as CONTRIBUTING.md draws it.
func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "mlbench/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Our own packages that a package may import; whatever is not listed here
	// may import none.
	own := map[string][]string{
		"mlbench/cmd/mlbench": {
			"mlbench/bench", "mlbench/bench/explain", "mlbench/bench/github", "mlbench/bench/history", "mlbench/bench/nightly", "mlbench/bench/rebuild", "mlbench/bench/report", "mlbench/bench/repro", "mlbench/bench/selftest", "mlbench/bench/suite", "mlbench/gpu", "mlbench/gpu/nvml",
			"mlbench/runner", "mlbench/runner/docker", "mlbench/runner/image", "mlbench/runner/image/dockerfile", "mlbench/runner/image/policy",
			"mlbench/runner/load",
			"mlbench/runner/process", "mlbench/scenarios",
		},
		"mlbench/cmd/calibrate":     {"mlbench/bench/calibration"},
		"mlbench/cmd/release":       {},
		"mlbench/cmd/scenarios":     {"mlbench/scenarios"},
		"mlbench/bench":             {"mlbench/gpu", "mlbench/runner", "mlbench/stats"},
		"mlbench/bench/calibration": {"mlbench/bench", "mlbench/bench/history", "mlbench/bench/nightly", "mlbench/runner", "mlbench/stats"},
		"mlbench/bench/explain":     {"mlbench/bench", "mlbench/runner", "mlbench/runner/image", "mlbench/stats"},
		"mlbench/bench/history":     {"mlbench/bench", "mlbench/runner", "mlbench/stats"},
		"mlbench/bench/nightly":     {"mlbench/bench", "mlbench/bench/history", "mlbench/runner", "mlbench/stats"},
		"mlbench/bench/report": {
			"mlbench/bench", "mlbench/bench/explain", "mlbench/bench/history", "mlbench/bench/nightly", "mlbench/bench/rebuild", "mlbench/bench/repro", "mlbench/bench/selftest", "mlbench/gpu", "mlbench/runner",
			"mlbench/runner/image", "mlbench/runner/image/policy", "mlbench/stats",
		},
		"mlbench/bench/rebuild":           {"mlbench/bench", "mlbench/runner", "mlbench/stats"},
		"mlbench/bench/repro":             {"mlbench/bench", "mlbench/runner", "mlbench/runner/image", "mlbench/runner/image/dockerfile"},
		"mlbench/bench/selftest":          {"mlbench/bench", "mlbench/bench/calibration", "mlbench/runner", "mlbench/stats"},
		"mlbench/bench/suite":             {"mlbench/runner/image/policy"},
		"mlbench/gpu/nvml":                {"mlbench/gpu"},
		"mlbench/runner":                  {"mlbench/gpu"},
		"mlbench/runner/cache":            {"mlbench/runner"},
		"mlbench/runner/docker":           {"mlbench/gpu", "mlbench/runner", "mlbench/runner/cache", "mlbench/runner/image", "mlbench/runner/probe", "mlbench/runner/probe/listen", "mlbench/runner/speed"},
		"mlbench/runner/image":            {"mlbench/gpu", "mlbench/runner/image/installed"},
		"mlbench/runner/image/dockerfile": {"mlbench/runner/image", "mlbench/runner/image/installed"},
		"mlbench/runner/image/policy":     {"mlbench/runner/image", "mlbench/runner/image/installed"},
		"mlbench/runner/load":             {"mlbench/runner"},
		"mlbench/runner/probe":            {"mlbench/runner"},
		"mlbench/runner/probe/listen":     {"mlbench/runner"},
		"mlbench/runner/process":          {"mlbench/gpu", "mlbench/runner", "mlbench/runner/cache", "mlbench/runner/probe", "mlbench/runner/probe/listen", "mlbench/runner/speed"},
		"mlbench/runner/runnertest":       {"mlbench/runner", "mlbench/gpu"},
		"mlbench/runner/speed":            {"mlbench/runner"},
	}
	// Modules that only these packages may import, by prefix.
	only := map[string][]string{
		"github.com/docker/docker/":          {"mlbench/runner/docker"},
		"github.com/olekukonko/tablewriter":  {"mlbench/bench/report"},
		"github.com/spf13/cobra":             {"mlbench/cmd/mlbench"},
		"github.com/cilium/ebpf":             {"mlbench/runner/probe/listen"},
		"github.com/moby/buildkit/frontend/": {"mlbench/runner/image/dockerfile"},
		"github.com/NVIDIA/go-nvml/":         {"mlbench/gpu/nvml"},
		"github.com/tsenart/vegeta/":         {"mlbench/runner/load"},
		"mvdan.cc/sh":                        {"mlbench/runner/image/dockerfile"},
		"go.yaml.in/yaml":                    {"mlbench/runner/image/policy", "mlbench/bench/suite", "mlbench/scenarios"},
		// It calls methods by their names, for which the linker keeps those of all
		// types: a quarter of the program.
		"html/template": {},
		"text/template": {},
		// Tests hold what is written against these.
		"github.com/prometheus/":     {},
		"github.com/chromedp/":       {},
		"golang.org/x/net/html":      {},
		"github.com/santhosh-tekuri": {},
		// calibration holds the tests of other tools, to judge them by.
		"gonum.org/v1/gonum/":                    {"mlbench/stats", "mlbench/bench/calibration"},
		"github.com/aclements/go-moremath/stats": {"mlbench/stats", "mlbench/bench/calibration"},
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, imports := fields[0], fields[1:]
		for _, i := range imports {
			if strings.HasPrefix(i, "mlbench/") && !slices.Contains(own[pkg], i) {
				t.Errorf("%s imports %s", pkg, i)
			}
			for prefix, allowed := range only {
				if strings.HasPrefix(i, prefix) && !slices.Contains(allowed, pkg) {
					t.Errorf("%s imports %s, which only %v may", pkg, i, allowed)
				}
			}
			if (pkg == "mlbench/runner" || pkg == "mlbench/bench/github") && strings.Contains(i, ".") {
				t.Errorf("%s imports %s: it is standard library only", pkg, i)
			}
		}
	}
}
