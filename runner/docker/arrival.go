package docker

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"mlbench/gpu"
	"mlbench/runner"
)

// arrived sees, in a candidate's first start, that its container really has GPUs:
// Podman's Docker-compatible API for one takes requests for them and gives none.
// It also finds out how the engine gave them.
func (x *one) arrived(ctx context.Context) error {
	r := x.r
	if x.c.GPUs == nil || r.given[x.c.Name] {
		return nil
	}
	asked := "device request"
	if r.byCDI(*x.c.GPUs) {
		asked = "CDI device names"
	}
	r.gpuRequest = asked
	unseen := func(why string) {
		r.given[x.c.Name] = true
		r.opts.Notify(fmt.Sprintf("%s: that its GPUs arrived in its container is not checked: %s", x.c.Name, why))
	}
	if !r.here {
		unseen("the engine is on another host")
		return nil
	}
	info, err := r.cli.ContainerInspect(ctx, x.id)
	if err != nil {
		return err
	}
	if info.State == nil || !info.State.Running || info.State.Pid <= 0 {
		x.early = true
		return nil
	}
	process := fmt.Sprintf("/proc/%d", info.State.Pid)
	dev, err := os.Open(process + "/root/dev")
	if err != nil {
		if _, gone := os.Stat(process); gone != nil {
			x.early = true
			return nil
		}
		unseen(err.Error() + ": as root it would be")
		return nil
	}
	defer func() { _ = dev.Close() }()
	if !x.contains(info.State.Pid) { // of another namespace of processes, or another one by now
		unseen("the engine's processes are not known here")
		return nil
	}
	nodes, err := dev.ReadDir(-1)
	if err != nil {
		unseen(err.Error())
		return nil
	}
	caps, _ := os.ReadDir(process + "/root/dev/nvidia-caps") // there with MIG alone
	if err := missingGPUs(*x.c.GPUs, names(nodes), names(caps)); err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s: %w", x.c.Name, err))
	}
	r.given[x.c.Name] = true
	if environ, err := os.ReadFile(process + "/environ"); err == nil && asked == "device request" {
		r.gpuRequest += by(environ)
	}
	return nil
}

// by says what carried out a device request, by the environment of a container's
// first process. What nvidia-ctk describes for CDI sets NVIDIA_VISIBLE_DEVICES to
// void, to keep the hook from doing it too; for the hook, engines set it to what
// was asked for.
func by(environ []byte) string {
	const variable = "NVIDIA_VISIBLE_DEVICES="
	value, found := "", false
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if s := string(v); strings.HasPrefix(s, variable) {
			value, found = s[len(variable):], true // the last one counts
		}
	}
	switch {
	case !found:
		return ""
	case value == "void":
		return ", by CDI"
	}
	return ", by the runtime's hook"
}

// names are those of the character devices.
func names(entries []fs.DirEntry) []string {
	var all []string
	for _, e := range entries {
		if e.Type()&fs.ModeCharDevice != 0 {
			all = append(all, e.Name())
		}
	}
	return all
}

var gpuNode = regexp.MustCompile(`^nvidia[0-9]+$`)

// missingGPUs is an error where a container's devices are not those of the GPUs
// that were asked for: /dev/nvidia0 and so on, with /dev/nvidiactl; for MIG
// instances their capabilities too. Under WSL /dev/dxg is all GPUs, on a Jetson
// /dev/nvhost-gpu is the one.
func missingGPUs(g gpu.Request, dev, caps []string) error {
	if slices.Contains(dev, "dxg") || slices.Contains(dev, "nvhost-gpu") {
		return nil
	}
	want, instances := max(g.Count, 1), false
	whole := 0
	for _, id := range g.IDs {
		if _, name, ok := gpu.CDIName(id); ok {
			id = name
		}
		switch {
		case strings.HasPrefix(id, "MIG-"), strings.Contains(id, ":"):
			instances = true
		case id != "all":
			whole++
		}
	}
	want = max(want, whole)
	nodes := slices.DeleteFunc(slices.Clone(dev), func(n string) bool { return !gpuNode.MatchString(n) })
	slices.Sort(nodes)
	var has string
	switch {
	case len(nodes) == 0:
		has = "no GPU's device (/dev/nvidia0)"
	case len(nodes) < want:
		has = fmt.Sprintf("the devices of %d of %d GPUs (/dev/%s)", len(nodes), want, strings.Join(nodes, ", /dev/"))
	case !slices.Contains(dev, "nvidiactl"):
		has = "no /dev/nvidiactl, without which GPUs cannot be used"
	case instances && len(caps) == 0:
		has = "nothing in /dev/nvidia-caps, without which MIG instances cannot be used"
	default:
		return nil
	}
	return fmt.Errorf("it was to get GPUs (--gpus %s), the engine accepted that, and its container has %s: Podman's Docker-compatible API does so, whose own way is podman run --device %s=all: try names of CDI (--gpus device=%[3]s=all), or a Docker Engine with nvidia-container-toolkit on its host", g, has, gpu.CDIKind)
}
