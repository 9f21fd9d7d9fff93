package listen

import (
	"errors"
	"time"
)

// Hearing is how a runner hears its candidates, for as long as it hears all of
// them: one comparison uses one method. The zero value works.
type Hearing struct {
	ear *Ear
	err error // why there is no Ear
}

// Begin is called before a start. The first time it makes the Ear.
func (h *Hearing) Begin() {
	if h.ear == nil && h.err == nil {
		h.ear, h.err = New()
	}
	if h.ear != nil {
		h.ear.Forget()
	}
}

// Program is what a start's program is heard by, whose network a process of it
// tells; see Ear.Program. It is nil where that cannot be.
func (h *Hearing) Program(pid int, addrs []string, since time.Time) *Program {
	if h.ear == nil {
		return nil
	}
	network, err := NetworkOf(pid)
	if err != nil {
		return nil
	}
	return h.ear.Program(network, addrs, since)
}

// errMissed is the end of hearing.
var errMissed = errors.New("the kernel did not tell that a candidate listens, which a try to connect found out: it may have a network of its own, as gVisor's, or be given a socket that listens already")

// Missed ends the hearing, as something listened that was not heard, and says
// so.
func (h *Hearing) Missed() error {
	h.err = errors.Join(errMissed, h.Close())
	return h.err
}

// Err says why nothing is heard; nil where something is.
func (h *Hearing) Err() error { return h.err }

// Close frees the Ear.
func (h *Hearing) Close() error {
	if h.ear == nil {
		return nil
	}
	err := h.ear.Close()
	h.ear = nil
	return err
}
