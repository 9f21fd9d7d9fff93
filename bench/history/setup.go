package history

import (
	"fmt"
	"slices"
	"strings"

	"mlbench/runner"
)

// Setup is how a candidate was started, as far as it is not as the image has
// it: name=value. Times of different setups are no one series.
type Setup []string

// setup writes down what changes how long a start takes. Values of variables
// are not known from a result file, only their names.
func setup(c runner.Candidate) Setup {
	var s Setup
	add := func(given bool, name string, value any) {
		if given {
			s = append(s, bounded(name+"="+fmt.Sprint(value)))
		}
	}
	env := make([]string, len(c.Env))
	for i, v := range c.Env {
		env[i], _, _ = strings.Cut(v, "=")
	}
	slices.Sort(env)
	add(len(c.Args) > 0, "args", strings.Join(c.Args, " "))
	add(len(env) > 0, "env", strings.Join(env, ","))
	add(len(c.Volumes) > 0, "volumes", strings.Join(c.Volumes, ","))
	add(c.Memory > 0, "memory", c.Memory)
	add(c.CPUs > 0, "cpus", c.CPUs)
	add(c.ShmSize > 0, "shm-size", c.ShmSize)
	add(c.Network != "", "network", c.Network)
	add(c.User != "", "user", c.User)
	add(c.Entrypoint != "", "entrypoint", c.Entrypoint)
	if c.GPUs != nil {
		add(true, "gpus", c.GPUs)
	}
	add(c.Ready.String() != string(runner.HTTP), "ready", c.Ready)
	return s
}

// parts are the setup as differences are told of it.
func (s Setup) parts() []part {
	var parts []part
	for _, line := range s {
		name, value, _ := strings.Cut(line, "=")
		parts = append(parts, part{"--" + name, value})
	}
	return parts
}
