package image

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Attributes by which overlayfs says more of a folder than what is in it
// (Documentation/filesystems/overlayfs.rst).
const (
	attributePrefix     = "trusted.overlay."
	userAttributePrefix = "user.overlay." // of mounts in a user namespace
)

// opaque reports whether a layer's folder, which is open, hides what the layers
// below have in it.
func opaque(fd int) (bool, error) {
	var list [4096]byte
	n, err := unix.Flistxattr(fd, list[:])
	if errors.Is(err, unix.ENOTSUP) {
		return false, fmt.Errorf("%w: their file system has no extended attributes", ErrNoFolders)
	}
	if errors.Is(err, unix.ERANGE) {
		return false, fmt.Errorf("%w: one has over %d bytes of names of extended attributes", ErrNoFolders, len(list))
	}
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, nil
	}
	is := false
	for name := range strings.SplitSeq(string(list[:n]), "\x00") {
		what, ok := strings.CutPrefix(name, attributePrefix)
		if !ok {
			if what, ok = strings.CutPrefix(name, userAttributePrefix); !ok {
				continue
			}
		}
		switch what {
		case "opaque":
			var value [8]byte
			n, err := unix.Fgetxattr(fd, name, value[:])
			if err != nil {
				return false, err
			}
			is = is || string(value[:n]) == "y"
		case "redirect":
			return false, fmt.Errorf("%w: overlayfs has renamed some, and left what is in them in other layers", ErrNoFolders)
		}
	}
	return is, nil
}
