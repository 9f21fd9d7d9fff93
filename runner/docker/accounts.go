package docker

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// parseUsage reads cpuacct.usage: nanoseconds.
func parseUsage(text string) (int64, error) {
	return parseTime(strings.TrimSuffix(text, "\n"), time.Nanosecond)
}

// parseCPUStat reads cpu.stat, whose line usage_usec is microseconds.
func parseCPUStat(text string) (int64, error) {
	value, ok := valueOf("usage_usec", text)
	if !ok {
		return 0, errors.New("cpu.stat has no line usage_usec")
	}
	return parseTime(value, time.Microsecond)
}

// parsePressure reads cpu.pressure, whose line "full" ends with the total in
// microseconds. Kernels before 5.13 have no such line for processors.
func parsePressure(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "full ") {
			continue
		}
		if _, total, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " total="); ok {
			return parseTime(total, time.Microsecond)
		}
	}
	return 0, errors.New("cpu.pressure has no total of the kind full")
}

// parseTotalFaults reads memory.stat of v1, whose total_ lines count the
// groups below too.
func parseTotalFaults(text string) (int64, error) { return parseLine("total_pgmajfault", text) }

// parseFaults reads memory.stat of v2.
func parseFaults(text string) (int64, error) { return parseLine("pgmajfault", text) }

func parseLine(name, text string) (int64, error) {
	value, ok := valueOf(name, text)
	if !ok {
		return 0, errors.New("memory.stat has no line " + name)
	}
	return parseCount(value)
}

// parseServiceBytes reads blkio.throttle.io_service_bytes: lines "8:0 Read 4096"
// and others. Where no device is listed nothing was read, or nothing is counted:
// from Linux 6.10 on nothing is in groups without a limit.
func parseServiceBytes(text string) (int64, error) {
	var sum int64
	found := false
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 || f[1] != "Read" {
			continue
		}
		found = true
		if err := addRead(&sum, f[0], f[2]); err != nil {
			return 0, err
		}
	}
	if !found {
		return 0, errors.New("blkio.throttle.io_service_bytes lists no device")
	}
	return sum, nil
}

// parseIOStat reads io.stat: lines "8:0 rbytes=4096 wbytes=0 …". It is empty
// where nothing was read or written.
func parseIOStat(text string) (int64, error) {
	var sum int64
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		for _, field := range f {
			value, ok := strings.CutPrefix(field, "rbytes=")
			if !ok {
				continue
			}
			if err := addRead(&sum, f[0], value); err != nil {
				return 0, err
			}
		}
	}
	return sum, nil
}

// addRead adds what was read from a device.
func addRead(sum *int64, device, text string) error {
	n, err := parseCount(text)
	if err != nil {
		return err
	}
	if stacked(device) {
		return nil
	}
	if n > math.MaxInt64-*sum {
		return fmt.Errorf("%s bytes read from %.40q are too many", text, device)
	}
	*sum += n
	return nil
}

// stacked reports whether a device stands on others or on a file (device
// mapper, RAID, loop): what is read from it is counted where it stands too.
// Partitions are no devices of their own in these accounts.
func stacked(device string) bool {
	major, minor, _ := strings.Cut(device, ":")
	for _, part := range []string{major, minor} {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil {
			return false
		}
	}
	const loop = "7" // major number, admin-guide/devices.txt in the kernel's documentation
	if major == loop {
		return true
	}
	below, err := os.ReadDir("/sys/dev/block/" + device + "/slaves")
	return err == nil && len(below) > 0
}

// parseCount reads a figure on a line of its own.
func parseCount(text string) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "\n"), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a figure", text)
	}
	return int64(n), nil
}

// valueOf is what follows a name and a space on a line of its own.
func valueOf(name, text string) (string, bool) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+" "); ok {
			return value, true
		}
	}
	return "", false
}

func parseTime(text string, unit time.Duration) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n > uint64(math.MaxInt64/unit) {
		return 0, fmt.Errorf("%.40q is not a time", text)
	}
	return int64(n) * int64(unit), nil
}
