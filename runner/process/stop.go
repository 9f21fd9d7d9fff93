//go:build unix

package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mlbench/runner"
)

// markName is the variable that marks every process of a start, also those
// that left its process group, and tells whose they are.
const markName = "MLBENCH_START"

// stopTimeout bounds how long killed processes may take to be gone.
const stopTimeout = 10 * time.Second

// A marker is the value of MLBENCH_START: the owner, and which of its starts.
type marker struct {
	owner runner.Owner
	start int
}

func (m marker) env() string { return fmt.Sprintf("%s=%s#%d", markName, m.owner, m.start) }

// stop kills the process group and everything else that carries the mark,
// and waits until all of it is gone.
func (p *running) stop(m marker) (*os.ProcessState, error) {
	group := p.cmd.Process.Pid
	select {
	case <-p.ended:
		if there(group) {
			// The kernel gives an id away only when no process and no group
			// has it: this is a stranger's, and our group is empty.
			group = 0
		}
	default:
		_ = syscall.Kill(-group, syscall.SIGKILL) // the quick way; killAll looks after it
	}
	err := killAll(func(pid int) bool { return group != 0 && groupOf(pid) == group || marked(pid) == m.env() })
	select {
	case <-p.ended:
	case <-time.After(stopTimeout): // it waits in the kernel, for a disk or a device
		return nil, errors.Join(err, fmt.Errorf("process %d was killed and is still there after %v", group, stopTimeout))
	}
	// Whoever held the other end is dead, so the reader comes to its end;
	// closing wakes it if someone passed the pipe on to a stranger.
	p.finishReading()
	_ = p.pipe.Close()
	return p.cmd.ProcessState, err
}

func there(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// killAll kills every process that ours names until none is left.
func killAll(ours func(pid int) bool) error {
	deadline := time.Now().Add(stopTimeout)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		var left []int
		for _, pid := range processes() {
			// Found before it is looked at: on Linux this is a handle of the
			// process, so none that takes over its id later can be hit.
			p, err := os.FindProcess(pid)
			if err != nil {
				continue
			}
			if ours(pid) {
				left = append(left, pid)
				_ = p.Kill()
			}
			_ = p.Release()
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v were killed and are still there after %v", left, stopTimeout)
		}
		time.Sleep(pause)
	}
}

// Reap kills what killed runs of mlbench left running.
func (r *Runner) Reap(context.Context) ([]string, error) {
	var reaped []string
	dead := func(pid int) bool {
		value, ok := strings.CutPrefix(marked(pid), markName+"=")
		if !ok {
			return false
		}
		name, _, _ := strings.Cut(value, "#")
		owner, err := runner.ParseOwner(name)
		return err == nil && owner.Dead()
	}
	for _, pid := range processes() {
		if dead(pid) {
			reaped = append(reaped, fmt.Sprintf("process %d (%s)", pid, commandLine(pid)))
		}
	}
	if len(reaped) == 0 {
		return nil, nil
	}
	return reaped, runner.As(runner.ErrEnvironment, killAll(dead))
}

// processes are the ids of all processes but this one that are not zombies;
// none where there is no /proc, and then the process group is all that is
// known of a start.
func processes() []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	var pids []int
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if err != nil || pid == os.Getpid() || zombie(pid) {
			continue
		}
		pids = append(pids, pid)
	}
	return pids
}

func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true // gone
	}
	i := bytes.LastIndexByte(b, ')')
	return i+2 < len(b) && (b[i+2] == 'Z' || b[i+2] == 'X')
}

func groupOf(pid int) int {
	group, err := syscall.Getpgid(pid)
	if err != nil {
		return 0
	}
	return group
}

// marked is the process's MLBENCH_START=… variable, or "".
func marked(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for _, v := range bytes.Split(b, []byte{0}) {
		if bytes.HasPrefix(v, []byte(markName+"=")) {
			return string(v)
		}
	}
	return ""
}

func commandLine(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})))
}
