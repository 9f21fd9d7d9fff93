package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mlbench/runner/runnertest"
)

// onTerminal runs mlbench with stdout on a terminal of its own, and returns what
// came there.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	defer func() { _ = terminal.Close() }()
	fd := int(terminal.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	end, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	path, err := exec.LookPath("mlbench") // this test binary, where TestMain has put it
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout = append(os.Environ(), env...), end
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = end.Close()
	var shown bytes.Buffer
	_, err = io.Copy(&shown, terminal)
	if err != nil && !errors.Is(err, syscall.EIO) { // which is how a terminal says that nobody writes any more
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v\n%s", args, err, &shown)
	}
	return strings.ReplaceAll(shown.String(), "\r\n", "\n")
}

// TestColoursOnTerminal: verdicts are coloured there, and the text is the same.
func TestColoursOnTerminal(t *testing.T) {
	saved := t.TempDir() + "/r.json"
	out, err := exec.Command("mlbench", "run", "--runner", "process", "--pairs", "1", "--quiet", "--out", saved, runnertest.Fixture(t)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	plain, err := exec.Command("mlbench", "report", saved).Output()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plain, []byte("\x1b")) {
		t.Errorf("a pipe got %q", plain)
	}
	env := []string{"TERM=xterm", "NO_COLOR=", "CLICOLOR=1", "CLICOLOR_FORCE="}
	coloured := onTerminal(t, env, "report", saved)
	if !strings.Contains(coloured, "\x1b[34mpass\x1b[0m") {
		t.Errorf("a terminal got %q", coloured)
	}
	if bare := strings.NewReplacer("\x1b[34m", "", "\x1b[0m", "").Replace(coloured); bare != string(plain) {
		t.Errorf("the text differs:\n%s\n%s", bare, plain)
	}
	for _, off := range [][]string{{"NO_COLOR=1"}, {"TERM=dumb"}, {"CLICOLOR=0"}} {
		if got := onTerminal(t, append(env, off...), "report", saved); got != string(plain) {
			t.Errorf("%v: %q", off, got)
		}
	}
	if got := onTerminal(t, env, "report", saved, "--format", "json"); strings.Contains(got, "\x1b") {
		t.Errorf("JSON has colours: %q", got)
	}
	if got := onTerminal(t, env, "report", saved, "--color", "never"); got != string(plain) {
		t.Errorf("--color never: %q", got)
	}
}
