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
func (r *Runner) pull(ctx context.Context, ref string) (*tally, error) {
	t := new(tally)
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	noted := time.Now() // a short pull needs no report
	err := r.stream(ctx, ref, r.login(ctx, ref), func(m jsonmessage.JSONMessage) {
		t.add(m, time.Now())
		if time.Since(noted) < noteEvery {
			return
		}
		noted = time.Now()
		var got, want int64
		for _, l := range t.layers {
			got, want = got+l.got, want+l.size
		}
		if want > 0 {
			r.opts.Notify(fmt.Sprintf("pulling %s: %d of %d MB of %d layers", ref, got/1e6, want/1e6, len(t.layers)))
		}
	})
	if ctx.Err() != nil {
		return t, context.Cause(ctx)
	}
	return t, err
}

// stream has the engine pull an image, and passes on what it tells meanwhile.
func (r *Runner) stream(ctx context.Context, ref, login string, each func(jsonmessage.JSONMessage)) error {
	stream, err := r.cli.ImagePull(ctx, ref, image.PullOptions{RegistryAuth: login})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	return messages(stream, func(err error) error { return err }, each)
}

// A tally is what an engine tells of a pull. Nothing in it has to come.
type tally struct {
	layers map[string]*layerTally // by the beginning of the blob's digest
}

type layerTally struct {
	here      bool      // it was in the engine already
	got, size int64     // compressed
	arrived   time.Time // its last byte did; zero if that was not told
}

// add takes a message that came now.
func (t *tally) add(m jsonmessage.JSONMessage, now time.Time) {
	switch m.Status {
	case "Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete", "Already exists":
	default:
		return // of the image as a whole
	}
	l := t.layers[m.ID]
	if l == nil {
		l = new(layerTally)
		if t.layers == nil {
			t.layers = make(map[string]*layerTally)
		}
		t.layers[m.ID] = l
	}
	switch m.Status {
	case "Downloading":
		if m.Progress != nil {
			l.got, l.size = m.Progress.Current, max(m.Progress.Total, m.Progress.Current)
		}
	case "Verifying Checksum", "Download complete", "Extracting":
		if l.arrived.IsZero() {
			l.arrived = now
		}
	case "Already exists":
		l.here = true
	}
}

// pull is what the tally says of a pull from begin to end. size is what a layer
// has by the registry's own word; nil where only the engine's is known.
func (t *tally) pull(begin, end time.Time, size func(id string) int64) *runner.Pull {
	p := &runner.Pull{Layers: len(t.layers)}
	var last time.Time
	told := true
	for id, l := range t.layers {
		if l.here {
			p.AlreadyHere++
			continue
		}
		if size != nil {
			p.Bytes += size(id)
		} else {
			p.Bytes += l.size
		}
		told = told && !l.arrived.IsZero()
		if l.arrived.After(last) {
			last = l.arrived
		}
	}
	if told && !last.IsZero() {
		download, extract := last.Sub(begin), end.Sub(last)
		p.Download, p.Extract = &download, &extract
	}
	return p
}

// compressed is the size of all layers; nil unless the engine told that of
// each.
func (t *tally) compressed() *int64 {
	var sum int64
	for _, l := range t.layers {
		if l.here || l.size == 0 {
			return nil
		}
		sum += l.size
	}
	return &sum
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
