package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mlbench/runner"
	"mlbench/runner/cache"
)

// treeCost is what a process, its children that live, theirs, and all children
// that were waited for have used. All of it is nil where the kernel does not
// list children (CONFIG_PROC_CHILDREN) or one ended in the meantime.
//
// Not all processes are looked through for the mark, as is done to end them:
// that takes milliseconds, by which the first request would be late.
//
// Of a process that lives the CPU time is exact to the nanosecond, but for what
// a running thread used since the last tick of the scheduler (4 ms at
// CONFIG_HZ=250). Of children that were waited for it is told in clock ticks
// of 10 ms, rounded down, once per parent each for user and system time. The
// peak of memory is that of processes which live.
func treeCost(pid int) runner.Cost {
	var sum runner.Cost
	if !addTree(&sum, pid) {
		return runner.Cost{}
	}
	return sum
}

// addTree adds what the processes of a tree used.
func addTree(sum *runner.Cost, pid int) bool {
	// The parent first: a child that ends in between may be missed, and none
	// is counted twice.
	used, ok := ownTime(pid)
	if !ok {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	waited, faults, ok := parseStat(string(stat))
	if !ok {
		return false
	}
	first := sum.CPU == nil
	sum.CPU = plus(sum.CPU, used+waited, first)
	sum.MajorFaults = plus(sum.MajorFaults, faults, first)
	if read, err := cache.ReadFromDisk(pid); err == nil {
		sum.ReadBytes = plus(sum.ReadBytes, read, first)
	} else {
		sum.ReadBytes = nil
	}
	sum.PeakMemory = larger(sum.PeakMemory, peakOf(pid), first)
	children, ok := childrenOf(pid)
	if !ok {
		return false
	}
	for _, child := range children {
		if !addTree(sum, child) {
			return false
		}
	}
	return true
}

// plus adds to a sum, which stays nil where a part of it is not known.
func plus[T ~int64](sum *T, more T, first bool) *T {
	if sum != nil {
		more += *sum
	} else if !first {
		return nil
	}
	return &more
}

func larger(most, other *int64, first bool) *int64 {
	if first || most != nil && other != nil && *other > *most {
		return other
	}
	if other == nil {
		return nil
	}
	return most
}

// peakOf is the largest resident set that a process has had since it began its
// program.
func peakOf(pid int) *int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	return parsePeak(string(b))
}

// parsePeak reads the line VmHWM of proc_pid_status(5).
func parsePeak(status string) *int64 {
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "VmHWM:" || f[2] != "kB" {
			continue
		}
		kib, err := strconv.ParseUint(f[1], 10, 53)
		if err != nil {
			return nil
		}
		n := int64(kib) << 10
		return &n
	}
	return nil
}

// ownTime is the CPU time of all threads of a process, also those that ended.
func ownTime(pid int) (time.Duration, bool) {
	const sched = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h, whole process
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every
// architecture that Go knows.
const tick = 10 * time.Millisecond

// parseStat reads cutime and cstime, fields 16 and 17 of proc_pid_stat(5), and
// the major faults of the process and of the children that it waited for,
// fields 12 and 13. The second field is the program's name in parentheses, and
// may hold any.
func parseStat(stat string) (waited time.Duration, faults int64, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third on
	if len(fields) < 15 {
		return 0, 0, false
	}
	var figures [4]int64
	for i, f := range slices.Concat(fields[9:11], fields[13:15]) {
		n, err := strconv.ParseUint(f, 10, 38) // 87 years in ticks, twice which a Duration holds
		if err != nil {
			return 0, 0, false
		}
		figures[i] = int64(n)
	}
	return time.Duration(figures[2]+figures[3]) * tick, figures[0] + figures[1], true
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid int) (children []int, ok bool) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, false
	}
	for _, thread := range threads {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			if thread.Name() == strconv.Itoa(pid) {
				return nil, false
			}
			continue // the thread has ended, and another has its children
		}
		for _, field := range bytes.Fields(b) {
			child, err := strconv.Atoi(string(field))
			if err != nil {
				return nil, false
			}
			children = append(children, child)
		}
	}
	return children, true
}
