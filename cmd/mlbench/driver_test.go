package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"mlbench/gpu"
)

// A driver that takes long is told of once, and waited for.
func TestHostGPUs(t *testing.T) {
	real := askDriver
	defer func() { askDriver = real }()
	for _, test := range []struct {
		took  time.Duration
		notes int
	}{{time.Second, 0}, {20 * time.Second, 1}} {
		synctest.Test(t, func(t *testing.T) {
			askDriver = func(context.Context) (gpu.Host, error) {
				time.Sleep(test.took)
				return gpu.Host{From: gpu.FromDriver}, gpu.ErrSilent
			}
			notes := 0
			h, err := hostGPUs(t.Context(), func(string) { notes++ })
			if notes != test.notes || h.From != gpu.FromDriver || !errors.Is(err, gpu.ErrSilent) {
				t.Errorf("after %v: %d notes, %+v, %v", test.took, notes, h, err)
			}
		})
	}
}
