package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// A clock turns Go's moments into CLOCK_MONOTONIC, on which servers tell
// theirs. Go reads that clock too, but does not show what it read.
type clock struct {
	at    time.Time
	nanos int64         // CLOCK_MONOTONIC at that moment, in ns
	error time.Duration // by which that is wrong at most
}

// newClock reads both clocks, one between two readings of the other, until
// nothing came between them.
func newClock() clock {
	var best clock
	for i := range 1000 {
		before := monotonic()
		at := time.Now()
		after := monotonic()
		half := time.Duration(after-before+1) / 2
		if i == 0 || half < best.error {
			best = clock{at, before + int64(half), half}
		}
	}
	return best
}

// of is the moment t in ns of CLOCK_MONOTONIC. t has to have Go's own
// monotonic reading.
func (c clock) of(t time.Time) int64 { return c.nanos + int64(t.Sub(c.at)) }

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // fails for no clock that there is
	return t.Nano()
}

// cpuUsed is the processor time, user and system, of this process and of its
// children that were waited for, and theirs.
func cpuUsed() time.Duration {
	var sum int64
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		_ = unix.Getrusage(who, &u) // fails for no other "who"
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return time.Duration(sum)
}
