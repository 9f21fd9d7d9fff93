//go:build unix

package docker

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"
)

// The engine goes away in the middle of a start: that is told at once, the
// program is ended without the engine, and what is left of the container is
// removed by the next run. The start is made by a process of its own, as only
// what dead ones left is removed.
func TestEngineGoesAway(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	engine := socket(t, r)
	for _, ready := range []string{"http", "log=never"} {
		t.Run(ready, func(t *testing.T) {
			p := newProxy(t, engine)
			ref := fixtureImage(t, "EXPOSE 8080", healthcheck)
			child := exec.Command(os.Args[0], "-test.run=^TestChildStarts$", "-test.v")
			child.Env = append(os.Environ(), "DOCKER_HOST=unix://"+p.path, "MLBENCH_TEST_START="+ref, "MLBENCH_TEST_READY="+ready)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			child.Stderr = child.Stdout
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			told := make(chan string)
			session := make(chan string, 1)
			go func() { told <- readAll(out, session) }()
			info := running(t, r, <-session)
			time.Sleep(100 * time.Millisecond) // it watches
			p.close()
			closed := time.Now()
			text := <-told
			took := time.Since(closed)
			_ = child.Wait() // what it has to say stands in its output
			if took > 10*time.Second {
				t.Errorf("it took %v to tell", took)
			}
			for _, want := range []string{"environment: true", "no engine answers at unix://" + p.path, "its processes were killed"} {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in:\n%s", want, text)
				}
			}
			for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
				if err := syscall.Kill(info.State.Pid, 0); errors.Is(err, syscall.ESRCH) {
					break
				}
				if time.Since(begin) > 5*time.Second {
					t.Fatalf("process %d still runs", info.State.Pid)
				}
			}
			if _, err := r.Reap(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := r.cli.ContainerInspect(t.Context(), info.ID); !cerrdefs.IsNotFound(err) {
				t.Errorf("the container is still there: %v", err)
			}
		})
	}
}

func TestNoPermission(t *testing.T) {
	path := socket(t, closing(t, Options{}))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 || info.Mode().Perm()&0o006 != 0 {
		t.Skip("needs root, and a socket that is not open to everybody")
	}
	// The test binary, where everybody can run it.
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(newProxy(t, path).path)
	program := filepath.Join(dir, "test")
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(program, "-test.run=^TestChildStarts$", "-test.v")
	child.Dir = "/"
	child.Env = append(os.Environ(), "DOCKER_HOST="+client.DefaultDockerHost, "MLBENCH_TEST_START=x", "MLBENCH_TEST_READY=http", "DOCKER_CONFIG="+dir)
	const nobody = 65534
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "environment: true: asking the engine what it is: no permission on " + client.DefaultDockerHost + ": run as root, or join its group"
	if !strings.Contains(string(out), want) {
		t.Errorf("no %q in:\n%s", want, out)
	}
}
