package runnertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An Engine is a Docker Engine of a test's own, to be stopped, killed and
// starved. Its disk is a small one in memory, and its containers run on the
// host's network.
type Engine struct {
	Host string // what DOCKER_HOST is to be

	flags  []string
	held   *os.File // the socket, where somebody else than the engine listens on it
	dir    string
	bridge string
	cmd    *exec.Cmd
	log    bytes.Buffer // of all of its runs; read it when none is
}

// engineTimeout bounds how long an engine may take to start or stop, also on
// a machine that does other things too.
const engineTimeout = time.Minute

// Activated, among an engine's flags, has the test hold the engine's socket, as
// systemd does: while no engine runs, who connects waits for the next.
const Activated = "activated"

// NewEngine starts an engine with so many bytes of disk; the test ends it.
// Where there is no dockerd to start, or no permission, the test is skipped.
func NewEngine(tb testing.TB, disk int64, flags ...string) *Engine {
	tb.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil || os.Getuid() != 0 {
		tb.Skip("an engine of its own needs dockerd, and root to run it")
	}
	dir, err := os.MkdirTemp("", "mlbench") // a socket's path is short
	if err != nil {
		tb.Fatal(err)
	}
	e := &Engine{Host: "unix://" + filepath.Join(dir, "s"), dir: dir, bridge: fmt.Sprintf("mlb%d", os.Getpid())}
	tb.Cleanup(func() { e.end(tb) })
	e.flags = slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return f == Activated })
	if len(e.flags) < len(flags) {
		e.held = e.listen(tb)
	}
	if err := errors.Join(os.Mkdir(e.data(), 0o700), os.WriteFile(filepath.Join(dir, "daemon.json"), []byte("{}"), 0o600)); err != nil {
		tb.Fatal(err)
	}
	// A bridge of its own, though nothing uses it: an engine that is told to
	// have none (--bridge=none) deletes docker0, which is another engine's.
	for _, args := range [][]string{
		{"link", "add", e.bridge, "type", "bridge"}, {"addr", "add", "192.0.2.1/24", "dev", e.bridge}, {"link", "set", e.bridge, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			tb.Skipf("an engine of its own needs a bridge of its own: ip %v: %v: %s", args, err, out)
		}
	}
	err = syscall.Mount("tmpfs", e.data(), "tmpfs", 0, fmt.Sprintf("size=%d", disk))
	if errors.Is(err, syscall.EPERM) {
		tb.Skip("an engine of its own needs a disk of its own: mount: ", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	e.Start(tb)
	return e
}

func (e *Engine) listen(tb testing.TB) *os.File {
	tb.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(e.dir, "s")})
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func (e *Engine) data() string { return filepath.Join(e.dir, "data") }

// Start starts the engine again, and returns when it answers.
func (e *Engine) Start(tb testing.TB) {
	tb.Helper()
	// What one that was killed leaves, which may still be a zombie's.
	pidfile := filepath.Join(e.dir, "pid")
	_ = os.Remove(pidfile)
	_ = os.Remove(filepath.Join(e.dir, "x", "containerd", "containerd.pid"))
	program, host := []string{"dockerd"}, e.Host
	if e.held != nil { // sd_listen_fds(3)
		program, host = []string{"sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec dockerd "$@"`, "sh"}, "fd://"
	}
	e.cmd = exec.Command(program[0], slices.Concat(program[1:], []string{
		"--config-file", filepath.Join(e.dir, "daemon.json"), "--host", host, "--pidfile", pidfile,
		"--data-root", e.data(), "--exec-root", filepath.Join(e.dir, "x"),
		"--log-level=error", "--bridge", e.bridge, "--iptables=false", "--ip-masq=false", "--ip-forward=false",
	}, e.flags)...)
	if e.held != nil {
		e.cmd.ExtraFiles = []*os.File{e.held}
	}
	e.cmd.Stdout, e.cmd.Stderr = &e.log, &e.log
	// Not to outlive a test that is ended the hard way.
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := e.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		var version struct{}
		err := e.get("/version", &version)
		if err == nil {
			return
		}
		if time.Since(begin) > engineTimeout {
			e.Stop(tb, syscall.SIGKILL)
			tb.Fatalf("the engine does not start: %v\n%s", err, &e.log)
		}
	}
}

// Stop sends the engine a signal, and returns when it has ended.
func (e *Engine) Stop(tb testing.TB, signal syscall.Signal) {
	tb.Helper()
	if e.cmd == nil || e.cmd.ProcessState != nil {
		return
	}
	_ = e.cmd.Process.Signal(signal)
	kill := time.AfterFunc(engineTimeout, func() { _ = e.cmd.Process.Kill() })
	defer kill.Stop()
	_ = e.cmd.Wait() // how it ended is not the question
	// The next engine takes a containerd that has not quite ended for its own.
	for begin := time.Now(); len(e.processes("containerd\x00")) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > engineTimeout {
			tb.Fatal("the engine's containerd does not end")
		}
	}
}

// Container is a container of an Engine.
type Container struct {
	ID    string `json:"Id"`
	Names []string
	State string
}

// Containers are all that the engine has.
func (e *Engine) Containers(tb testing.TB) []Container {
	tb.Helper()
	var list []Container
	if err := e.get("/containers/json?all=1", &list); err != nil {
		tb.Fatal(err)
	}
	return list
}

// Running waits for a container to run, and returns it.
func (e *Engine) Running(tb testing.TB) Container {
	tb.Helper()
	for begin := time.Now(); time.Since(begin) < engineTimeout; time.Sleep(10 * time.Millisecond) {
		for _, c := range e.Containers(tb) {
			if c.State == "running" {
				return c
			}
		}
	}
	tb.Fatal("no container runs")
	return Container{}
}

// Fill leaves so many bytes free on the engine's disk.
func (e *Engine) Fill(tb testing.TB, free int64) {
	tb.Helper()
	e.Empty(tb)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(e.data(), &disk); err != nil {
		tb.Fatal(err)
	}
	f, err := os.Create(e.filler())
	if err != nil {
		tb.Fatal(err)
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, int64(disk.Bfree)*disk.Bsize-free)
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatal(err)
	}
}

// Empty undoes Fill.
func (e *Engine) Empty(tb testing.TB) {
	tb.Helper()
	if err := os.RemoveAll(e.filler()); err != nil {
		tb.Fatal(err)
	}
}

func (e *Engine) filler() string { return filepath.Join(e.data(), "filler") }

// get asks the engine.
func (e *Engine) get(path string, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine"+path, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.Host, "unix://"))
		},
	}}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return json.NewDecoder(response.Body).Decode(answer)
}

// end ends the engine and everything of it.
func (e *Engine) end(tb testing.TB) {
	e.Stop(tb, syscall.SIGTERM) // its containers end with it
	if e.held != nil {
		_ = e.held.Close()
	}
	containers := e.known()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		left := append(e.processes(""), inside(containers)...)
		if len(left) == 0 {
			break
		}
		if time.Since(begin) > engineTimeout {
			tb.Errorf("processes %v of the test's engine do not end", left)
			break
		}
		for _, p := range left {
			_ = syscall.Kill(p, syscall.SIGKILL)
		}
	}
	for _, id := range containers { // what a killed engine did not come to remove
		groups, _ := filepath.Glob("/sys/fs/cgroup/*/docker/" + id) // the pattern is well-formed
		for _, group := range groups {
			_ = syscall.Rmdir(group)
		}
	}
	for _, point := range e.mounts() {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			tb.Errorf("unmounting %s: %v", point, err)
		}
	}
	_ = exec.Command("ip", "link", "del", e.bridge).Run() // where it came to be made
	if err := os.RemoveAll(e.dir); err != nil {
		tb.Error(err)
	}
	if tb.Failed() {
		tb.Logf("the engine's log:\n%s", &e.log)
	}
}

// processes are those of the engine whose command line begins so; all of them
// name its folder: dockerd, containerd and the shims of containers.
func (e *Engine) processes(begin string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, dir := range dirs {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		pid, notPID := strconv.Atoi(filepath.Base(dir))
		if err == nil && notPID == nil && pid != os.Getpid() && bytes.HasPrefix(line, []byte(begin)) && bytes.Contains(line, []byte(e.dir+"/")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// known are the ids of the containers in the engine's folder.
func (e *Engine) known() []string {
	var ids []string
	dirs, _ := os.ReadDir(filepath.Join(e.data(), "containers")) // none where it never was an engine's
	for _, dir := range dirs {
		ids = append(ids, dir.Name())
	}
	return ids
}

// inside are the processes in these containers.
func inside(containers []string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // a zombie has none
		groups, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		pid, notPID := strconv.Atoi(filepath.Base(dir))
		if err == nil && notPID == nil && len(line) > 0 && slices.ContainsFunc(containers, func(id string) bool { return bytes.Contains(groups, []byte(id)) }) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// mounts are the mount points in the engine's folder, the innermost first.
func (e *Engine) mounts() []string {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var points []string
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], e.dir+"/") {
			points = append(points, f[4])
		}
	}
	slices.Reverse(points)
	return points
}
