package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/docker/docker/client"

	"mlbench/runner/docker"
	"mlbench/runner/image"
)

// once does one thing, and says what it found.
func once(ctx context.Context, out io.Writer, what, ref string) error {
	if what == "folders" {
		r, err := docker.New(docker.Options{Notify: func(line string) { err := fmt.Errorf("not from folders: %s", line); panic(err) }})
		if err != nil {
			return err
		}
		x, err := r.Index(ctx, ref, image.Options{})
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(found{int64(len(x.Files)), x.UnpackedBytes()})
	}
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	img, err := cli.ImageInspect(ctx, ref)
	if err != nil {
		return err
	}
	stream, err := cli.ImageSave(ctx, []string{img.ID})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	switch what {
	case "saved":
		x, err := image.ReadSaved(ctx, stream, img.ID, img.Architecture, image.Options{})
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(found{int64(len(x.Files)), x.UnpackedBytes()})
	case "drain":
		n, err := io.Copy(io.Discard, stream)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(found{0, n})
	}
	return fmt.Errorf("-do %s: it is one of folders, saved and drain", what)
}

// found is what one of them learned.
type found struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}
