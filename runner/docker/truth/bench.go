package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"mlbench/runner"
	"mlbench/runner/docker"
)

// labelSession marks, beside runner.OwnerLabel, what a run makes in the engine.
const labelSession = "mlbench.truth"

// patience is how long one start may take in all, engine calls included.
const patience = time.Minute

// A bench is what a run works with.
type bench struct {
	clock   clock
	errs    io.Writer // progress and problems
	cli     *client.Client
	host    runner.Host
	session string
	starts  int
	folder  string // of what servers tell, on this host
	image   string
	network string // that servers are on, "" for the engine's default
	v6      string // that ipv6 is on; "" until it is made

	watchers map[*observer]*docker.Runner // mlbench's
	prepared runner.Candidate             // by them
	units    int                          // of work that busy does
}

// open makes what a run needs. What it returns has to be closed, even with an
// error.
func open(ctx context.Context, fixture, network string, errs io.Writer) (*bench, error) {
	b := &bench{clock: newClock(), errs: errs, network: network, watchers: make(map[*observer]*docker.Runner)}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	b.session = hex.EncodeToString(id)
	for _, o := range []*observer{events, polling} {
		r, err := docker.New(docker.Options{
			Notify:  func(line string) { fmt.Fprintln(errs, o.name+":", line) },
			Polling: o == polling,
		})
		if err != nil {
			return b, err
		}
		b.watchers[o] = r
		if b.host, err = r.Host(ctx); err != nil {
			return b, err
		}
	}
	if b.host.Reach != "address" {
		return b, errors.New("the engine is not on this host, and only here do servers and observers share a clock: run it on the engine's host")
	}
	r := b.watchers[events]
	reaped, err := r.Reap(ctx)
	if err != nil {
		return b, err
	}
	for _, what := range reaped {
		fmt.Fprintln(errs, "removed what a killed run left:", what)
	}
	if b.cli, err = client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation()); err != nil {
		return b, err
	}
	if b.image, err = r.ImportProgram(ctx, docker.Program{Name: "truth", Path: fixture, Entrypoint: []string{docker.Executable}, Port: port}); err != nil {
		return b, fmt.Errorf("%w (make bench-truth builds it)", err)
	}
	if b.prepared, err = r.Prepare(ctx, runner.Candidate{Name: "truth", Ref: b.image, Port: port, Health: health}); err != nil {
		return b, err
	}
	// In memory where there is such a place, so that telling takes no time.
	if b.folder, err = os.MkdirTemp("/dev/shm", "mlbench-truth-"); err != nil {
		b.folder, err = os.MkdirTemp("", "mlbench-truth-")
	}
	return b, err
}

// prepare makes what these cells need, and returns those that can be measured
// here.
func (b *bench) prepare(ctx context.Context, cells []cell) (todo []cell, err error) {
	for _, c := range cells {
		if c.server.v6 && b.v6 == "" {
			if err := b.makeNetwork(ctx); err != nil {
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				fmt.Fprintf(b.errs, "%s is left out: the engine makes no network that speaks IPv6: %v\n", c, err)
				continue
			}
		}
		if c.tool != "" {
			if _, err := exec.LookPath(c.tool); err != nil {
				return nil, fmt.Errorf("%s: %w: install it (apt-get install %s), or name the pairs to measure with -only", c, err, c.tool)
			}
		}
		if c.server == busy && b.units == 0 {
			if err := b.findUnits(ctx); err != nil {
				return nil, err
			}
		}
		todo = append(todo, c)
	}
	return todo, nil
}

// makeNetwork makes a network with IPv6 addresses of a random prefix, as
// RFC 4193 has it.
func (b *bench) makeNetwork(ctx context.Context) error {
	prefix := make([]byte, 5)
	_, _ = rand.Read(prefix) // never fails
	yes := true
	name := b.name("network")
	_, err := b.cli.NetworkCreate(ctx, name, network.CreateOptions{
		Driver: "bridge", EnableIPv6: &yes, Labels: b.labels(),
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{
			Subnet: fmt.Sprintf("fd%02x:%02x%02x:%02x%02x::/64", prefix[0], prefix[1], prefix[2], prefix[3], prefix[4]),
		}}},
	})
	if err == nil {
		b.v6 = name
	}
	return err
}

// busyTime is about how long busy computes when nobody disturbs it.
const busyTime = 400 * time.Millisecond

// findUnits finds out how much work that is.
func (b *bench) findUnits(ctx context.Context) error {
	b.units = 500
	for range 4 { // the first finds caches cold
		t := b.trial(cell{busy, nobody}, 0)
		_, err := nobody.observe(ctx, b, t)
		told, truthErr := b.truth(t)
		if err := errors.Join(err, truthErr); err != nil {
			return fmt.Errorf("measuring how much work busy has to do: %w", err)
		}
		took := max(time.Duration(told.listening-told.begin), time.Millisecond)
		b.units = max(1, int(float64(b.units)*float64(busyTime)/float64(took)))
	}
	fmt.Fprintf(b.errs, "busy does %d units of work\n", b.units)
	return nil
}

// trial is a new start of a cell.
func (b *bench) trial(c cell, d time.Duration) trial {
	b.starts++
	t := trial{name: b.name(strconv.Itoa(b.starts)), cell: c, network: b.network}
	if c.server.v6 {
		t.network = b.v6
	}
	if c.server == busy {
		t.args = []string{"-compute", strconv.Itoa(b.units)}
	} else {
		t.args = c.flags(d)
	}
	t.args = append(t.args, "-health", health, "-truth", "/truth/"+t.name)
	return t
}

// truth reads, once, what the server of a trial told.
func (b *bench) truth(t trial) (truth, error) {
	path := filepath.Join(b.folder, t.name)
	told, err := readTruth(path)
	return told, errors.Join(err, os.Remove(path))
}

func (b *bench) binds() []string { return []string{b.folder + ":/truth"} }

// name is one that mlbench's reaper takes for mlbench's.
func (b *bench) name(what string) string { return "mlbench-truth-" + b.session + "-" + what }

func (b *bench) labels() map[string]string {
	return map[string]string{runner.OwnerLabel: runner.Self().String(), labelSession: b.session}
}

// close removes everything that the run has made.
func (b *bench) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var failed []error
	if b.cli != nil {
		failed = append(failed, b.removeContainers(ctx))
		if b.v6 != "" {
			failed = append(failed, b.cli.NetworkRemove(ctx, b.v6))
		}
		failed = append(failed, b.cli.Close())
	}
	for _, r := range b.watchers {
		failed = append(failed, r.Close())
	}
	if b.folder != "" {
		failed = append(failed, os.RemoveAll(b.folder))
	}
	return errors.Join(failed...)
}

// removeContainers removes what a start may have left that was interrupted.
func (b *bench) removeContainers(ctx context.Context) error {
	left, err := b.cli.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", labelSession+"="+b.session)),
	})
	failed := []error{err}
	for _, c := range left {
		failed = append(failed, b.remove(ctx, c.ID))
	}
	return errors.Join(failed...)
}
