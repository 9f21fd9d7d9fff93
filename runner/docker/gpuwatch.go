package docker

import (
	"fmt"
	"os"
	"strings"

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

// stopGPUs ends that, the first time that it is called, and writes down what was
// seen.
func (x *one) stopGPUs(s *runner.Start) {
	if x.gpus != nil {
		x.gpuTrouble = s.StopGPU(x.gpus, x.c.Name)
		x.gpus = nil
	}
}

// inContainer reports whether a process of this host is one of a container's:
// the name of its control group bears the container's id.
func inContainer(pid int, id string) bool {
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && id != "" && strings.Contains(string(cgroup), id)
}
