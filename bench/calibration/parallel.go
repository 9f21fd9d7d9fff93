package calibration

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// forEach calls do for 0 … n−1 on so many goroutines, 0 for one a core, until
// all are done, one has failed or ctx is. What do writes down under its own
// number does not depend on how many there are.
func forEach(ctx context.Context, n, workers int, do func(ctx context.Context, i int) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
