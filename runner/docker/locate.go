package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"github.com/docker/docker/api/types/container"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// locate finds where the container answers.
func (x *one) locate(ctx context.Context) error {
	if x.c.Network == "host" && !x.r.published {
		x.target.Addrs = hostAddresses(x.c.Port)
		x.listenFor(os.Getpid())
		return nil
	}
	info, err := x.r.cli.ContainerInspect(ctx, x.id)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	x.findAccounts(info.State)
	if info.NetworkSettings == nil {
		return errors.New("the engine tells no network of the container")
	}
	x.target.Proxied = x.r.published
	if x.r.published {
		return x.publishedAddress(info)
	}
	for _, n := range info.NetworkSettings.Networks {
		for _, ip := range []string{n.IPAddress, n.GlobalIPv6Address} {
			if ip != "" {
				x.target.Addrs = append(x.target.Addrs, net.JoinHostPort(ip, strconv.Itoa(x.c.Port)))
			}
		}
	}
	if len(x.target.Addrs) > 0 {
		if info.State != nil {
			x.listenFor(info.State.Pid)
		}
		return nil
	}
	if info.State != nil && !info.State.Running {
		<-ctx.Done() // it has ended, and waitForEnd is about to say so
		return context.Cause(ctx)
	}
	return fmt.Errorf("the container has no address on network %q", x.c.Network)
}

func (x *one) publishedAddress(info container.InspectResponse) error {
	host := "127.0.0.1"
	if u, err := url.Parse(x.r.cli.DaemonHost()); err == nil && u.Scheme == "tcp" {
		host = u.Hostname()
	}
	for _, b := range info.NetworkSettings.Ports[portOf(x.c)] {
		if b.HostPort != "" {
			x.target.Addrs = []string{net.JoinHostPort(host, b.HostPort)}
			return nil
		}
	}
	return fmt.Errorf("the engine published no port for %s", portOf(x.c))
}

// stranger is an error if it was something else that answered for a candidate
// on the host's network: what began to listen there after the start was begun,
// and before the candidate could.
func (x *one) stranger() error {
	if x.c.Network != "host" || !x.r.local || len(x.target.Addrs) == 0 {
		return nil
	}
	if _, ours := probe.Holder(x.c.Port, x.contains); ours {
		return nil
	}
	pid, other := probe.Holder(x.c.Port, func(pid int) bool { return !x.contains(pid) })
	if !other {
		return nil
	}
	return runner.As(runner.ErrEnvironment, fmt.Errorf(
		"process %d listens on port %d of the host's network and answered instead of %s: end it, or choose another --port", pid, x.c.Port, x.c.Name))
}
