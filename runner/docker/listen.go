package docker

import (
	"fmt"
	"strings"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// hear lets the kernel tell when candidates listen, where that helps.
func (r *Runner) hear() {
	if r.local && !r.published && !r.opts.Polling {
		r.hearing.Begin()
	}
}

// listenFor hears the container from here on, and what was heard since the
// start began. A process of its network tells which that is.
func (x *one) listenFor(pid int) {
	if x.program = x.r.hearing.Program(pid, x.target.Addrs, x.target.Begin); x.program != nil {
		x.target.Events = x.program
	}
}

// heard sees whether a start that was heard for was heard.
func (x *one) heard(s *runner.Start) {
	if m, ok := s.Marks[runner.Listening]; ok && x.program != nil && m.Source != probe.SourceEvent {
		x.r.opts.Notify(fmt.Sprintf("%s: %v: trying to connect from here on", x.c.Name, x.r.hearing.Missed()))
	}
}

// elsewhere says where the program listens instead of where it was asked.
func (x *one) elsewhere() string {
	if x.program == nil || x.c.Network == "host" {
		return "" // on the host's network, others listen too
	}
	var found []string
	for _, a := range x.program.Elsewhere() {
		switch here := int(a.Port()) == x.c.Port; {
		case a.Addr().Unmap().IsLoopback():
			found = append(found, fmt.Sprintf("on %s, which nothing outside the container reaches: make it listen on 0.0.0.0", a))
		case here:
			found = append(found, "on "+a.String())
		default:
			found = append(found, fmt.Sprintf("on port %d: use --port %d", a.Port(), a.Port()))
		}
	}
	return strings.Join(found, "; ")
}
