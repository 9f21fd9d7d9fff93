package docker

import (
	"context"
	"fmt"
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
	note  func(step string)
	last  probe.Lines
	added int // steps at the end that are not the Dockerfile's, but counted

	from   bool            // the step is a FROM, whose image is not the build's
	wanted string          // by a FROM that has not got it yet, as it is written
	cached bool            // the step's image was there already
	made   []string        // images of the other steps, as the engine abbreviates them
	keep   func(id string) // is told of them as they are made; nil for nobody

	all   []runner.Step
	now   *runner.Step // the one on its way; nil for none
	begun time.Time
}

// uncoloured takes away how the engine marks what a step writes to stderr.
var uncoloured = strings.NewReplacer("\x1b[91m", "", "\x1b[0m", "")

func newClassic(note func(string), added int) *classic {
	return &classic{note: note, added: added, last: probe.Lines{Keep: logLines}}
}

func (c *classic) message(m jsonmessage.JSONMessage) {
	_, _ = c.last.Write([]byte(uncoloured.Replace(m.Stream))) // Lines never fails
	if step, ok := strings.CutPrefix(m.Stream, "Step "); ok {
		c.step(strings.TrimSpace(step))
	}
	said, ok := strings.CutPrefix(m.Stream, " ---> ")
	if ok {
		c.wanted = ""
	}
	if !ok || c.from {
		return
	}
	said = strings.TrimSpace(said)
	isImage := said != "" && strings.Trim(said, "0123456789abcdef") == ""
	switch {
	case said == "Using cache":
		c.cached = true
	case isImage && !c.cached && len(c.made) < mostSteps:
		c.made = append(c.made, said)
		if c.keep != nil {
			c.keep(said)
		}
	}
	if c.now != nil && isImage { // it is done
		c.now.Cached, c.now.Took = c.cached, time.Since(c.begun)
		if len(c.all) < mostSteps {
			c.all = append(c.all, *c.now)
		}
		c.now = nil
	}
}

// step begins a step, as in "2/5 : COPY . .".
func (c *classic) step(step string) {
	place, instruction, _ := strings.Cut(step, " : ")
	c.from, c.cached, c.now, c.begun = strings.HasPrefix(strings.ToUpper(instruction), "FROM "), false, nil, time.Now()
	c.wanted = ""
	if c.from {
		c.wanted = fromOf(instruction)
	}
	label, _ := strings.CutPrefix(instruction, "LABEL ")
	if strings.HasPrefix(label, runner.OwnerLabel) || strings.HasPrefix(label, LabelSession) { // no step of the Dockerfile's
		return
	}
	c.note("Step " + step)
	at, all := 0, 0
	if n, _ := fmt.Sscanf(place, "%d/%d", &at, &all); n == 2 && all > c.added {
		place = fmt.Sprintf("%d/%d", at, all-c.added)
	}
	c.now = &runner.Step{Name: "[" + place + "] " + instruction}
}

func (c *classic) done() []runner.Step { return c.all }

func (c *classic) failed() string { return indented(c.last.Last()) }

func (c *classic) base() string { return c.wanted }

// fromOf is the image that a FROM names.
func fromOf(instruction string) string {
	for _, word := range strings.Fields(instruction)[1:] {
		if !strings.HasPrefix(word, "--") { // as --platform does
			return word
		}
	}
	return ""
}

// cancelled is how long a busy engine may take to remove the container of a step
// that was cancelled, until which its image is in use.
const cancelled = 15 * time.Second

// removeUnused removes those of a build's images, in the order in which they
// were made, that no other needs: stages that were copied from, and steps
// before one that failed. What cannot be removed is in use, or gone.
func (r *Runner) removeUnused(ctx context.Context, ids []string) {
	ctx, cancel := detached(ctx, r.launch)
	defer cancel()
	for begin := time.Now(); len(ids) > 0 && time.Since(begin) < cancelled; time.Sleep(50 * time.Millisecond) {
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
