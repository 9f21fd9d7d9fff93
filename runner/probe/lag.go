package probe

import (
	"os"
	"sync"
	"time"
)

// Lag is how late this process, on this host, sees something that another one
// wrote to a pipe: the longest of twenty hand-overs, measured once. It is the
// resolution of marks that come as events and carry no time of their own.
var Lag = sync.OnceValue(func() time.Duration {
	const unknown = time.Millisecond // no pipe to be had: what a scheduler tick may cost
	r, w, err := os.Pipe()
	if err != nil {
		return unknown
	}
	defer func() { _ = r.Close() }()
	defer func() { _ = w.Close() }()
	got := make(chan time.Time)
	go func() {
		defer close(got)
		for b := make([]byte, 1); ; {
			if _, err := r.Read(b); err != nil {
				return
			}
			got <- time.Now()
		}
	}()
	var longest time.Duration
	for range 20 {
		sent := time.Now()
		if _, err := w.Write([]byte{0}); err != nil {
			return unknown
		}
		longest = max(longest, (<-got).Sub(sent))
	}
	return longest
})
