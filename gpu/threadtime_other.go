//go:build !linux

package gpu

import "time"

// threadTime is not told by this system.
func threadTime() (time.Duration, bool) { return 0, false }
