package runner

import (
	"bufio"
	"io"
	"os"
	"strings"
)

// CPUModel is the model of this host's processors, as /proc/cpuinfo names it;
// "" where it does not, as on many ARM hosts and outside Linux.
func CPUModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	return cpuModel(f)
}

// cpuModel reads no more than the first processors: a host has one model, and
// its list may be of hundreds.
func cpuModel(in io.Reader) string {
	lines := bufio.NewScanner(io.LimitReader(in, 64<<10))
	for lines.Scan() {
		name, model, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(name) == "model name" {
			return strings.Join(strings.Fields(model), " ")
		}
	}
	return ""
}
