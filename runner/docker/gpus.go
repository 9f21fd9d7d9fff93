package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"

	"mlbench/gpu"
	"mlbench/runner"
)

// How an engine gives GPUs, as far as it tells.
type gpuWays struct {
	cdi    bool // it takes requests by CDI name (from API 1.44 on)
	hooked bool // it gives what is asked for without one by the runtime's hook, and in no other way
}

// waysOf reads them. Docker Engine gives GPUs by NVIDIA's prestart hook alone
// until 29.2, from which on CDI comes first where nvidia-cdi-hook is on its PATH
// (moby, daemon/devices_nvidia_linux.go); where NVIDIA's own runtime starts all
// containers that decides. Podman answers with a version of its own.
func waysOf(info system.Info, version types.Version) gpuWays {
	ways := gpuWays{cdi: len(info.CDISpecDirs) > 0}
	var major, minor int
	if _, err := fmt.Sscanf(info.ServerVersion, "%d.%d", &major, &minor); err == nil {
		ways.hooked = major < 29 || major == 29 && minor < 2
	}
	podman := slices.ContainsFunc(version.Components, func(c types.ComponentVersion) bool { return strings.Contains(c.Name, "Podman") })
	if podman || strings.Contains(info.DefaultRuntime, "nvidia") {
		ways.hooked = false
	}
	return ways
}

// SharesGPUs asks the engine whether its containers get this host's GPUs, so
// that what this host's driver tells is of them.
func (r *Runner) SharesGPUs(ctx context.Context) (bool, error) {
	_, err := r.Host(ctx)
	return r.here, err
}

// HooksGPUs reports whether a request for GPUs will be carried out by the
// runtime's hook, which refuses what NVIDIA_REQUIRE_* do not allow. False means
// that it will not, or that this is not known before.
func (r *Runner) HooksGPUs(g gpu.Request) bool { return r.ways.hooked && !r.byCDI(g) }

// byCDI reports whether GPUs are asked for by their names in CDI: where one of
// them is such a name, or once the engine has refused the other way.
func (r *Runner) byCDI(g gpu.Request) bool {
	return r.askCDI || slices.ContainsFunc(g.IDs, func(id string) bool { _, _, ok := gpu.CDIName(id); return ok })
}

// deviceRequests are the engine's words for a request: docker run's own, which
// ask for no driver and the capability gpu, so that which of the driver's
// libraries come along is the image's to say (NVIDIA_DRIVER_CAPABILITIES); or
// those of CDI, which allow neither a count nor options.
func (r *Runner) deviceRequests(g *gpu.Request) []container.DeviceRequest {
	switch {
	case g == nil:
		return nil
	case r.byCDI(*g):
		return []container.DeviceRequest{{Driver: "cdi", DeviceIDs: cdiNames(*g)}}
	}
	ask := container.DeviceRequest{Count: g.Count, DeviceIDs: g.IDs, Capabilities: [][]string{{"gpu"}}}
	if g.All {
		ask.Count = -1
	}
	return []container.DeviceRequest{ask}
}

// cdiNames are the names in CDI of what is asked for.
func cdiNames(g gpu.Request) []string {
	if g.All {
		return []string{gpu.CDIKind + "=all"}
	}
	ids := slices.Clone(g.IDs)
	for i := range g.Count {
		ids = append(ids, strconv.Itoa(i))
	}
	for i, id := range ids {
		if _, _, ok := gpu.CDIName(id); !ok {
			ids[i] = gpu.CDIKind + "=" + id
		}
	}
	return ids
}

// errNoGPUDriver is that an engine knows of no way to give GPUs as it was asked.
var errNoGPUDriver = errors.New("the engine cannot give containers NVIDIA's GPUs")

// gpusRefused says what an engine's refusal to start a candidate is about: nil
// where it is not the GPUs that it asks for, or not the host's fault.
func (x *one) gpusRefused(err error) error {
	if x.c.GPUs == nil {
		return nil
	}
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(err.Error(), w) })
	}
	switch {
	case says("could not select device driver") && x.r.byCDI(*x.c.GPUs):
		err = fmt.Errorf("%w by names of CDI (%w): name them by UUID or number instead (mlbench gpu lists them); Docker Engine has CDI from 28.2 on, and from 25 on where it is switched on (daemon.json: \"features\": {\"cdi\": true})", errNoGPUDriver, err)
	case says("could not select device driver"):
		err = fmt.Errorf("%w (%w): install the NVIDIA Container Toolkit on its host (package nvidia-container-toolkit), then run sudo nvidia-ctk runtime configure --runtime=docker and sudo systemctl restart docker", errNoGPUDriver, err)
	case says("CDI device injection failed", "unresolvable CDI devices"):
		err = fmt.Errorf("the engine does not know the GPUs by the names %s in CDI (%w): see nvidia-ctk cdi list on its host, and describe them with sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml", strings.Join(cdiNames(*x.c.GPUs), ", "), err)
	case says("nvidia-container-cli: initialization error", "nvidia-container-cli: detection error", "nvidia-container-cli: device error", "nvidia-container-cli: driver error", "nvml error"):
		err = fmt.Errorf("the container runtime's hook cannot give %s its GPUs (%w): see whether nvidia-smi answers on the engine's host, and shows them", x.c.Name, err)
	default:
		return nil
	}
	return runner.As(runner.ErrEnvironment, err)
}

// askByCDI has GPUs asked for by CDI from here on, if that is a way left.
func (r *Runner) askByCDI(refused error) bool {
	if !errors.Is(refused, errNoGPUDriver) || r.askCDI || !r.ways.cdi {
		return false
	}
	r.askCDI = true
	return true
}
