package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"mlbench/gpu"
	"mlbench/runner"
)

// arrived sees, in a candidate's first start, that its container really has GPUs:
// Podman's Docker-compatible API for one takes requests for them and gives none.
func (x *one) arrived(ctx context.Context) error {
	r := x.r
	if x.c.GPUs == nil || r.given[x.c.Name] {
		return nil
	}
	switch {
	case r.byCDI(*x.c.GPUs):
		r.gpuRequest = "CDI device names"
	case r.gpuRequest == "": // seeGivenBy says more, if not of every candidate
		r.gpuRequest = "device request"
	}
	if !r.here {
		r.unseen(x.c, "the engine is on another host")
		return nil
	}
	pid, err := x.firstProcess(ctx)
	if err != nil {
		return err
	}
	process := fmt.Sprintf("/proc/%d", pid)
	dev, err := os.Open(process + "/root/dev")
	if err != nil || !x.contains(pid) { // of another namespace of processes, or another one by now
		if err == nil {
			_ = dev.Close()
		}
		if errors.Is(err, fs.ErrPermission) {
			r.unseen(x.c, "to look into it takes root")
			return nil
		}
		x.early, err = x.endsWithin(ctx, noticed)
		if err == nil && !x.early {
			r.unseen(x.c, "its processes are not known here")
		}
		return err
	}
	defer func() { _ = dev.Close() }()
	nodes, err := dev.ReadDir(-1)
	if err != nil {
		r.unseen(x.c, err.Error())
		return nil
	}
	caps, _ := os.ReadDir(process + "/root/dev/nvidia-caps") // there with MIG alone
	if err := missingGPUs(*x.c.GPUs, names(nodes), names(caps)); err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s: %w", x.c.Name, err))
	}
	r.given[x.c.Name] = true
	x.first = pid
	return nil
}

// seeGivenBy finds out, once the program runs, what carried out its device
// request. Right after the start call its process may still be the runtime's.
func (x *one) seeGivenBy() {
	if x.first == 0 || x.r.byCDI(*x.c.GPUs) || !x.contains(x.first) {
		return
	}
	if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", x.first)); err == nil {
		x.r.gpuRequest = "device request" + by(environ)
	}
}

// unseen says that a candidate's GPUs are not looked for, and does not try again.
func (r *Runner) unseen(c runner.Candidate, why string) {
	r.given[c.Name] = true
	r.opts.Notify(fmt.Sprintf("%s: that its GPUs arrive in its container is not checked: %s", c.Name, why))
}

// firstProcess is the container's, 0 where it has ended.
func (x *one) firstProcess(ctx context.Context) (pid int, err error) {
	info, err := x.r.cli.ContainerInspect(ctx, x.id)
	if err != nil || info.State == nil || !info.State.Running {
		return 0, err
	}
	return info.State.Pid, nil
}

// noticed is within which time engines notice that a program has ended. It is
// waited for in a first start alone, where nothing is timed.
const noticed = time.Second

// endsWithin reports whether the engine says, within so much time, that the
// container has ended.
func (x *one) endsWithin(ctx context.Context, most time.Duration) (bool, error) {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		pid, err := x.firstProcess(ctx)
		if pid == 0 || time.Since(begin) > most {
			return pid == 0 && err == nil, err
		}
	}
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
// instances their capabilities too. Under WSL /dev/dxg is all GPUs. On a Jetson
// there is /dev/nvmap, beside /dev/nvhost-gpu, or what stands in /dev/nvgpu for it.
func missingGPUs(g gpu.Request, dev, caps []string) error {
	if slices.Contains(dev, "dxg") || slices.Contains(dev, "nvhost-gpu") || slices.Contains(dev, "nvmap") {
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
