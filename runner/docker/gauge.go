package docker

import (
	"time"

	"mlbench/runner/speed"
)

// Gauge measures the speed of this host, if it is the engine's. See runner.Gauge.
func (r *Runner) Gauge() (took time.Duration, ok bool) {
	if !r.local {
		return 0, false
	}
	if r.gauge == nil {
		r.gauge = speed.New()
	}
	return r.gauge.Measure(), true
}
