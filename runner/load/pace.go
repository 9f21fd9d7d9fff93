package load

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// pace says when the next request is to be sent. vegeta's own waits without
// looking at a context, and its own rates send what was missed at the
// beginning of a second.
//
// At a rate the counted time has a plan of its own: what the second before it
// could not send is dropped. It would be sent all at once in the counted time,
// where a candidate that stalls at first would be seen to answer more than it
// was asked.
type pace struct {
	ctx   context.Context //nolint:containedctx // vegeta's Pacer gets none
	rate  int             // 0 for at once
	until time.Duration   // since begun
	begun time.Time       // when the first was asked for
	first atomic.Uint64   // request of the counted time's plan; uncounted before it has begun
}

// uncounted is the number of no request.
const uncounted = math.MaxUint64

func newPace(ctx context.Context, rate, seconds int) *pace {
	p := &pace{ctx: ctx, rate: rate, until: warmUp + time.Duration(seconds)*time.Second}
	p.first.Store(uncounted)
	return p
}

// Pace waits until the next request is due. It is called from one goroutine.
func (p *pace) Pace(elapsed time.Duration, sent uint64) (wait time.Duration, stop bool) {
	if sent == 0 {
		p.begun = time.Now().Add(-elapsed)
	}
	if p.rate > 0 {
		counted := p.begun.Add(warmUp)
		if p.first.Load() == uncounted && (!time.Now().Before(counted) || !p.due(sent).Before(counted)) {
			p.first.Store(sent)
		}
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
	from := p.begun
	if first := p.first.Load(); n >= first {
		from, n = from.Add(warmUp), n-first
	}
	return from.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
}
