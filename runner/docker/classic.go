package docker

import (
	"context"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner/probe"
)

// labelPrefix is how our own labels begin.
const labelPrefix = "mlbench."

// A classic is what the classic builder tells of a build.
type classic struct {
	note func(step string)
	last probe.Lines

	from bool     // the step is a FROM, whose image is not the build's
	made []string // images of the steps, as the engine abbreviates them
}

func newClassic(note func(string)) *classic {
	return &classic{note: note, last: probe.Lines{Keep: logLines}}
}

func (c *classic) message(m jsonmessage.JSONMessage) {
	_, _ = c.last.Write([]byte(m.Stream)) // Lines never fails
	if step, ok := strings.CutPrefix(m.Stream, "Step "); ok {
		_, instruction, _ := strings.Cut(step, " : ")
		c.from = strings.HasPrefix(strings.ToUpper(instruction), "FROM ")
		if !strings.HasPrefix(instruction, "LABEL "+labelPrefix) { // our own are no step of the Dockerfile's
			c.note("Step " + strings.TrimSpace(step))
		}
	}
	if id, ok := strings.CutPrefix(m.Stream, " ---> "); ok && !c.from && len(c.made) < mostSteps {
		if id = strings.TrimSpace(id); id != "" && strings.Trim(id, "0123456789abcdef") == "" {
			c.made = append(c.made, id)
		}
	}
}

func (c *classic) failed() string { return indented(c.last.Last()) }

// removeUnused removes those of a build's images, in the order in which they
// were made, that no other needs: stages that were copied from, and steps
// before one that failed. What cannot be removed is in use, or gone.
func (r *Runner) removeUnused(ctx context.Context, ids []string) {
	for _, id := range slices.Backward(ids) {
		ctx, cancel := detached(ctx, r.launch)
		info, err := r.cli.ImageInspect(ctx, id)
		if err == nil && len(info.RepoTags)+len(info.RepoDigests) == 0 {
			_, _ = r.cli.ImageRemove(ctx, info.ID, image.RemoveOptions{}) // without its parents, which come later
		}
		cancel()
	}
}
