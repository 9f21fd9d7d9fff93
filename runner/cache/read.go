package cache

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ReadFromDisk is how many bytes a process, its threads and all processes that
// it waited for had to be read from disks, because they were not in memory.
// Whoever may not trace the process gets an error that wraps
// fs.ErrPermission. Network file systems and those that keep a cache of their
// own may count nothing.
func ReadFromDisk(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0, err
	}
	return parseIO(string(b))
}

// parseIO reads proc_pid_io(5).
func parseIO(text string) (int64, error) {
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "read_bytes: ")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			return 0, fmt.Errorf("%.40q is not a number of bytes", value)
		}
		return int64(n), nil
	}
	return 0, errors.New("the kernel does not tell what a process reads (CONFIG_TASK_IO_ACCOUNTING)")
}
