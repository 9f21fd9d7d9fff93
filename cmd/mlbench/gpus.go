package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/gpu/nvml"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// openMeter opens what tells of the use of the GPUs of these UUIDs. Tests put
// another in its place.
var openMeter = nvml.Open

// equipment is what candidates are started with: a runner, and with --gpus what
// is known of the GPUs that they get.
type equipment struct {
	*options
	note func(line string)

	runner  runner.Runner
	known   bool        // this host's driver told of the GPUs that candidates get
	host    gpu.Host    // with the GPUs that were chosen alone
	sampler gpu.Sampler // of them, by which the runner watches its starts
	told    *bench.GPUs // for the result
}

// equip makes the runner. Where candidates are to get GPUs it finds out which
// these are, before anything is started, and names them to the candidates in full.
func (o *options) equip(ctx context.Context, candidates []runner.Candidate, note func(line string)) (*equipment, error) {
	e := &equipment{options: o, note: note}
	var err error
	e.runner, err = newRunner(o.spec.Runner, docker.Options{Notify: note, Registry: o.spec.Registry, GPUs: &e.sampler, Log: o.log})
	if err != nil || o.candidate.GPUs == nil {
		return e, err
	}
	if err := e.choose(ctx, candidates); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *equipment) close() error {
	return errors.Join(e.runner.Close(), e.sampler.Close())
}

// choose asks this host's driver for the GPUs that candidates are to get.
func (e *equipment) choose(ctx context.Context, candidates []runner.Candidate) error {
	asked := *e.candidate.GPUs
	d, containers := e.runner.(*docker.Runner)
	if containers {
		switch here, err := d.SharesGPUs(ctx); {
		case err != nil:
			return err
		case !here:
			e.note("--gpus: the engine is on another host, of which this one's driver tells nothing: nothing is checked before the first start, and GPU memory is not measured")
			return nil
		}
	}
	host, err := hostGPUs(ctx, e.note)
	switch {
	case err != nil && containers && onlyHere(err, driverVersion):
		e.note(fmt.Sprintf("--gpus %s: %v\nthe engine may give them all the same: nothing is checked before the first start, and GPU memory is not measured", asked, err))
		return nil
	case err != nil:
		return e.passed(ctx, err)
	}
	host = host.Complete()
	choice, err := host.Choose(asked)
	if err != nil {
		return e.passed(ctx, err)
	}
	warnings := choice.Warnings
	if host.Warning != "" {
		warnings = append(warnings, host.Warning)
	}
	for _, w := range warnings {
		e.note("--gpus: " + w)
	}
	if v := os.Getenv("CUDA_VISIBLE_DEVICES"); v != "" && !containers {
		e.note(fmt.Sprintf("--gpus: CUDA_VISIBLE_DEVICES=%s is set here and not followed: candidates get what --gpus asks for, of all that the driver tells of; where a scheduler allots GPUs, name its own (--gpus device=…)", v))
	}
	for i := range candidates {
		candidates[i].GPUs = &choice.Request
		if !containers { // CUDA knows GPUs by their UUIDs alone, whatever it numbers them
			candidates[i].GPUs = &gpu.Request{IDs: choice.UUIDs()}
		}
	}
	host.Devices = choice.Devices
	e.host, e.known, e.told = host, true, toldOf(host)
	meter, err := openMeter(ctx, choice.UUIDs())
	if err != nil {
		return e.passed(ctx, err)
	}
	e.sampler.Meter = meter
	return nil
}

// driverVersion is there where the kernel has NVIDIA's driver, also within
// containers that have nothing else of it.
const driverVersion = "/proc/driver/nvidia/version"

// onlyHere reports whether it is mlbench alone that cannot ask the driver. An
// engine, which is root and may be outside of our container, can all the same:
// where we may not, were built without what it takes, or see none of the files of
// a driver that the kernel has.
func onlyHere(err error, version string) bool {
	if errors.Is(err, gpu.ErrPermission) || errors.Is(err, gpu.ErrCannotAsk) {
		return true
	}
	_, none := os.Stat(version)
	return errors.Is(err, gpu.ErrNoDriver) && none == nil
}

// toldOf is what a result says of the GPUs.
func toldOf(h gpu.Host) *bench.GPUs {
	told := &bench.GPUs{Driver: h.Driver, CUDA: h.CUDA}
	for _, d := range h.Devices {
		g := bench.GPUDevice{Name: d.Name, UUID: d.UUID, Capability: d.Capability, Persistence: d.Persistence}
		if d.Memory != nil {
			g.MemoryTotalBytes = d.Memory.Total
		}
		told.Devices = append(told.Devices, g)
	}
	return told
}

// passed makes what is wrong with the GPUs an error, or a note where the user
// wants to go on all the same.
func (e *equipment) passed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case e.noPreflight:
		e.note(fmt.Sprintf("--gpus %s: %v: going on without figures of GPU memory, as --no-preflight says", e.candidate.GPUs, err))
		return nil
	}
	return runner.As(runner.ErrEnvironment, fmt.Errorf("--gpus %s: %w\n--no-preflight goes on all the same, without figures of GPU memory", e.candidate.GPUs, err))
}

// parseGPUs reads what --gpus asks for.
func parseGPUs(s string) (*gpu.Request, error) {
	r, err := gpu.ParseRequest(s)
	return &r, err
}
