//go:build !linux

package image

import (
	"context"
	"fmt"
)

// ReadFolders reads an image from the folders of its layers.
func ReadFolders(context.Context, Config, []string, Options) (*Index, error) {
	return nil, fmt.Errorf("%w: they are those of overlayfs, which Linux has", ErrNoFolders)
}
