package probe

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder finds a process that holds a socket which listens on a TCP port of
// the network that we are in, among those that among names. Processes of
// others can be looked into by root alone, so none found may mean none seen.
func Holder(port int, among func(pid int) bool) (pid int, found bool) {
	sockets := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		addListening(sockets, table, port)
	}
	if len(sockets) == 0 {
		return 0, false
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || !among(pid) {
			continue
		}
		fds, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join(dir, "fd", fd.Name())); err == nil && sockets[to] {
				return pid, true
			}
		}
	}
	return 0, false
}

// addListening adds what /proc/PID/fd calls the sockets in a table of
// proc_pid_net(5) that listen on a port.
func addListening(sockets map[string]bool, table string, port int) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	const (
		local, state, inode = 1, 3, 9 // columns
		listens             = "0A"
	)
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > inode && fields[state] == listens && strings.HasSuffix(fields[local], suffix) {
			sockets["socket:["+fields[inode]+"]"] = true
		}
	}
}
