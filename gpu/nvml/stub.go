//go:build !linux || !cgo

package nvml

import (
	"context"
	"runtime"

	"mlbench/gpu"
)

// Linked says whether NVIDIA's driver can be asked where there is one.
const Linked = false

// Host says that NVIDIA's driver cannot be asked.
func Host(context.Context) (gpu.Host, error) { return gpu.Host{}, cannot() }

// Open says that NVIDIA's driver cannot be asked.
func Open(context.Context, []string) (gpu.Meter, error) { return nil, cannot() }

func cannot() error {
	e := &gpu.TroubleError{
		Kind: gpu.ErrCannotAsk, Tried: "it was built without cgo",
		Remedy: "build it with CGO_ENABLED=1 and a C compiler, or tell of the host by flags",
	}
	if runtime.GOOS != "linux" {
		e.Tried, e.Remedy = "it is built for "+runtime.GOOS, "run it on the Linux host that has the GPUs, or tell of that host by flags"
	}
	return e
}
