//go:build unix

package process

import (
	"bytes"
	"context"
	"sync"
	"time"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// kept is the beginning of a command's output. A nil one keeps nothing.
type kept struct {
	mu  sync.Mutex
	log []byte
}

// Write takes the next bytes of output. It never fails.
func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = append(k.log, p[:min(len(p), runner.MaxLog-len(k.log))]...)
	return len(p), nil
}

// pipeEmpties is how long it takes at most to read what is in a pipe.
const pipeEmpties = 50 * time.Millisecond

// read is what the command has printed by now.
func (k *kept) read() ([]byte, error) {
	time.Sleep(pipeEmpties)
	k.mu.Lock()
	defer k.mu.Unlock()
	return bytes.Clone(k.log), nil
}

// seen is the candidate as it is when that was sighted.
func (k *kept) seen(mark runner.MarkName, c runner.Candidate, s probe.Sighting) runner.Look {
	l := runner.Look{Mark: mark, Log: k.read}
	if c.Port != 0 {
		l.Addrs = probe.First(s.Addr, addresses(c.Port))
	}
	return l
}

// show lets whoever wants to look at the running command.
func (p *running) show(ctx context.Context, look func(context.Context, runner.Look) error, seen runner.Look) error {
	ctx, cancel := probe.While(ctx, p.ended)
	defer cancel()
	return look(ctx, seen)
}
