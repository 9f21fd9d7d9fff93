package speed

import (
	"math"
	"strconv"
	"strings"
	"time"

	"mlbench/runner"
)

// LoadSince is how much was wanted of this host since an earlier Load.
func LoadSince(earlier runner.HostLoad) runner.HostLoad {
	now := pressure()
	return runner.HostLoad{
		CPU: since(now.CPU, earlier.CPU), IO: since(now.IO, earlier.IO), Memory: since(now.Memory, earlier.Memory),
		Average: earlier.Average,
	}
}

func since(now, before *time.Duration) *time.Duration {
	if now == nil || before == nil {
		return nil
	}
	more := max(*now-*before, 0)
	return &more
}

// parsePressure reads a file of /proc/pressure (accounting/psi.rst in the
// kernel's documentation): the line "some" ends with its total in microseconds.
func parsePressure(text string) *time.Duration {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "some ") {
			continue
		}
		_, total, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " total=")
		n, err := strconv.ParseUint(total, 10, 63)
		if err != nil || n > uint64(math.MaxInt64/time.Microsecond) {
			return nil
		}
		took := time.Duration(n) * time.Microsecond
		return &took
	}
	return nil
}

// parseLoadAverage reads the first figure of /proc/loadavg, that of one minute.
func parseLoadAverage(text string) *float64 {
	first, _, _ := strings.Cut(text, " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil || !(load >= 0) || math.IsInf(load, 0) {
		return nil
	}
	return &load
}
