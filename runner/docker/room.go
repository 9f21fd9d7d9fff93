package docker

import (
	"context"

	cerrdefs "github.com/containerd/errdefs"
)

// Room is how many bytes are free on the disk that the engine keeps images on,
// and its folder there. ok is false where that cannot be known: of an engine on
// another host or in a virtual machine, and of one whose images containerd keeps,
// which does not say where. It is known once Host was asked.
func (r *Runner) Room() (free int64, folder string, ok bool) {
	if !r.here || r.rootDir == "" || r.graph == "" {
		return 0, "", false
	}
	d, ok := diskOf(r.rootDir)
	if !r.local { // rootless: the user's own share
		return d.ours, r.rootDir, ok
	}
	return d.free, r.rootDir, ok
}

// Has reports whether the engine has an image, which is not pulled.
func (r *Runner) Has(ctx context.Context, ref string) (bool, error) {
	_, err := r.inspectImage(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, r.engineError(ctx, "looking for image "+ref, err)
}
