package speed

import (
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/stat: USER_HZ is 100 on every architecture that
// Go runs on.
const tick = 10 * time.Millisecond

// parseSteal reads the eighth figure of the line "cpu" of /proc/stat (see
// proc_stat(5)), which older kernels do not have.
func parseSteal(stat string) (time.Duration, bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, false
	}
	n, err := strconv.ParseUint(fields[8], 10, 63)
	if err != nil || n > 1<<62/uint64(tick) {
		return 0, false
	}
	return time.Duration(n) * tick, true
}
