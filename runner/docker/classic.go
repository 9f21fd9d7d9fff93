package docker

import (
	"context"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// A classic is what the classic builder tells of a build.
type classic struct {
	note func(step string)
	last probe.Lines

	from bool     // the step is a FROM, whose image is not the build's
	made []string // images of the steps, as the engine abbreviates them
}

// uncoloured takes away how the engine marks what a step writes to stderr.
var uncoloured = strings.NewReplacer("\x1b[91m", "", "\x1b[0m", "")

func newClassic(note func(string)) *classic {
	return &classic{note: note, last: probe.Lines{Keep: logLines}}
}

func (c *classic) message(m jsonmessage.JSONMessage) {
	_, _ = c.last.Write([]byte(uncoloured.Replace(m.Stream))) // Lines never fails
	if step, ok := strings.CutPrefix(m.Stream, "Step "); ok {
		_, instruction, _ := strings.Cut(step, " : ")
		c.from = strings.HasPrefix(strings.ToUpper(instruction), "FROM ")
		label, _ := strings.CutPrefix(instruction, "LABEL ")
		if !strings.HasPrefix(label, runner.OwnerLabel) && !strings.HasPrefix(label, LabelSession) { // no step of the Dockerfile's
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
	ctx, cancel := detached(ctx, r.launch)
	defer cancel()
	// The container of a step that was cancelled is there for a moment more.
	for begin := time.Now(); len(ids) > 0 && time.Since(begin) < persist; time.Sleep(50 * time.Millisecond) {
		var busy []string
		for _, id := range slices.Backward(ids) {
			info, err := r.cli.ImageInspect(ctx, id)
			if err != nil || len(info.RepoTags)+len(info.RepoDigests) > 0 {
				continue
			}
			_, err = r.cli.ImageRemove(ctx, info.ID, image.RemoveOptions{}) // without its parents, which come later
			if cerrdefs.IsConflict(err) && (strings.Contains(err.Error(), "container") || len(busy) > 0) {
				busy = append(busy, id)
			}
		}
		slices.Reverse(busy)
		ids = busy
	}
}
