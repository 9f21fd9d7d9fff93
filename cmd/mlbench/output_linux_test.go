package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/runner"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outputTo is an output whose report is this text.
func outputTo(path, text string) outputs[*bench.Result] {
	return outputs[*bench.Result]{
		stdout: func(io.Writer, *bench.Result) error { return nil },
		files: []output[*bench.Result]{{path, func(w io.Writer, _ *bench.Result) error {
			_, err := io.WriteString(w, text)
			return err
		}}},
	}
}

// openOutputs is what --out with these files opens.
func openOutputs(paths ...string) (outputs[*bench.Result], error) {
	r := rendering[*bench.Result]{formats: report.Results, format: "text", out: paths}
	return r.open()
}

func mustHold(t *testing.T, path, text string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != text {
		t.Errorf("%s: %v, %.40q", path, err, b)
	}
}

// mount mounts, or skips where it may not.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	err := syscall.Mount(source, target, kind, flags, data)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs to mount: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, 0); err != nil {
			t.Error(err)
		}
	})
}

// A disk that is full leaves the old file and nothing half-written, and what
// was measured is kept elsewhere.
func TestOutputOnFullDisk(t *testing.T) {
	elsewhere, dir := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", elsewhere)
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k")
	path := filepath.Join(dir, "r.md")
	write(t, path, "old")
	result := &bench.Result{Schema: bench.Schema, Starts: make([]bench.Start, 1)}
	err := tell(result, outputTo(path, strings.Repeat("x", 1<<20)), streams{})
	if !errors.Is(err, syscall.ENOSPC) || exitCode(err) != exitEnvironment {
		t.Fatalf("%v", err)
	}
	mustHold(t, path, "old")
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
	_, kept, _ := strings.Cut(err.Error(), "the result is kept in ")
	kept, _, _ = strings.Cut(kept, ",")
	if b, err := os.ReadFile(kept); err != nil || !strings.Contains(string(b), bench.Schema) || filepath.Dir(kept) != elsewhere {
		t.Errorf("%s: %v, %q", kept, err, b)
	}
	// No room there either.
	t.Setenv("TMPDIR", filepath.Join(elsewhere, "none"))
	if err := tell(result, outputTo(path, strings.Repeat("x", 1<<20)), streams{}); !strings.Contains(err.Error(), "nor can the result be kept") {
		t.Errorf("%v", err)
	}
	// Nor on what stdout is; a reader who leaves is another matter.
	t.Setenv("TMPDIR", elsewhere)
	result.Candidates = make([]runner.Candidate, 1)
	result.Starts[0].Role = bench.RoleTarget
	full := func(io.Writer, *bench.Result) error { return syscall.ENOSPC }
	if err := tell(result, outputs[*bench.Result]{stdout: full}, streams{}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the result is kept in") {
		t.Errorf("%v", err)
	}
	leaves := func(io.Writer, *bench.Result) error { return syscall.EPIPE }
	if err := tell(result, outputs[*bench.Result]{stdout: leaves}, streams{}); !errors.Is(err, syscall.EPIPE) || strings.Contains(err.Error(), "kept") {
		t.Errorf("%v", err)
	}
}

func TestOutputOnReadOnlyDisk(t *testing.T) {
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", syscall.MS_RDONLY, "")
	for _, name := range []string{"r.json", "new/r.json"} {
		if _, err := openOutputs(filepath.Join(dir, name)); !errors.Is(err, syscall.EROFS) || exitCode(err) != exitEnvironment {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that is mounted by itself cannot be replaced, and is written to.
func TestOutputToMountedFile(t *testing.T) {
	dir := t.TempDir()
	outside, path := filepath.Join(dir, "outside.md"), filepath.Join(dir, "r.md")
	write(t, outside, "something long that was there before")
	write(t, path, "")
	mount(t, outside, path, "", syscall.MS_BIND, "")
	if _, err := outputTo(path, "new").write(nil); err != nil {
		t.Fatal(err)
	}
	mustHold(t, outside, "new")
	if left, _ := filepath.Glob(filepath.Join(dir, unfinished+"*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// Links stay, and what they lead to is written; so are its permissions kept.
func TestOutputThroughLinks(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "results"), 0o755), os.Mkdir(filepath.Join(dir, "links"), 0o755)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "results", "there.md"), "old")
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(dir, "links", name)); err != nil {
			t.Fatal(err)
		}
	}
	link("../results/there.md", "there.md")
	link("../results/new.md", "new.md")
	link(filepath.Join(dir, "links", "new.md"), "twice.md")
	link("loop.md", "loop.md")
	link("../results", "folder.md")
	for name, file := range map[string]string{"there.md": "there.md", "new.md": "new.md", "twice.md": "new.md"} {
		path := filepath.Join(dir, "links", name)
		if _, err := openOutputs(path); err != nil {
			t.Error(err)
		}
		if _, err := outputTo(path, name).write(nil); err != nil {
			t.Error(err)
		}
		mustHold(t, filepath.Join(dir, "results", file), name)
		if _, err := os.Readlink(path); err != nil {
			t.Errorf("the link is gone: %v", err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "results", "there.md")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", err, info.Mode())
	}
	if _, err := openOutputs(filepath.Join(dir, "links", "folder.md")); err == nil || !strings.Contains(err.Error(), "it is a folder") {
		t.Errorf("%v", err)
	}
}

// What a run that was killed had not finished to write goes; what another run
// is writing, and what is a user's, stays.
func TestUnfinishedFilesAreReaped(t *testing.T) {
	dir := t.TempDir()
	dir = filepath.Join(dir, "[a]*") // no pattern
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const now = ".mlbench-unfinished-2"
	for name, stays := range map[string]bool{
		".mlbench-unfinished-1": false, now: true, ".mlbench-unfinished-notes": true, ".mlbench-old.json": true, ".mlbench.yaml": true, "r.md": true,
	} {
		write(t, filepath.Join(dir, name), "x")
		if name != now {
			long := time.Now().Add(-2 * time.Hour)
			if err := os.Chtimes(filepath.Join(dir, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := openOutputs(filepath.Join(dir, "r.md")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); stays != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
