package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/image"
)

// preflight judges the candidates' images on the GPUs that they get. What surely
// fails is an error.
func (e *equipment) preflight(ctx context.Context, candidates []runner.Candidate) error {
	d, containers := e.runner.(*docker.Runner)
	if !containers || !e.known || e.noPreflight {
		return nil
	}
	if e.spec.Registry != "" {
		e.note("--registry: whether the images' CUDA runs on the GPUs is not judged, as they are not kept here")
		return nil
	}
	var failed []error
	judged := make(map[string]bool)
	for _, c := range candidates {
		if c.GPUs == nil || judged[c.Digest+" "+c.GPUs.String()] {
			continue
		}
		judged[c.Digest+" "+c.GPUs.String()] = true
		code := &image.GPUCode{}
		x, err := d.Index(ctx, c.Ref, image.Options{Look: code.Look})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			e.note(fmt.Sprintf("%s: whether its CUDA runs on the GPUs is not known: %v", c.Name, err))
			continue
		}
		x.Config.Run.Env = overridden(x.Config.Run.Env, c.Env)
		host := e.host
		host.Devices = e.gets[c.Name]
		host.CDI = !d.HooksGPUs(*c.GPUs)
		failed = append(failed, e.judge(c, x.GPUNeeds(code), host))
	}
	if err := errors.Join(failed...); err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%w\n--no-preflight starts it all the same", err))
	}
	return nil
}

// judge says which rules an image fails by, and notes what may be wrong.
func (e *equipment) judge(c runner.Candidate, n gpu.Needs, h gpu.Host) error {
	rules, _ := gpu.Judge(n, h)
	var failed []string
	for _, r := range rules {
		says := fmt.Sprintf("%s: %s", r.ID, strings.Join(append([]string{r.Why}, r.Details...), "; "))
		if r.Verdict == gpu.Fail {
			if r.Remedy != "" {
				says += "\n    → " + r.Remedy
			}
			failed = append(failed, says)
			continue
		}
		if r.Remedy != "" {
			says += ": " + r.Remedy
		}
		switch {
		case r.ID == gpu.RuleNeeds, r.Verdict == gpu.Unknown:
			e.note(c.Name + ": " + says)
		case r.ID == gpu.RuleSettings: // --gpus overrules them
		case r.Verdict == gpu.Warn:
			e.note(c.Name + ": " + says)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%s will not run on %s, by the rule %s", c.Name, gpuNames(h.Devices), strings.Join(failed, "\nand by the rule "))
}

// gpuNames names GPUs, alike ones once.
func gpuNames(devices []gpu.Device) string {
	var names []string
	for _, d := range devices {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, ", ")
}

// overridden is the environment of a container whose image has env, and that gets
// more.
func overridden(env, more []string) []string {
	var all []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		if !slices.ContainsFunc(more, func(m string) bool { return strings.HasPrefix(m, name+"=") }) {
			all = append(all, v)
		}
	}
	return append(all, more...)
}
