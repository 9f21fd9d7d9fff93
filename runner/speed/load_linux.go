package speed

import (
	"os"

	"mlbench/runner"
)

// Load is how much has been wanted of this host since it was started, to be
// given to LoadSince, and its load average now.
func Load() runner.HostLoad {
	load := pressure()
	load.Average = parseLoadAverage(head("/proc/loadavg"))
	return load
}

func pressure() runner.HostLoad {
	return runner.HostLoad{
		CPU:    parsePressure(head("/proc/pressure/cpu")),
		IO:     parsePressure(head("/proc/pressure/io")),
		Memory: parsePressure(head("/proc/pressure/memory")),
	}
}

// head is the beginning of a file of the kernel's; "" where it cannot be read.
func head(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	text := make([]byte, 512)
	n, err := file.Read(text)
	if err != nil {
		return ""
	}
	return string(text[:n])
}
