package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

func init() {
	// Its reaper is an image to be pulled, and would be one container more.
	_ = os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	tclog.SetDefault(silence)
}

var silence = log.New(io.Discard, "", 0)

// timed is a strategy of which is known when it ended and what it used. Its
// end comes before that of GenericContainer, to the peer's advantage.
type timed struct {
	wait.Strategy
	end  time.Time
	used time.Duration
}

func (s *timed) WaitUntilReady(ctx context.Context, target wait.StrategyTarget) error {
	used := cpuUsed()
	err := s.Strategy.WaitUntilReady(ctx, target)
	s.end, s.used = time.Now(), cpuUsed()-used
	return err
}

// testcontainer is one start with testcontainers-go.
func testcontainer(ctx context.Context, b *bench, t trial) (s sighting, err error) {
	// It is not interrupted, as the engine would go on with what it was asked.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	tcp := nat.Port(fmt.Sprintf("%d/tcp", port))
	strategy := &timed{Strategy: wait.ForHTTP(health).WithPort(tcp)}
	request := testcontainers.ContainerRequest{
		Name: t.name, Image: b.image, Cmd: t.args, Labels: b.labels(),
		ExposedPorts: []string{string(tcp)}, WaitingFor: strategy,
		HostConfigModifier: func(h *container.HostConfig) { h.Binds = b.binds() },
	}
	if t.network != "" {
		request.Networks = []string{t.network}
	}
	defer func() { err = errors.Join(err, b.remove(ctx, t.name)) }()
	_, err = testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: request, Started: true, Logger: silence,
	})
	return sighting{ready: strategy.end, waiting: strategy.used}, err
}
