package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCommit: what git knows of a folder, whoever else's repository the
// environment is about.
func TestCommit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		lacking(t, "needs git: %v", err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	repository := t.TempDir()
	write := func(name string) {
		t.Helper()
		path := filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", repository, "-c", "user.name=a", "-c", "user.email=a@b.c"}, args...)...).CombinedOutput(); err != nil { //nolint:gosec // git alone
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	is := func(what, folder string, known, dirty bool) {
		t.Helper()
		name, changed := commit(t.Context(), filepath.Join(repository, folder), "Dockerfile")
		if (name != "") != known || changed != dirty {
			t.Errorf("%s: commit %q, dirty: %v", what, name, changed)
		}
	}
	for _, folder := range []string{"service", "other", "made"} {
		write(folder + "/Dockerfile")
	}
	is("no repository", "service", false, false)
	is("nothing there", "nothing", false, false)
	run("init", "-q")
	is("no commit", "service", false, false)
	write(".gitignore")
	if err := os.WriteFile(filepath.Join(repository, ".gitignore"), []byte("made\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("add", "service", ".gitignore")
	run("commit", "-q", "-m", "a")
	is("as it is committed", "service", true, false)
	is("not yet added", "other", true, true)
	is("ignored as a whole", "made", false, false)
	t.Setenv("GIT_DIR", filepath.Join(repository, "no-such"))
	is("with another's GIT_DIR", "service", true, false)
	write("service/new")
	is("with another file", "service", true, true)
	t.Setenv("PATH", t.TempDir())
	is("without git", "service", false, false)
}
