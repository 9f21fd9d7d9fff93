package runnertest

import (
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"mlbench/runner"
)

// Fixture builds the test program (see fixture/main.go) once per test binary,
// statically linked, and returns its path.
func Fixture(tb testing.TB) string {
	tb.Helper()
	path, err := fixture()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

var fixture = sync.OnceValues(func() (string, error) {
	// Not tb.TempDir: it goes with the first test, and the program serves
	// all. Its name is fixed by its content in Go's build cache, so a
	// second build costs nothing. Another checkout's is another program.
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("mlbench-fixture-%d-%08x", os.Getuid(), crc32.ChecksumIEEE(module)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "fixture")
	made := path + "." + strconv.Itoa(os.Getpid())
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", made, "mlbench/runner/runnertest/fixture")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the fixture: %w\n%s", err, out)
	}
	return path, os.Rename(made, path)
})

// FixtureImage builds an image that holds the fixture and nothing else, with
// these further lines in its Dockerfile, and returns its reference. The image
// is labelled with its owner, so that runs of mlbench after this test binary's
// end remove it.
func FixtureImage(tb testing.TB, b runner.Builder, lines ...string) string {
	tb.Helper()
	program, err := os.ReadFile(Fixture(tb))
	if err != nil {
		tb.Fatal(err)
	}
	ref := fmt.Sprintf("mlbench-test/fixture:%d-%d", os.Getpid(), images.Add(1))
	// The first step is this image's alone, so that no other one shares its
	// steps: an engine that removes one image while it builds its twin from
	// the cache takes both away.
	dockerfile := append([]string{
		"FROM scratch", "LABEL mlbench.test=" + ref, "COPY fixture /fixture", `ENTRYPOINT ["/fixture"]`,
		fmt.Sprintf("LABEL %s=%q", runner.OwnerLabel, runner.Self()),
	}, lines...)
	_, err = b.Build(tb.Context(), runner.Build{Tag: ref, Context: fstest.MapFS{
		"Dockerfile": {Data: []byte(strings.Join(dockerfile, "\n"))},
		"fixture":    {Data: program, Mode: 0o755},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return ref
}

var images atomic.Int64

// Truth is the file into which fixtures write their moments (see fixture/truth.go).
type Truth string

// NewTruth makes an empty one that every user may write to.
func NewTruth(tb testing.TB) Truth {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "truth")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // whatever the umask
		tb.Fatal(err)
	}
	return Truth(path)
}

// Last is the moment of readiness that was written last.
func (t Truth) Last(tb testing.TB) time.Time {
	tb.Helper()
	b, err := os.ReadFile(string(t))
	if err != nil {
		tb.Fatal(err)
	}
	for _, line := range slices.Backward(strings.Split(string(b), "\n")) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "ready" {
			continue
		}
		ns, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		return time.Unix(0, ns)
	}
	tb.Fatal("the fixture wrote no moment of readiness")
	return time.Time{}
}
