package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/scenarios"
)

func TestEnough(t *testing.T) {
	missing := []scenarios.Variant{{Tag: "a:one"}, {Tag: "a:two"}}
	for _, c := range []struct {
		need scenarios.Bytes
		free int64
		want string // of the error; "" is none
	}{
		{0, 0, ""}, {500e6, 500e6, ""}, {500e6, 900e6, ""},
		{500e6, 499e6, "building a:one, a:two takes 500 MB, and 499 MB are free on the disk of the engine's folder /data"},
	} {
		err := enough(c.need, c.free, "/data", missing)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d of %d: %v, want %q", c.need, c.free, err, c.want)
		}
	}
}

// The advice after a build's error is for that error.
func TestExplained(t *testing.T) {
	any := scenarios.Variant{Tag: "a:one", Base: scenarios.AnyBase, Summary: "It fails."}
	nvidia := scenarios.Variant{Tag: "a:gpu", Base: "nvidia/cuda:1"}
	shows := any
	shows.Fails = "DO NOT MATCH"
	pull, step := &runner.BaseError{Err: errors.New("pull access denied")}, errors.New("the command returned a non-zero code: 1\nDO NOT MATCH")
	for _, c := range []struct {
		name  string
		err   error
		v     scenarios.Variant
		base  string
		there bool
		want  []string
		not   string
	}{
		{"built", nil, any, "", true, nil, ""},
		{"no base", pull, any, "", false, []string{"pull access denied", "debian:bookworm-slim is not in the engine and cannot be pulled: ", "--base IMAGE"}, "earlier"},
		{"no base, and one was named", pull, any, "mine", true, []string{"mine, which --base names, is not in the engine", "a:one is still the image of an earlier build"}, "--base IMAGE"},
		{"no registry", pull, nvidia, "", false, []string{"a registry that has nvidia/cuda:1"}, "--base"},
		{"a step", step, any, "", false, []string{"non-zero code"}, "--base"},
		{"a step that speaks of a pull", errors.New("pull access denied"), any, "", false, []string{"pull access denied"}, "--base"},
		{"a full disk", errors.New("the command returned a non-zero code: 100\nNo space left on device"), any, "", true, []string{"docker system prune", "of an earlier build"}, "--base"},
		{"interrupted", errInterrupted, any, "", false, []string{"interrupted"}, "--base"},
		{"as it ought to", step, shows, "", false, []string{"DO NOT MATCH", "This is what a:one is there to show: It fails."}, "--base"},
		{"for another reason than it ought to", pull, shows, "", false, []string{"--base"}, "there to show"},
		{"built, and ought not to", nil, shows, "", false, []string{"ought to have failed"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := failedBuild(c.err, c.v, c.base, c.there)
			if (err != nil) != (c.want != nil) {
				t.Fatal(err)
			}
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%v is no %v", err, c.err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if c.not != "" && strings.Contains(err.Error(), c.not) {
				t.Errorf("%v, want no %q", err, c.not)
			}
		})
	}
}

// debianBase is an image that scenarios can be built on without a registry.
func debianBase(t *testing.T) string {
	t.Helper()
	for _, ref := range []string{scenarios.AnyBase, "mlbench/base:bookworm"} {
		if hasImage(t, ref) {
			return ref
		}
	}
	lacking(t, "needs %s, or what scenarios/setup.sh base makes", scenarios.AnyBase)
	return ""
}

// A wheel that somebody replaced is refused, in the middle of a build: the step
// and its last lines are told, and nothing is tagged. Without hashes it would be
// installed, and nobody would know.
func TestTamperedWheel(t *testing.T) {
	needEngine(t)
	needScenario(t, "locked-install:locked") // so that most is cached
	base := debianBase(t)
	const tag = "locked-install:tampered"
	out, err := exec.Command("mlbench", "scenario", "build", "locked-install", "tampered", "--base", base).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitEnvironment {
		t.Errorf("%v, want exit code %d", err, exitEnvironment)
	}
	for _, want := range []string{
		"building " + tag + ": ", "pip install --no-cache-dir", "returned a non-zero code",
		"THESE PACKAGES DO NOT MATCH THE HASHES", "mlbench-demo-features==1.4.0", "Expected sha256", "what " + tag + " is there to show",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if hasImage(t, tag) {
		t.Errorf("%s is there", tag)
	}

	files := variantContext(t, "locked-install", "tampered")
	unhashed := make(fstest.MapFS)
	for _, name := range []string{"Dockerfile", "app.py", "publish.py", "requirements.txt"} {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), " --require-hashes", "")
		if name == "requirements.txt" {
			text = ""
			for line := range strings.Lines(string(b)) {
				pin, _, _ := strings.Cut(line, " --hash")
				text += strings.TrimSpace(pin) + "\n"
			}
		}
		unhashed[name] = &fstest.MapFile{Data: []byte(text)}
	}
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	ref := fmt.Sprintf("mlbench-test:tampered-%d", os.Getpid())
	if _, err := r.Build(t.Context(), runner.Build{Context: unhashed, Tag: ref, Passing: true, Args: map[string]string{"BASE": base}}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.RemoveImage(ref); err != nil {
			t.Error(err)
		}
	}()
	out, err = exec.Command("docker", "run", "--rm", "--network", "none", ref, "python3", "-c", "import mlbench_demo_features as f; print(f.__version__, f.MEAN)").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1.4.0 5.0" {
		t.Errorf("installed without hashes is %s, %v; want the tampered 1.4.0 5.0", out, err)
	}
}

// A base that is not there is said with the image that was to be built, and what
// to do.
func TestScenarioWithoutBase(t *testing.T) {
	needEngine(t)
	out, err := exec.Command("mlbench", "scenario", "build", "cuda-mismatch", "matched", "--base", "no-such-registry.invalid/base:1").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitEnvironment || !strings.Contains(string(out), "building cuda-mismatch:matched") || !strings.Contains(string(out), "no-such-registry.invalid") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Scenarios that need nothing more are run without a GPU, on whatever base of their
// own; and the others, where no GPU is asked for, are not.
func TestNeedsGPU(t *testing.T) {
	for _, s := range scenarios.All() {
		variants, err := s.Pick()
		if err != nil {
			t.Fatal(err)
		}
		err = needsGPU(s, variants, make([]runner.Candidate, len(variants)))
		if (err != nil) != (s.Needs != "") {
			t.Errorf("%s, which needs %q: %v", s.Name, s.Needs, err)
		}
	}
}

// Services that cost little to build start, and are ready.
func TestScenariosStart(t *testing.T) {
	needEngine(t)
	for _, name := range []string{"os-hygiene", "locked-install", "cuda-mismatch", "own-base"} {
		s, err := scenarios.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range s.Variants {
			if v.Fails != "" || v.Tag == "own-base:base" { // which is no service
				continue
			}
			t.Run(v.Tag, func(t *testing.T) {
				needScenario(t, v.Tag)
				out, err := exec.Command("mlbench", "run", v.Tag, "--pairs", "1", "--cold", "warm", "--target", "2m", "--timeout", "2m").CombinedOutput()
				if err != nil || !strings.Contains(string(out), "is ready in") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// A job that reads no clock and sorts what has no order prints the same from
// other images too; one that does neither not even from the same.
func TestBatchFeatures(t *testing.T) {
	needEngine(t)
	for _, c := range []struct {
		first, second string
		code          int
		says          string
	}{
		{"deterministic", "lean", exitOK, "Both print the same, to the byte"},
		{"naive", "naive", exitGate, "and so does one of them when it is run again"},
	} {
		for _, variant := range []string{c.first, c.second} {
			needScenario(t, "batch-features:"+variant)
		}
		out, err := exec.Command("mlbench", "repro", "batch-features:"+c.first, "batch-features:"+c.second, "--run").CombinedOutput()
		code := exitOK
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s and %s: exit code %d, want %d and %q:\n%s", c.first, c.second, code, c.code, c.says, out)
		}
	}
	out, err := exec.Command("mlbench", "run", "batch-features:lean", "--ready", "exit", "--pairs", "1", "--cold", "warm", "--target", "2m", "--timeout", "2m").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is ready in") {
		t.Errorf("%v\n%s", err, out)
	}
}

// gpu says what becomes of the images on a host of CUDA 11.8, before and after.
func TestCUDAMismatch(t *testing.T) {
	needEngine(t)
	for _, c := range []struct {
		variant, driver string
		code            int
		says            []string
	}{
		{"mismatched", "520.61.05", exitGate, []string{"torch 2.6.0+cu126", "driver 520.61.05 offers CUDA 11.8", "error 35", "CUDA_VERSION=11.8.0"}},
		{"same-cuda", "520.61.05", exitGate, []string{"error 35", "cuda>=12.6: the driver's CUDA is 11.8"}},
		{"matched", "520.61.05", exitOK, []string{"will run on this host's GPUs", "torch 2.6.0+cu118"}},
		// On a driver of the framework's CUDA all three run.
		{"mismatched", "560.28.03", exitOK, []string{"will run"}},
		{"same-cuda", "560.28.03", exitOK, []string{"will run"}},
		{"matched", "560.28.03", exitOK, []string{"will run"}},
	} {
		tag := "cuda-mismatch:" + c.variant
		needScenario(t, tag)
		out, err := exec.Command("mlbench", "gpu", tag, "--driver", c.driver, "--compute-capability", "8.0").CombinedOutput()
		code := exitOK
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		flat := strings.Join(strings.Fields(string(out)), " ")
		for _, want := range c.says {
			if code != c.code || !strings.Contains(flat, want) {
				t.Errorf("%s on %s: exit code %d, want %d and %q:\n%s", tag, c.driver, code, c.code, want, out)
			}
		}
	}
}

func variantContext(t *testing.T, name, variant string) fs.FS {
	t.Helper()
	s, err := scenarios.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	files, err := s.Context(variant)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// needScenario skips a test where an image of a scenario is not built.
func needScenario(t *testing.T, tag string) {
	t.Helper()
	if !hasImage(t, tag) {
		lacking(t, "needs %s, which make images builds", tag)
	}
}

func hasImage(t *testing.T, ref string) bool {
	t.Helper()
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	has, err := r.Has(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return has
}
