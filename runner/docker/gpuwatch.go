package docker

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"mlbench/gpu"
	"mlbench/runner"
)

// watchGPUs begins to watch what the container, which was just created, uses of
// the GPUs.
func (x *one) watchGPUs() {
	if x.c.GPUs == nil || !x.r.here {
		return
	}
	id := x.id
	x.gpus = x.r.opts.GPUs.Watch(func(pid int) bool { return inContainer(pid, id) })
}

// stopGPUs ends that and writes down what was seen.
func (x *one) stopGPUs(s *runner.Start) {
	use, err := x.gpus.Stop()
	x.gpus = nil
	s.RecordGPU(use)
	if err == nil {
		return
	}
	err = fmt.Errorf("watching the GPUs while %s started: %w", x.c.Name, err)
	if trouble := new(gpu.TroubleError); !errors.As(err, &trouble) {
		err = fmt.Errorf("%w: see dmesg for the driver's errors (Xid), and reset the GPU (nvidia-smi --gpu-reset) or reboot", err)
	}
	x.gpuTrouble = runner.As(runner.ErrEnvironment, err)
}

// inContainer reports whether a process of this host is one of a container's:
// the name of its control group bears the container's id.
func inContainer(pid int, id string) bool {
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && id != "" && strings.Contains(string(cgroup), id)
}
