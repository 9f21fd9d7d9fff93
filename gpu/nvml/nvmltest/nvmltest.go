// Package nvmltest is a stand-in for NVIDIA's driver, for tests where there is
// none: a library that package nvml and others find in its place, and GPUs whose
// memory is record locks on files (see testdata/nvml.c). It shows that what asks
// a driver works, and nothing of how a real one behaves.
package nvmltest

import (
	"bufio"
	"embed"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// FolderVariable names the folder of the GPUs to the library, and to programs
// that take memory.
const FolderVariable = "MLBENCH_TEST_GPUS"

// within tells a test that it runs where the library is found.
const within = "MLBENCH_TEST_WITHIN"

// A Driver is the stand-in, with GPUs.
type Driver struct {
	Folder  string // of the GPUs: bind it into containers by the same name, with FolderVariable
	Library string // the folder that LD_LIBRARY_PATH has to name
}

// New makes a driver with so many GPUs, 16 at most, which go with the test. It
// skips the test where there is no C compiler.
func New(tb testing.TB, gpus int) *Driver {
	tb.Helper()
	if runtime.GOOS != "linux" {
		tb.Skip("needs Linux: the stand-in for NVIDIA's driver is a library for it")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		tb.Skip("needs a C compiler, to make the stand-in for NVIDIA's driver: ", err)
	}
	built, err := build(cc)
	if err != nil {
		tb.Fatal(err)
	}
	d := &Driver{Folder: tb.TempDir(), Library: built}
	for i := range gpus {
		d.make(tb, fmt.Sprintf("gpu%d", i))
	}
	return d
}

//go:embed testdata
var sources embed.FS

// build compiles the library and the program hold, once for each content.
func build(cc string) (string, error) {
	building.Lock()
	defer building.Unlock()
	library, err := sources.ReadFile("testdata/nvml.c")
	if err != nil {
		return "", err
	}
	program, err := sources.ReadFile("testdata/hold.c")
	if err != nil {
		return "", err
	}
	sum := crc32.ChecksumIEEE(append(library, program...))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("mlbench-nvmltest-%d-%08x", os.Getuid(), sum))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	made, err := os.MkdirTemp("", "mlbench-nvmltest-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(made) }() // where another was faster
	for name, source := range map[string][]byte{"nvml.c": library, "hold.c": program} {
		if err := os.WriteFile(filepath.Join(made, name), source, 0o600); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{
		{"-shared", "-fPIC", "-o", "libnvidia-ml.so.1", "nvml.c", "-lpthread"}, {"-o", "hold", "hold.c"},
	} {
		cmd := exec.Command(cc, append([]string{"-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-D_FILE_OFFSET_BITS=64"}, args...)...)
		cmd.Dir = made
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("compiling the stand-in for NVIDIA's driver: %w\n%s", err, out)
		}
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	return dir, nil
}

var building sync.Mutex

// make makes a file that every user may lock.
func (d *Driver) make(tb testing.TB, name string) {
	tb.Helper()
	path := filepath.Join(d.Folder, name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // whatever the umask
		tb.Fatal(err)
	}
}

// Env is what a program's environment needs to find the driver and its GPUs.
func (d *Driver) Env() []string {
	return []string{"LD_LIBRARY_PATH=" + d.Library, FolderVariable + "=" + d.Folder}
}

// UUID is that of a GPU.
func (d *Driver) UUID(gpu int) string { return fmt.Sprintf("GPU-00000000-0000-0000-0000-%012d", gpu) }

// InstanceUUID is that of a MIG instance.
func (d *Driver) InstanceUUID(gpu, instance int) string {
	return fmt.Sprintf("MIG-00000000-0000-0000-%04d-%012d", instance, gpu)
}

// Divide makes a GPU have these MIG instances, by the ids of their GPU
// instances, 0 to 14. It is for before the driver is asked.
func (d *Driver) Divide(tb testing.TB, gpu int, instances ...int) {
	tb.Helper()
	for _, i := range instances {
		d.make(tb, fmt.Sprintf("gpu%d.%d", gpu, i))
	}
}

// Script says what else the driver tells, or fails with, from now on, a line
// each: "gpu0 15" (all calls about GPU 0 fail with this code), "init", "count",
// "memory", "processes", "utilisation" and a code; "pids 100000" (added to every
// id), "untold 1" (no memory of processes), "hang 60000" (for so many ms),
// "base" and "total" bytes, "busy" percent, "driver 535.104.05", "cuda 12020",
// "capability 90", "name", "persistence 0". What was said before is forgotten.
func (d *Driver) Script(tb testing.TB, lines ...string) {
	tb.Helper()
	file := filepath.Join(d.Folder, "script")
	if err := os.WriteFile(file+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		tb.Fatal(err)
	}
}

// Held reports whether any other process has memory on a GPU, or instance.
func (d *Driver) Held(tb testing.TB, gpu string) bool {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(d.Folder, "gpu"+gpu), os.O_RDWR, 0)
	if err != nil {
		tb.Error(err)
		return true
	}
	defer func() { _ = f.Close() }()
	held, err := locked(f)
	if err != nil {
		tb.Error(err)
	}
	return held || err != nil
}

// Tenant takes memory on a GPU, or on an instance, "0" or "0.7", for another
// process until the test's end, and returns its id.
func (d *Driver) Tenant(tb testing.TB, gpu string, bytes int64) int {
	tb.Helper()
	cmd := exec.Command(filepath.Join(d.Library, "hold"), filepath.Join(d.Folder, "gpu"+gpu), strconv.FormatInt(bytes, 10))
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		tb.Fatalf("the tenant says %q: %v", line, err)
	}
	return cmd.Process.Pid
}

// Inside is New for tests that ask the driver themselves. A process looks for
// libraries where it was told to when it began, so the test runs anew in one of
// its own: there Inside returns the driver. In the first one it returns nil
// after that one's end, and there is nothing more to do.
func Inside(t *testing.T, gpus int) *Driver {
	t.Helper()
	if library := os.Getenv(within); library != "" {
		return &Driver{Folder: os.Getenv(FolderVariable), Library: library}
	}
	d := New(t, gpus)
	var name []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		name = append(name, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(name, "/"), "-test.v", "-test.count=1", "-test.timeout=5m")
	cmd.Env = append(append(os.Environ(), d.Env()...), within+"="+d.Library)
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP: "+t.Name()+" "):
		t.Skipf("%s", out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Errorf("it did not run:\n%s", out)
	default:
		t.Logf("%s", out)
	}
	return nil
}
