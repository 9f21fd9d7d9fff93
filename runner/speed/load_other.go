//go:build !linux

package speed

import "mlbench/runner"

// Load is not told here.
func Load() runner.HostLoad { return runner.HostLoad{} }

func pressure() runner.HostLoad { return runner.HostLoad{} }
