//go:build linux && cgo

package nvml

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
)

// libraries are where the driver's library is looked for: where the linker
// looks, then where WSL, NixOS and hosts that run containers alone put it.
var libraries = []string{
	"libnvidia-ml.so.1",
	"/usr/lib/wsl/lib/libnvidia-ml.so.1",
	"/run/opengl-driver/lib/libnvidia-ml.so.1",
	"/usr/local/nvidia/lib64/libnvidia-ml.so.1",
}

// patience is how long the driver may take. Where nothing keeps GPUs awake, each
// takes seconds to wake; a broken one can hang for ever.
const patience = time.Minute

// Linked says whether NVIDIA's driver can be asked where there is one.
const Linked = true

// Host asks the driver of this host's GPUs. Where it cannot be asked at all, the
// error is a *gpu.TroubleError; what of one GPU cannot be read is told in its
// Problems.
func Host(ctx context.Context) (gpu.Host, error) {
	path, err := find(libraries)
	if err != nil {
		return gpu.Host{}, err
	}
	library := nvml.New(nvml.WithLibraryPath(path))
	return within(ctx, patience, func() (gpu.Host, error) { return read(library) })
}

// find is the first library that can be loaded.
func find(paths []string) (string, error) {
	var absent, broken []string
	for _, path := range paths {
		library := dl.New(path, dl.RTLD_LAZY|dl.RTLD_LOCAL)
		err := library.Open()
		if err == nil {
			return path, library.Close()
		}
		absent = append(absent, path)
		if !strings.Contains(err.Error(), "No such file") {
			broken = append(broken, err.Error())
		}
	}
	e := &gpu.TroubleError{
		Kind: gpu.ErrNoDriver, Tried: "looked for " + strings.Join(absent, ", "),
		Remedy: "install NVIDIA's driver on the host; in a container, start it with --gpus all",
	}
	if len(broken) > 0 {
		e.Found = strings.Join(broken, "; ")
		e.Remedy = "the library is there and cannot be loaded: install the driver anew, for this machine's architecture"
	}
	return "", e
}

// within gives the driver so much time. One that hangs cannot be stopped: it is
// left behind.
func within[T any](ctx context.Context, most time.Duration, ask func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		v, err := ask()
		answered <- answer{v, err}
	}()
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	var none T
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case <-timeout.C:
		return none, &gpu.TroubleError{
			Kind: gpu.ErrSilent, Tried: fmt.Sprintf("waited for %v", most),
			Remedy: gpu.RemedySilent,
		}
	}
}

// read asks for everything.
func read(library nvml.Interface) (h gpu.Host, err error) {
	if r := library.Init(); r != nvml.SUCCESS {
		return gpu.Host{}, trouble("nvmlInit", r)
	}
	defer func() {
		if r := library.Shutdown(); r != nvml.SUCCESS && err == nil {
			err = trouble("nvmlShutdown", r)
		}
	}()
	h.From = gpu.FromDriver
	version, r := library.SystemGetDriverVersion()
	if r != nvml.SUCCESS {
		return gpu.Host{}, trouble("nvmlSystemGetDriverVersion", r)
	}
	if h.Driver, err = gpu.ParseDriver(version); err != nil {
		h.Warning, err = "the driver's version is not understood: "+err.Error(), nil
	}
	// Drivers before 396 cannot be asked: gpu.Host.Complete knows theirs.
	if library.Extensions().LookupSymbol("nvmlSystemGetCudaDriverVersion") == nil {
		if v, r := library.SystemGetCudaDriverVersion(); r == nvml.SUCCESS {
			h.CUDA = gpu.CUDA{Major: v / 1000, Minor: v % 1000 / 10}
		}
	}
	count, r := library.DeviceGetCount()
	if r != nvml.SUCCESS {
		return gpu.Host{}, trouble("nvmlDeviceGetCount", r)
	}
	h.Devices = make([]gpu.Device, count)
	for i := range h.Devices {
		h.Devices[i] = device(library, i)
	}
	return h, nil
}
