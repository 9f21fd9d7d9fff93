//go:build unix

package process

import (
	"bytes"
	"sync"
	"time"

	"mlbench/runner"
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

// show lets whoever wants to look at the running command, unless the mark was
// not reached.
func (k *kept) show(look func(runner.Look) error, mark runner.MarkName, reached bool) error {
	if k == nil || !reached {
		return nil
	}
	time.Sleep(pipeEmpties)
	k.mu.Lock()
	log := bytes.Clone(k.log)
	k.mu.Unlock()
	return look(runner.Look{Mark: mark, Log: log})
}
