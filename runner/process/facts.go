//go:build unix

package process

import (
	"os"
	"strconv"
	"strings"
)

// kernelFacts are the kernel's release and the host's memory, as far as /proc
// tells them.
func kernelFacts() (release string, memory int64) {
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		release = strings.TrimSpace(string(b))
	}
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return release, 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return release, kib << 10
		}
	}
	return release, 0
}
