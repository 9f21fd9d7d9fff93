package main

import (
	"context"
	"time"

	"mlbench/gpu"
	"mlbench/gpu/nvml"
)

// askDriver asks this host's driver. Tests put a host in its place.
var askDriver = nvml.Host

// silentFor is how long the driver may take before a user wonders. Where nothing
// keeps GPUs awake, each takes seconds to wake.
const silentFor = 3 * time.Second

// hostGPUs asks this host's driver, and says so where that takes long.
func hostGPUs(ctx context.Context, note func(line string)) (gpu.Host, error) {
	type answer struct {
		host gpu.Host
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		h, err := askDriver(ctx)
		answered <- answer{h, err}
	}()
	long := time.NewTimer(silentFor)
	defer long.Stop()
	select {
	case a := <-answered:
		return a.host, a.err
	case <-long.C:
		note("waiting for NVIDIA's driver, for a minute at most: where nothing keeps GPUs awake (persistence mode), it wakes them first")
	}
	a := <-answered
	return a.host, a.err
}
