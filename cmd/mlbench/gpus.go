package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/gpu/nvml"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// openMeter opens what tells of the use of the GPUs of these UUIDs. Tests put
// another in its place.
var openMeter = nvml.Open

// requests are what candidates ask for of the GPUs, each once.
func requests(candidates []runner.Candidate) []gpu.Request {
	var asked []gpu.Request
	for _, c := range candidates {
		if c.GPUs != nil && !slices.ContainsFunc(asked, func(r gpu.Request) bool { return r.String() == c.GPUs.String() }) {
			asked = append(asked, *c.GPUs)
		}
	}
	return asked
}

// choose asks this host's driver for the GPUs that candidates are to get.
func (e *equipment) choose(ctx context.Context, asked []gpu.Request, candidates []runner.Candidate) error {
	words := make([]string, len(asked))
	for i, r := range asked {
		words[i] = r.String()
	}
	what := strings.Join(words, " and ")
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
		e.note(fmt.Sprintf("--gpus %s: %v\nthe engine may give them all the same: nothing is checked before the first start, and GPU memory is not measured", what, err))
		return nil
	case err != nil:
		return e.passed(ctx, what, err)
	}
	host = host.Complete()
	choices := make(map[string]gpu.Choice)
	var chosen []gpu.Device // each once
	var warnings []string
	for i, r := range asked {
		choice, err := host.Choose(r)
		if err != nil {
			return e.passed(ctx, words[i], err)
		}
		choices[words[i]] = choice
		warnings = append(warnings, choice.Warnings...)
		for _, d := range choice.Devices {
			if !slices.ContainsFunc(chosen, func(c gpu.Device) bool { return c.UUID == d.UUID }) {
				chosen = append(chosen, d)
			}
		}
	}
	if host.Warning != "" {
		warnings = append(warnings, host.Warning)
	}
	for i, w := range warnings {
		if !slices.Contains(warnings[:i], w) {
			e.note("--gpus: " + w)
		}
	}
	if v := os.Getenv("CUDA_VISIBLE_DEVICES"); v != "" && !containers {
		e.note(fmt.Sprintf("--gpus: CUDA_VISIBLE_DEVICES=%s is set here and not followed: candidates get what --gpus asks for, of all that the driver tells of; where a scheduler allots GPUs, name its own (--gpus device=…)", v))
	}
	e.gets = make(devices)
	for i, c := range candidates {
		if c.GPUs == nil {
			if !containers {
				e.note(fmt.Sprintf("%s is given no GPU, and as a command sees those that mlbench sees: CUDA_VISIBLE_DEVICES= in its env hides them", c.Name))
			}
			continue
		}
		choice := choices[c.GPUs.String()]
		candidates[i].GPUs = &choice.Request
		if !containers { // CUDA knows GPUs by their UUIDs alone, whatever it numbers them
			candidates[i].GPUs = &gpu.Request{IDs: choice.UUIDs()}
		}
		e.gets[c.Name] = choice.Devices
	}
	for _, choice := range choices {
		if len(choice.Devices) != len(chosen) {
			e.note("--gpus: candidates get different GPUs: memory that is told by device is that of all of them")
			break
		}
	}
	host.Devices = chosen
	e.host, e.known, e.told = host, true, toldOf(host)
	uuids := gpu.Choice{Devices: chosen}.UUIDs()
	meter, err := openMeter(ctx, uuids)
	if err != nil {
		return e.passed(ctx, what, err)
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
func (e *equipment) passed(ctx context.Context, asked string, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case e.noPreflight:
		e.note(fmt.Sprintf("--gpus %s: %v: going on without figures of GPU memory, as --no-preflight says", asked, err))
		return nil
	}
	return runner.As(runner.ErrEnvironment, fmt.Errorf("--gpus %s: %w\n--no-preflight goes on all the same, without figures of GPU memory", asked, err))
}

// parseGPUs reads what --gpus asks for.
func parseGPUs(s string) (*gpu.Request, error) {
	if s == "none" { // as of a candidate whose file gives them to all
		return nil, nil
	}
	r, err := gpu.ParseRequest(s)
	return &r, err
}
