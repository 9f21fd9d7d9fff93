package docker

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"

	"mlbench/runner"
)

// configs are what the create call gets for a candidate.
func (r *Runner) configs(c runner.Candidate) (*container.Config, *container.HostConfig) {
	config := &container.Config{
		Image:  c.Digest, // what was prepared, even if the tag moves meanwhile
		Cmd:    strslice.StrSlice(c.Args),
		Env:    c.Env,
		User:   c.User,
		Labels: r.labels(),
	}
	if c.Entrypoint != "" {
		config.Entrypoint = strslice.StrSlice{c.Entrypoint}
	}
	if c.Ready.Kind != runner.Healthcheck {
		// It would run processes inside the container while that starts.
		config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	}
	host := &container.HostConfig{
		Binds:       binds(c.Volumes),
		NetworkMode: container.NetworkMode(c.Network),
		ShmSize:     c.ShmSize,
		Resources: container.Resources{
			Memory:         c.Memory,
			NanoCPUs:       int64(c.CPUs * 1e9),
			DeviceRequests: r.deviceRequests(c.GPUs),
		},
		// Whatever the engine's default: a driver that can be read back.
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": logSize(c.Ready)}},
	}
	if c.Memory > 0 {
		// Else the engine adds as much swap again, and a candidate that
		// outgrows its memory is slow instead of killed.
		host.MemorySwap = c.Memory
	}
	if r.published && c.Port != 0 {
		config.ExposedPorts = nat.PortSet{portOf(c): {}}
		host.PortBindings = nat.PortMap{portOf(c): {{HostIP: r.publishOn()}}}
	}
	return config, host
}

// logSize is how much of the host's disk endless output may take. When a log
// is full the engine begins a new one, and who follows it loses lines (seen
// with 20.10, also where the old one is kept), perhaps the one waited for.
func logSize(ready runner.Rule) string {
	if ready.Kind == runner.Log {
		return "256m"
	}
	return "16m"
}

// publishOn keeps published ports from strangers where the engine is here.
func (r *Runner) publishOn() string {
	if strings.HasPrefix(r.cli.DaemonHost(), "unix://") {
		return "127.0.0.1"
	}
	return ""
}

func portOf(c runner.Candidate) nat.Port { return nat.Port(strconv.Itoa(c.Port) + "/tcp") }

// binds makes relative sources absolute, as `docker run` does.
func binds(volumes []string) []string {
	var out []string
	for _, v := range volumes {
		source, rest, ok := strings.Cut(v, ":")
		if ok && strings.HasPrefix(source, ".") {
			if abs, err := filepath.Abs(source); err == nil {
				v = abs + ":" + rest
			}
		}
		out = append(out, v)
	}
	return out
}
