package docker

import (
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

// Output runs a candidate's program to its end, hands on what it prints to its
// standard output, byte by byte, and says how long it took from the start call.
// A program that ends with another status than 0, or not within the timeout, is an
// error that wraps ErrEnvironment and has its last lines. Nothing of it is left.
//
// What it prints is taken as it comes, and not from the engine's log: of a long one
// the engine drops the beginning, and Engine 20.10 at times the end.
func (r *Runner) Output(ctx context.Context, c runner.Candidate, timeout time.Duration, out io.Writer) (took time.Duration, err error) {
	c.Ready = runner.Rule{Kind: runner.Exit}
	if c, err = r.Prepare(ctx, c); err != nil {
		return 0, err
	}
	r.starts++
	x := &one{r: r, c: c, name: fmt.Sprintf("mlbench-%s-%d", r.session, r.starts)}
	defer func() { err = errors.Join(err, x.remove(ctx)) }()
	tried := "running " + c.Name

	config, host := r.configs(c)
	config.AttachStdout, config.AttachStderr = true, true
	host.LogConfig = container.LogConfig{Type: "none"}
	calls, cancel := detached(ctx, r.launch)
	defer cancel()
	created, err := r.cli.ContainerCreate(calls, config, host, nil, nil, x.name)
	if err != nil {
		return 0, r.engineError(calls, tried, err)
	}
	x.id = created.ID
	r.warn(c, created.Warnings)
	stream, err := r.cli.ContainerAttach(calls, x.id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return 0, r.engineError(calls, tried, err)
	}
	defer stream.Close()
	begin := time.Now()
	if err := r.cli.ContainerStart(calls, x.id, container.StartOptions{}); err != nil {
		return 0, r.engineError(calls, tried, err)
	}

	limit, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	defer context.AfterFunc(limit, stream.Close)()
	last := &probe.Lines{Keep: logLines}
	_, lost := stdcopy.StdCopy(io.MultiWriter(out, last), last, stream.Reader) // until its end
	ended, failed := r.cli.ContainerWait(limit, x.id, container.WaitConditionNotRunning)
	select {
	case e := <-ended:
		took = time.Since(begin)
		if e.Error != nil {
			return took, r.engineError(ctx, tried, errors.New(e.Error.Message))
		}
		if e.StatusCode != 0 {
			return took, runner.As(runner.ErrEnvironment, fmt.Errorf("%s: the program ended with status %d%s", tried, e.StatusCode, indented(last.Last())))
		}
		return took, r.engineError(ctx, tried, lost)
	case err := <-failed:
		switch {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case limit.Err() != nil:
			return 0, runner.As(runner.ErrEnvironment, fmt.Errorf("%s: the program had not ended within %s (--timeout waits longer)%s", tried, timeout, indented(last.Last())))
		}
		return 0, r.engineError(ctx, tried, err)
	}
}
