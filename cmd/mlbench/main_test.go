package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mlbench/gpu"
	"mlbench/gpu/nvml"
	"mlbench/runner/docker"
	"mlbench/runner/runnertest"
)

// TestMain makes this test binary be mlbench where a script, or a test of
// signals, calls it by that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mlbench": main})
}

// TestScripts runs the command lines in testdata/script. Those named engine-*
// need an engine.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("FIXTURE", runnertest.Fixture(t))
			env.Setenv("DOCKER_HOST", os.Getenv("DOCKER_HOST"))
			env.Setenv("HOME", os.Getenv("HOME"))
			if hasEngine(t) {
				env.Setenv("IMAGE", fixtureImage(t, "one", "EXPOSE 8080"))
				env.Setenv("IMAGE_TWO_PORTS", fixtureImage(t, "two", "EXPOSE 8080 9090"))
				env.Setenv("IMAGE_NO_PORT", fixtureImage(t, "none"))
			}
			return writeArchives(env.WorkDir)
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "engine":
				return hasEngine(t), nil
			case "driver": // NVIDIA's, and it answers
				_, err := nvml.Host(t.Context())
				return err == nil, nil
			case "driverless":
				_, err := nvml.Host(t.Context())
				return errors.Is(err, gpu.ErrNoDriver), nil
			}
			return false, errors.New("unknown condition " + name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "valid": valid},
	})
}

// exits runs a command and checks its exit code: exits 2 mlbench compare …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// hasEngine reports whether an engine answers. Where MLBENCH_REQUIRE_ENGINE
// says that there has to be one, its absence fails the test.
func hasEngine(tb testing.TB) bool {
	tb.Helper()
	err := engineAnswers()
	if err != nil && os.Getenv("MLBENCH_REQUIRE_ENGINE") != "" {
		tb.Fatal(err)
	}
	return err == nil
}

// lacking skips a test that wants what is not here, or fails it where
// MLBENCH_REQUIRE_ENGINE says that CI has everything.
func lacking(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("MLBENCH_REQUIRE_ENGINE") != "" {
		tb.Fatalf(format, args...)
	}
	tb.Skipf(format, args...)
}

func needEngine(tb testing.TB) {
	tb.Helper()
	if !hasEngine(tb) {
		tb.Skip("needs an engine: ", engineAnswers())
	}
}

var engineAnswers = sync.OnceValue(func() error {
	r, err := docker.New(docker.Options{})
	if err != nil {
		return err
	}
	_, err = r.Host(context.Background())
	return errors.Join(err, r.Close())
})

// fixtureImage is an image with the fixture, built once for all tests. The
// next mlbench after this test binary's end removes it.
func fixtureImage(tb testing.TB, name string, lines ...string) string {
	tb.Helper()
	images.Lock()
	defer images.Unlock()
	if ref, ok := images.refs[name]; ok {
		return ref
	}
	r, err := docker.New(docker.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	ref := runnertest.FixtureImage(tb, r, lines...)
	images.refs[name] = ref
	return ref
}

var images = struct {
	sync.Mutex
	refs map[string]string
}{refs: make(map[string]string)}
