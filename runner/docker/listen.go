package docker

import (
	"errors"
	"fmt"
	"strings"

	"mlbench/runner"
	"mlbench/runner/probe"
	"mlbench/runner/probe/listen"
)

// hear lets the kernel tell when candidates listen, where it can: once for
// all starts, and before the first.
func (r *Runner) hear() {
	if r.ear != nil || r.opts.Polling || !r.local || r.deaf != nil {
		return
	}
	r.ear, r.deaf = listen.New()
}

// listenFor hears the container from here on, and what was heard since the
// start began. A process of its network tells which that is.
func (x *one) listenFor(pid int) {
	if x.r.ear == nil {
		return
	}
	network, err := listen.NetworkOf(pid)
	if err != nil {
		return // the container has ended, or tries have to do
	}
	x.program = x.r.ear.Program(network, x.target.Addrs, x.target.Begin)
	x.target.Events = x.program
}

// heard sees whether a start that was ready was heard. A runtime may have a
// network of its own, of which the kernel knows nothing; that shows in the
// first start, so that one comparison uses one method.
func (x *one) heard(s *runner.Start) {
	m, ok := s.Marks[runner.Listening]
	switch {
	case x.program == nil || !ok:
	case m.Source == probe.SourceEvent:
		x.r.hearing = true
	case !x.r.hearing:
		x.r.deaf = errors.New("the kernel does not tell when containers of this engine listen (a runtime with a network of its own?)")
		_ = x.r.ear.Close()
		x.r.ear = nil
	}
}

// elsewhere says where the program listens instead of where it was asked.
func (x *one) elsewhere() string {
	if x.program == nil || x.c.Network == "host" {
		return "" // on the host's network, others listen too
	}
	var found []string
	for _, a := range x.program.Elsewhere() {
		local, here := a.Addr().Unmap().IsLoopback(), int(a.Port()) == x.c.Port
		switch {
		case local && here:
			found = append(found, fmt.Sprintf("on %s, which nothing outside the container reaches: make it listen on 0.0.0.0", a))
		case here:
			found = append(found, "on "+a.String())
		case !local: // there are the engine's own, such as its name server
			found = append(found, fmt.Sprintf("on port %d: use --port %d", a.Port(), a.Port()))
		}
	}
	return strings.Join(found, "; ")
}
