//go:build unix && !solaris && !illumos && !aix

package history

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lock waits until the file is ours alone, as flock(2) has it: of every other
// open file of any process, over NFS too. Its close, and the process's end
// whatever the reason, gives it back.
func lock(ctx context.Context, f *os.File) error { return flock(ctx, f, syscall.LOCK_EX) }

// share waits until nobody has the file alone.
func share(ctx context.Context, f *os.File) error { return flock(ctx, f, syscall.LOCK_SH) }

func flock(ctx context.Context, f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select { // a call that waits in the kernel could not be given up
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
