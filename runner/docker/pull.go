package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
)

// noteEvery is how often a long engine call is reported on.
const noteEvery = 2 * time.Second

// pull fetches an image and tells how far it is.
func (r *Runner) pull(ctx context.Context, ref string) error {
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	failed := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return runner.As(runner.ErrEnvironment, fmt.Errorf(
			"image %s is not here and cannot be pulled: %w: check the name, or build or `docker pull` it first (a private registry needs your login)", ref, err))
	}
	stream, err := r.cli.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return failed(err)
	}
	defer func() { _ = stream.Close() }()
	layers := make(map[string]*jsonmessage.JSONProgress)
	noted := time.Now() // a short pull needs no report
	return messages(stream, failed, func(m jsonmessage.JSONMessage) {
		if m.ID != "" && m.Progress != nil && m.Status == "Downloading" {
			layers[m.ID] = m.Progress
		}
		if time.Since(noted) < noteEvery {
			return
		}
		noted = time.Now()
		var got, want int64
		for _, p := range layers {
			got, want = got+p.Current, want+p.Total
		}
		if want > 0 {
			r.opts.Notify(fmt.Sprintf("pulling %s: %d of %d MB of %d layers", ref, got/1e6, want/1e6, len(layers)))
		}
	})
}

// messages reads an engine's stream of JSON messages to its end. What the
// stream itself reports as an error goes through failed.
func messages(stream io.Reader, failed func(error) error, each func(jsonmessage.JSONMessage)) error {
	for d := json.NewDecoder(stream); ; {
		var m jsonmessage.JSONMessage
		err := d.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return failed(err)
		case m.Error != nil:
			return failed(m.Error)
		}
		each(m)
	}
}
