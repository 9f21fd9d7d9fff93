//go:build unix && !linux

package process

import "time"

// treeTime is not told by this system.
func treeTime(int) (time.Duration, bool) { return 0, false }
