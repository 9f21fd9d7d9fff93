//go:build !linux

package speed

import "time"

// Steal is not told here.
func Steal() (stolen time.Duration, ok bool) { return 0, false }
