package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	eventtypes "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"mlbench/runner"
	"mlbench/runner/docker"
)

// An observer starts a server and finds out when it is ready.
type observer struct {
	name    string
	what    string        // for readers
	cpu     string        // what its processor time includes
	tool    string        // a program that it needs, "" for none
	spread  time.Duration // of the delays of the servers that it watches
	observe func(ctx context.Context, b *bench, t trial) (sighting, error)
}

// A sighting is what an observer says of one start.
type sighting struct {
	ready     time.Time
	listening time.Time     // zero for those that do not say
	source    string        // of listening
	waiting   time.Duration // processor time from before the first look to the last; 0 where it is part of more
}

var (
	events = &observer{name: "mlbench", spread: spread, what: "mlbench, as it watches by itself on this host",
		cpu: "this process, less what it takes to start `exit`, which it does not watch", observe: mlbench}
	polling = &observer{name: "mlbench-polling", spread: spread, what: "mlbench, made to poll",
		cpu: "likewise, less the same", observe: mlbench}
	peer = &observer{name: "testcontainers", spread: spread, what: "testcontainers-go, `wait.ForHTTP` with its defaults (every 100 ms, through the published port)",
		cpu: "this process while `WaitUntilReady` runs; not the engine's proxy and its answers", observe: testcontainer}
	curl10  = curl("curl-10ms", 10*time.Millisecond)
	curl100 = curl("curl-100ms", 100*time.Millisecond)
	// The engine's first look is an interval after the start, so only delays
	// that differ by as much show how late it can be.
	healthcheck = &observer{name: "healthcheck", spread: healthInterval, what: "the engine's own HEALTHCHECK with an interval of 1 s, and its event `health_status`",
		cpu: "this process, which only waits for the event: the engine's looks, one process each, are not counted", observe: healthy}
	nobody = &observer{name: "nobody", spread: spread, what: "nobody: a line of its output, which it writes once it listens, ends the wait", observe: unobserved}
)

const healthInterval = time.Second

// mlbench is one start with mlbench's own runner.
func mlbench(ctx context.Context, b *bench, t trial) (s sighting, err error) {
	c := b.prepared.Clone()
	c.Args, c.Network, c.Volumes = t.args, t.network, b.binds()
	if t.server == exit {
		c.Ready = runner.Rule{Kind: runner.Exit}
	}
	start, err := b.watchers[t.observer].Start(ctx, c, patience)
	if err != nil {
		return s, err
	}
	at, ok := start.ReadyAt()
	if !ok {
		return s, fmt.Errorf("%s: %s", start.Outcome, start.Problem)
	}
	s.ready = start.BeginAt.Add(at)
	if m, ok := start.Marks[runner.Listening]; ok {
		s.listening, s.source = start.BeginAt.Add(m.At), m.Source
	}
	return s, nil
}

// curl is a loop as people write it, against the container's own address.
func curl(name string, period time.Duration) *observer {
	pause := strconv.FormatFloat(period.Seconds(), 'f', -1, 64)
	const loop = `until curl -sf -o /dev/null "$0"; do sleep "$1"; done`
	return &observer{
		name: name, tool: "curl", spread: spread,
		what: fmt.Sprintf("a shell's `until curl -sf …; do sleep %s; done` against the container's own address", pause),
		cpu:  "the shell and all that it starts",
		observe: func(ctx context.Context, b *bench, t trial) (s sighting, err error) {
			box, err := b.create(ctx, t, nil)
			if err != nil {
				return s, err
			}
			defer func() { err = errors.Join(err, box.remove(ctx)) }()
			address, err := box.start(ctx)
			if err != nil {
				return s, err
			}
			watch, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			cmd := exec.CommandContext(watch, "sh", "-c", loop, "http://"+address+health, pause)
			cmd.Env = append(os.Environ(), "no_proxy=*", "NO_PROXY=*")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			used := cpuUsed()
			err = cmd.Run()
			s.ready, s.waiting = time.Now(), cpuUsed()-used
			return s, err
		},
	}
}

// healthy waits until the engine calls the container healthy.
func healthy(ctx context.Context, b *bench, t trial) (s sighting, err error) {
	box, err := b.create(ctx, t, &container.HealthConfig{
		Test:     []string{"CMD", docker.Executable, "-check", fmt.Sprintf("http://localhost:%d%s", port, health)},
		Interval: healthInterval,
	})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, box.remove(ctx)) }()
	watch, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen, failed := b.cli.Events(watch, eventtypes.ListOptions{Filters: filters.NewArgs(
		filters.Arg("container", box.id), filters.Arg("event", "health_status"))})
	if _, err := box.start(ctx); err != nil {
		return s, err
	}
	used := cpuUsed()
	for {
		select {
		case e := <-seen:
			if e.Action == eventtypes.ActionHealthStatusHealthy {
				s.ready, s.waiting = time.Now(), cpuUsed()-used
				return s, nil
			}
		case err := <-failed:
			return s, fmt.Errorf("waiting for the engine's events: %w", err)
		}
	}
}

// unobserved starts the server and does nothing until it says that it listens.
func unobserved(ctx context.Context, b *bench, t trial) (s sighting, err error) {
	t.args = append(t.args, "-say", "ready")
	box, err := b.create(ctx, t, nil)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, box.remove(ctx)) }()
	output, err := b.cli.ContainerAttach(ctx, box.id, container.AttachOptions{Stream: true, Stdout: true})
	if err != nil {
		return s, err
	}
	defer output.Close()
	defer context.AfterFunc(ctx, output.Close)()
	if _, err := box.start(ctx); err != nil {
		return s, err
	}
	_ = output.Conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := output.Reader.ReadByte(); err != nil {
		return s, fmt.Errorf("waiting for the server's output: %w", err)
	}
	return s, nil
}

// A box is a container of an observer that does not make its own.
type box struct {
	b  *bench
	t  trial
	id string
}

// create makes a container. Neither this nor start is interrupted: the engine
// would go on with it.
func (b *bench) create(ctx context.Context, t trial, check *container.HealthConfig) (*box, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	made, err := b.cli.ContainerCreate(ctx,
		&container.Config{Image: b.image, Cmd: t.args, Labels: b.labels(), Healthcheck: check, AttachStdout: true},
		&container.HostConfig{Binds: b.binds(), NetworkMode: container.NetworkMode(t.network)}, nil, nil, t.name)
	if err != nil {
		return nil, fmt.Errorf("creating a container: %w", err)
	}
	return &box{b, t, made.ID}, nil
}

// start starts it and returns where it can be asked.
func (x *box) start(ctx context.Context) (address string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := x.b.cli.ContainerStart(ctx, x.id, container.StartOptions{}); err != nil {
		return "", fmt.Errorf("starting a container: %w", err)
	}
	info, err := x.b.cli.ContainerInspect(ctx, x.id)
	if err != nil {
		return "", fmt.Errorf("inspecting a container: %w", err)
	}
	if info.NetworkSettings != nil {
		for _, n := range info.NetworkSettings.Networks {
			ip := n.IPAddress
			if x.t.server.v6 {
				ip = n.GlobalIPv6Address
			}
			if ip != "" {
				return net.JoinHostPort(ip, strconv.Itoa(port)), nil
			}
		}
	}
	return "", errors.New("the container has no address: it has ended, or its network has none")
}

func (x *box) remove(ctx context.Context) error { return x.b.remove(ctx, x.id) }

// remove removes a container, whatever became of ctx.
func (b *bench) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := b.cli.ContainerRemove(ctx, name, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}
