package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// treeTime is the CPU time of a process, of its children that live, of theirs,
// and of all children that were waited for. ok is false where the kernel does
// not list children (CONFIG_PROC_CHILDREN) or one ended in the meantime.
//
// Not all processes are looked through for the mark, as is done to end them:
// that takes milliseconds, by which the first request would be late.
//
// Of a process that lives the time is exact to the nanosecond, but for what a
// running thread used since the last tick of the scheduler (4 ms at
// CONFIG_HZ=250). Of children that were waited for it is told in clock ticks
// of 10 ms, rounded down, once per parent each for user and system time.
func treeTime(pid int) (used time.Duration, ok bool) {
	// The parent first: a child that ends in between is missed, which shows,
	// and none is counted twice.
	used, ok = ownTime(pid)
	if !ok {
		return 0, false
	}
	waited, ok := waitedTime(pid)
	if !ok {
		return 0, false
	}
	used += waited
	children, ok := childrenOf(pid)
	if !ok {
		return 0, false
	}
	for _, child := range children {
		below, ok := treeTime(child)
		if !ok {
			return 0, false
		}
		used += below
	}
	return used, true
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

func waitedTime(pid int) (time.Duration, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	return parseWaited(string(b))
}

// parseWaited reads cutime and cstime, fields 16 and 17 of proc_pid_stat(5).
// The second field is the program's name in parentheses, and may hold any.
func parseWaited(stat string) (time.Duration, bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third on
	if len(fields) < 15 {
		return 0, false
	}
	var ticks int64
	for _, f := range fields[13:15] {
		n, err := strconv.ParseUint(f, 10, 38) // 87 years, twice which a Duration holds
		if err != nil {
			return 0, false
		}
		ticks += int64(n)
	}
	return time.Duration(ticks) * tick, true
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
