package load

import (
	"context"
	"time"
)

// pace says when the next request is to be sent. vegeta's own waits without
// looking at a context, and its own rates send what was missed at the
// beginning of a second.
type pace struct {
	ctx   context.Context //nolint:containedctx // vegeta's Pacer gets none
	rate  int             // 0 for at once
	until time.Duration   // since begun
	begun time.Time       // when the first was asked for
}

// Pace waits until the next request is due. It is called from one goroutine.
func (p *pace) Pace(elapsed time.Duration, sent uint64) (wait time.Duration, stop bool) {
	if sent == 0 {
		p.begun = time.Now().Add(-elapsed)
	}
	if p.rate > 0 {
		due := time.Until(p.due(sent))
		if due > 0 {
			timer := time.NewTimer(due)
			defer timer.Stop()
			select {
			case <-p.ctx.Done():
			case <-timer.C:
			}
		}
	}
	return 0, p.ctx.Err() != nil || time.Since(p.begun) >= p.until
}

// Rate is that of vegeta's Pacer, which asks for it to draw plots.
func (p *pace) Rate(time.Duration) float64 { return float64(p.rate) }

// due is when the nth request is to be sent, from 0; at rate 0 never before it is.
func (p *pace) due(n uint64) time.Time {
	return p.begun.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
}
