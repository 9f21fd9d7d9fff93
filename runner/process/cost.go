//go:build unix

package process

import (
	"runtime"
	"syscall"

	"mlbench/runner"
)

// ownPeak is the largest resident set that this process has had, in bytes.
func ownPeak() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no other "who"
	return int64(u.Maxrss) << 10                   //nolint:unconvert // it is 32 bits wide on some systems
}

// cost is what the command and everything that it started have used. Of
// processes whose parent has ended before them nothing is known any more, and
// what they used is left out.
func (p *running) cost() runner.Cost {
	select {
	case <-p.ended: // the kernel told it when the command was reaped
	default:
		return treeCost(p.cmd.Process.Pid)
	}
	state := p.cmd.ProcessState
	used := state.UserTime() + state.SystemTime()
	c := runner.Cost{CPU: &used}
	if u, ok := state.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" { // others have other units
		read, faults, peak := int64(u.Inblock)*512, int64(u.Majflt), int64(u.Maxrss)<<10 //nolint:unconvert // they are 32 bits wide on some systems
		c.ReadBytes, c.MajorFaults = &read, &faults
		// Between fork and exec the command had our memory, which counts as
		// its own.
		if peak > p.ours {
			c.PeakMemory = &peak
		}
	}
	return c
}
