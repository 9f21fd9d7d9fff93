package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// show lets whoever wants to look at the running container, which answered at
// addr.
func (x *one) show(ctx context.Context, mark runner.MarkName, addr string) {
	if x.look == nil || x.looked != nil {
		return
	}
	running, cancel := probe.While(ctx, x.ended)
	defer cancel()
	x.looked = x.look(running, runner.Look{
		Mark:  mark,
		Log:   func() ([]byte, error) { return x.errorOutput(ctx) },
		Addrs: probe.First(addr, x.target.Addrs),
	})
}

// An engine gets what a program has printed some milliseconds later. It is
// asked again until nothing more has come, but not for ever: the program runs on.
const (
	logPause = 50 * time.Millisecond
	logAsked = 10
)

// errorOutput is what the container has printed to its standard error by now.
func (x *one) errorOutput(ctx context.Context) (log []byte, err error) {
	for range logAsked {
		before := len(log)
		if log, err = x.readErrorOutput(ctx); err != nil {
			return nil, x.r.engineError(ctx, "reading the log of "+x.c.Name, err)
		}
		if before > 0 && len(log) == before {
			break
		}
		select {
		case <-ctx.Done():
			return log, nil
		case <-time.After(logPause):
		}
	}
	return log, nil
}

func (x *one) readErrorOutput(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.r.ask)
	defer cancel()
	stream, err := x.r.cli.ContainerLogs(ctx, x.id, container.LogsOptions{ShowStderr: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	log := &bounded{most: runner.MaxLog}
	if _, err = stdcopy.StdCopy(io.Discard, log, stream); errors.Is(err, errFull) {
		err = nil
	}
	return log.Bytes(), err
}

// bounded takes so many bytes and then fails.
type bounded struct {
	bytes.Buffer
	most int
}

var errFull = errors.New("full")

func (b *bounded) Write(p []byte) (int, error) {
	n, _ := b.Buffer.Write(p[:min(len(p), b.most-b.Len())])
	if n < len(p) {
		return n, fmt.Errorf("%w: %d bytes", errFull, b.most)
	}
	return n, nil
}
