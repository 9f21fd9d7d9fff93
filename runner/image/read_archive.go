package image

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// ReadArchive reads an image from an archive, as `docker save` or an OCI image
// layout in a tar have it, compressed or not, in one pass. want names one of the
// archive's images by a name or digest, or the only one with "". What is wrong
// with the archive is an ErrMalformed.
func ReadArchive(ctx context.Context, r io.Reader, want string, opts Options) (*Index, error) {
	return readArchive(ctx, r, want, runtime.GOARCH, true, opts)
}

// ReadSaved reads the image of this ID from what an engine's save call sends.
// It takes the engine's word for it that the layers are those of the image: to
// compute their digests may take longer than all else.
func ReadSaved(ctx context.Context, r io.Reader, id, arch string, opts Options) (*Index, error) {
	x, err := readArchive(ctx, r, id, arch, false, opts)
	if err == nil {
		x.Config.ID = id
	}
	return x, err
}

func readArchive(ctx context.Context, r io.Reader, want, arch string, verify bool, opts Options) (*Index, error) {
	s, stop := ahead(ctx, r, opts.limits())
	defer stop()
	reader := newTarReader(s, opts)
	a, err := scan(s, verify, reader.read)
	if err != nil {
		return nil, err
	}
	found, err := a.find(want, arch)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	config, err := ParseConfig(found.config)
	if err != nil {
		return nil, err
	}
	config.ID = found.id
	layers, err := newLayers(config, s.limits)
	if err != nil {
		return nil, err
	}
	made, err := a.ordered(found)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var files []File
	contents := make(map[Place][]byte)
	for i, l := range made {
		layers[i].CompressedBytes = l.Packed
		if len(files)+len(l.Made.at) > s.entries {
			return nil, s.tooMany() // one layer many times over
		}
		files = append(files, l.Made.in(i, contents)...)
	}
	x := New(config, layers, files, contents)
	if x.Ref = want; want == "" && len(found.names) > 0 {
		x.Ref = found.names[0]
	}
	x.Warnings = append(x.Warnings, reader.left.warnings()...)
	return x, ctx.Err()
}
