//go:build !unix || solaris || illumos || aix

package history

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// lock refuses where there is no flock: two writers could mix their lines.
func lock(context.Context, *os.File) error { return errNoLocks }

func share(context.Context, *os.File) error {
	return errNoLocks
}

var errNoLocks = fmt.Errorf("this system has no flock: append on Linux: %w", errors.ErrUnsupported)
