//go:build !linux

package probe

import "time"

func precise(d time.Duration) { time.Sleep(d) }
