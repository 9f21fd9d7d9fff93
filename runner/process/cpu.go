//go:build unix

package process

import "time"

// cpu is the CPU time that the command and everything that it started have
// used; nil where the system does not tell it. Of processes whose parent has
// ended before them nothing is known any more, and their time is left out.
func (p *running) cpu() *time.Duration {
	var used time.Duration
	select {
	case <-p.ended: // the kernel told it when the command was reaped
		used = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	default:
		var ok bool
		if used, ok = treeTime(p.cmd.Process.Pid); !ok {
			return nil
		}
	}
	return &used
}
