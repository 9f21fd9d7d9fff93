//go:build unix

package process

import (
	"time"

	"mlbench/runner/speed"
)

// Gauge measures the speed of this host. See runner.Gauge.
func (r *Runner) Gauge() (took time.Duration, ok bool) {
	if r.gauge == nil {
		r.gauge = speed.New()
	}
	return r.gauge.Measure(), true
}
