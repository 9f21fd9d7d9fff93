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
	Host  string // host name
	Boot  string // the kernel's boot id, "" where unknown
	PID   int
	Start string // the process's start time in kernel ticks since boot, "" where unknown
}

// Self is this process.
var Self = sync.OnceValue(func() Owner {
	host, _ := os.Hostname() // an empty name is still a name to compare with
	pid := os.Getpid()
	return Owner{Host: host, Boot: bootID(), PID: pid, Start: startTime(pid)}
})

// String is the form that ParseOwner reads.
func (o Owner) String() string {
	return fmt.Sprintf("%s|%s|%d|%s", o.Host, o.Boot, o.PID, o.Start)
}

// ParseOwner reads what String wrote.
func ParseOwner(s string) (Owner, error) {
	f := strings.Split(s, "|")
	if len(f) != 4 {
		return Owner{}, fmt.Errorf("owner %q: want host|boot|pid|start", s)
	}
	pid, err := strconv.Atoi(f[2])
	if err != nil || pid <= 0 {
		return Owner{}, fmt.Errorf("owner %q: pid %q is not a process id", s, f[2])
	}
	return Owner{Host: f[0], Boot: f[1], PID: pid, Start: f[3]}, nil
}

// Dead reports whether the owner surely lives no more. Of an owner on another
// host nothing is known, so it counts as alive.
func (o Owner) Dead() bool {
	if o.Host != Self().Host {
		return false
	}
	if o.Boot != Self().Boot {
		return true // the host was started again since
	}
	p, err := os.FindProcess(o.PID)
	if err != nil || errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		return true
	}
	return o.Start != startTime(o.PID) // another process has its id now
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
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
