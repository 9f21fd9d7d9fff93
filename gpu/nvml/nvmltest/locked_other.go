//go:build !unix

package nvmltest

import "os"

// locked is not asked: there is no stand-in on this system.
func locked(*os.File) (bool, error) { return false, nil }
