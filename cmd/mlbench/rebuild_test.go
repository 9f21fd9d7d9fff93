package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/docker"
)

// rebuildFolder is one whose step does what the shell makes of the changed file.
func rebuildFolder(t *testing.T, step string) (folder, mark string) {
	t.Helper()
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	mark = fmt.Sprintf("mark-%d-%s", time.Now().UnixNano(), strings.ReplaceAll(t.Name(), "/", "-"))
	folder = t.TempDir()
	dockerfile := "FROM " + shellImage(t, r) + "\nRUN echo " + mark + "\nCOPY app.py /\nRUN echo " + mark + "; " + step + "\n"
	for name, content := range map[string]string{"Dockerfile": dockerfile, "app.py": "x = 1\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder, mark
}

// until cancels a context some seconds after some text is written.
type until struct {
	mu     sync.Mutex
	all    bytes.Buffer
	text   *regexp.Regexp
	cancel context.CancelCauseFunc
}

func (u *until) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all.Write(p)
	if u.text != nil && u.text.Match(u.all.Bytes()) {
		u.text = nil
		time.AfterFunc(3*time.Second, func() { u.cancel(errInterrupted) }) // amid a step, if the machine is not too busy
	}
	return len(p), nil
}

// TestRebuild tries what becomes of rebuilds that fail or are cut short, with a
// real engine, whose cache holds nothing of them afterwards.
func TestRebuild(t *testing.T) {
	needEngine(t)
	for _, c := range []struct {
		name, step string
		stop       string // what is written on stderr when it is interrupted
		args       []string
		code       int
		out, err   string // patterns
	}{
		{
			name: "one fails", step: `! grep -q -- "-3$" /app.py`, args: []string{"--pairs", "4"}, code: exitGate,
			out: `1 of 4 rebuilds FAILED \(1 exited\)(.|\n)*starts +\S+ +fail +1 of 4 rebuilds failed, 0 allowed`,
			err: `a rebuild failed, and counts as one that never ends: building .*\n(.*\n)* +.*mark-`,
		},
		{
			name: "all fail", step: `! grep -q mlbench /app.py`, args: []string{"--pairs", "6"}, code: exitEnvironment,
			err: `was built as it is, and every rebuild after a change of app.py failed \(3 exited\): building .*\n(.*\n)* +.*mark-`,
		},
		{
			name: "interrupted", step: `! grep -q mlbench /app.py || sleep 300`, stop: `warm-up 1/1`, args: []string{"--pairs", "6"}, code: exitInterrupted,
			out: `^$`, err: `interrupted`,
		},
		{
			name: "too long", step: `! grep -q -- "-2$" /app.py || sleep 300`, args: []string{"--pairs", "2", "--timeout", "15s"}, code: exitGate,
			out: `1 of 2 rebuilds FAILED \(1 timeout\)`, err: `not built within 15s`,
		},
	} {
		for _, with := range []runner.BuildWith{runner.BuildKit, runner.Classic} {
			t.Run(c.name+" "+string(with), func(t *testing.T) {
				folder, mark := rebuildFolder(t, c.step)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				said := &until{cancel: cancel}
				if c.stop != "" {
					said.text = regexp.MustCompile(c.stop)
				}
				var out bytes.Buffer
				args := append([]string{"rebuild", folder, "--touch", "app.py", "--builder", string(with)}, c.args...)
				if code := run(ctx, streams{in: strings.NewReader(""), out: &out, err: said}, args); code != c.code {
					t.Errorf("exit code %d, want %d", code, c.code)
				}
				if !regexp.MustCompile(c.out).MatchString(out.String()) || !regexp.MustCompile(c.err).MatchString(said.all.String()) {
					t.Errorf("wrote\n%s\nand said\n%s\nwant %s and %s", out.String(), said.all.String(), c.out, c.err)
				}
				if b, err := os.ReadFile(filepath.Join(folder, "app.py")); err != nil || string(b) != "x = 1\n" {
					t.Errorf("the user's file is now %q, %v", b, err)
				}
				notInCache(t, folder, mark, with)
			})
		}
	}
}

// notInCache builds a folder once more, of which everything must be done anew.
func notInCache(t *testing.T, folder, mark string, with runner.BuildWith) {
	t.Helper()
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	built, err := r.Build(t.Context(), runner.Build{
		Context: os.DirFS(folder), Tag: "mlbench-test:" + strings.ToLower(regexp.MustCompile(`\W`).ReplaceAllString(mark, "-")), With: with, Passing: true, Undoable: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range built.Steps {
		if s.Cached {
			t.Errorf("%s is left in the cache", s.Name)
		}
	}
	if err := built.Undo(); err != nil {
		t.Error(err)
	}
}
