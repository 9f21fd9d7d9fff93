package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// OwnerLabel is the label, or annotation, that names the Owner of whatever a
// Runner makes in an engine.
const OwnerLabel = "mlbench.owner"

// An Owner is the mlbench process that a container or process was started by.
// It is written on everything that a Runner starts, so that a later run can
// tell what a killed one left behind.
type Owner struct {
	Host    string // host name and machine id
	Boot    string // the kernel's boot id, "" where unknown
	PIDs    string // the namespace that PID is one of, "" where unknown
	PID     int
	Started string // the process's start time in kernel ticks since boot, "" where unknown
}

// Self is this process.
var Self = sync.OnceValue(func() Owner {
	host, _ := os.Hostname() // an empty name is still a name to compare with
	pid := os.Getpid()
	namespace, _ := os.Readlink("/proc/self/ns/pid") // likewise
	return Owner{
		Host:    host + "/" + content("/etc/machine-id"),
		Boot:    content("/proc/sys/kernel/random/boot_id"),
		PIDs:    namespace,
		PID:     pid,
		Started: startTime(pid),
	}
})

// String is the form that ParseOwner reads.
func (o Owner) String() string {
	return strings.Join([]string{o.Host, o.Boot, o.PIDs, strconv.Itoa(o.PID), o.Started}, "|")
}

// ParseOwner reads what String wrote.
func ParseOwner(s string) (Owner, error) {
	f := strings.Split(s, "|")
	if len(f) != 5 {
		return Owner{}, fmt.Errorf("owner %q: want host|boot|pid namespace|pid|start time", s)
	}
	pid, err := strconv.Atoi(f[3])
	if err != nil || pid <= 0 {
		return Owner{}, fmt.Errorf("owner %q: pid %q is not a process id", s, f[3])
	}
	return Owner{Host: f[0], Boot: f[1], PIDs: f[2], PID: pid, Started: f[4]}, nil
}

// Dead reports whether the owner surely lives no more. Of an owner on another
// host, or in another container, nothing is known, so it counts as alive.
func (o Owner) Dead() bool {
	self := Self()
	switch {
	case o.Host != self.Host:
		return false
	case o.Boot != self.Boot:
		// The host was started again since; without a machine id it may be
		// another of the same name.
		return !strings.HasSuffix(o.Host, "/")
	case o.PIDs != self.PIDs:
		return false
	}
	p, err := os.FindProcess(o.PID)
	if err != nil || errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		return true
	}
	started := startTime(o.PID)
	return started != "" && started != o.Started // another process has its id now
}

// content is a small file's, "" where there is none.
func content(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// startTime is field 22 of /proc/PID/stat (proc(5)); "" where there is none.
func startTime(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field, the program's name, may hold spaces and parentheses.
	i := bytes.LastIndexByte(b, ')')
	f := strings.Fields(string(b[i+1:]))
	if len(f) < 20 {
		return ""
	}
	return f[19]
}
