package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

// Prepare finds the image, pulling it if it is not here, checks that it can
// run on this engine, and finds port and health path as far as the image
// tells them.
func (r *Runner) Prepare(ctx context.Context, c runner.Candidate) (runner.Candidate, error) {
	c = c.Clone()
	img, err := r.image(ctx, c.Ref)
	if err != nil {
		return c, err
	}
	if img.Os != "linux" || img.Architecture != r.arch {
		return c, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"image %s is for %s/%s and the engine runs linux/%s: pull or build it with --platform linux/%s",
			c.Ref, img.Os, img.Architecture, r.arch, r.arch))
	}
	c.Digest = img.ID
	if r.graph == "overlay2" {
		// Only here is the engine's figure the sum of the unpacked layers.
		c.UnpackedBytes = &img.Size
	}
	facts := readFacts(img)
	if c.Ready.Kind == runner.Healthcheck && facts.check == "" {
		return c, runner.As(runner.ErrUsage, fmt.Errorf(
			"--ready healthcheck: image %s has no HEALTHCHECK: add one, or use --ready http", c.Ref))
	}
	if c.Ready.Kind == runner.TCP && r.published {
		return c, runner.As(runner.ErrUsage, fmt.Errorf(
			"--ready tcp: on this engine %s is reached through a published port, which accepts before the program listens: use --ready http or log=REGEXP", c.Name))
	}
	if c.Network == "none" && (c.Ready.NeedsPort() || c.Request != nil) {
		return c, runner.As(runner.ErrUsage, errors.New(
			"--network none leaves no address to ask: use --ready log=REGEXP, exit or healthcheck, or another network"))
	}
	if c.Port == 0 && (c.Ready.NeedsPort() || c.Request != nil) {
		if c.Port, err = facts.port(c.Ref); err != nil {
			return c, runner.As(runner.ErrUsage, err)
		}
	}
	if c.Health == "" {
		c.Health = facts.health()
	}
	return c, nil
}

// image inspects an image, pulling it first if it is not here.
func (r *Runner) image(ctx context.Context, ref string) (image.InspectResponse, error) {
	img, err := r.cli.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		r.opts.Notify(fmt.Sprintf("image %s is not here: pulling it", ref))
		if err := r.pull(ctx, ref); err != nil {
			return img, err
		}
		img, err = r.cli.ImageInspect(ctx, ref)
	}
	if cerrdefs.IsInvalidArgument(err) {
		return img, runner.As(runner.ErrUsage, fmt.Errorf("%q is not an image reference: %w", ref, err))
	}
	if err != nil {
		return img, r.engineError("inspecting image "+ref, err)
	}
	if img.Config == nil { // nothing in the API's description forbids it
		return img, runner.As(runner.ErrEnvironment, fmt.Errorf("image %s has no configuration: build it again", ref))
	}
	return img, nil
}

// facts are what an image says about how it is reached.
type facts struct {
	labelPort   string
	labelHealth string
	exposed     []int  // TCP ports, sorted
	check       string // the HEALTHCHECK command, "" for none
}

func readFacts(img image.InspectResponse) facts {
	f := facts{
		labelPort:   img.Config.Labels[LabelPort],
		labelHealth: img.Config.Labels[LabelHealth],
	}
	for p := range img.Config.ExposedPorts {
		number, proto, _ := strings.Cut(p, "/")
		n, err := strconv.Atoi(number)
		if err == nil && (proto == "" || proto == "tcp") {
			f.exposed = append(f.exposed, n)
		}
	}
	slices.Sort(f.exposed)
	if h := img.Config.Healthcheck; h != nil && len(h.Test) > 1 && h.Test[0] != "NONE" {
		f.check = strings.Join(h.Test[1:], " ")
	}
	return f
}

// checkURL finds the URL that a health check asks, in whatever command.
var checkURL = regexp.MustCompile(`https?://[^/\s:'"]+(?::(\d{1,5}))?(/[^\s'")]*)?`)

// port is the label, else the one exposed TCP port, else the port of the
// health check's URL.
func (f facts) port(ref string) (int, error) {
	if f.labelPort != "" {
		n, err := strconv.Atoi(f.labelPort)
		if err != nil || n < 1 || n > 65535 {
			return 0, fmt.Errorf("image %s: label %s is %q, which is not a port: mend it, or give --port", ref, LabelPort, f.labelPort)
		}
		return n, nil
	}
	if len(f.exposed) == 1 {
		return f.exposed[0], nil
	}
	if m := checkURL.FindStringSubmatch(f.check); m != nil && m[1] != "" {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 && n <= 65535 {
			return n, nil
		}
	}
	if len(f.exposed) == 0 {
		return 0, fmt.Errorf("image %s exposes no TCP port and has no label %s: say where it listens with --port, or how else it is ready with --ready", ref, LabelPort)
	}
	return 0, fmt.Errorf("image %s exposes the TCP ports %s: choose one with --port", ref, list(f.exposed))
}

// health is the label, else the path of the health check's URL, else unknown.
func (f facts) health() string {
	if f.labelHealth != "" {
		return f.labelHealth
	}
	if m := checkURL.FindStringSubmatch(f.check); m != nil {
		if m[2] == "" {
			return "/"
		}
		return m[2]
	}
	return ""
}

func list(ports []int) string {
	s := make([]string, len(ports))
	for i, p := range ports {
		s[i] = strconv.Itoa(p)
	}
	return strings.Join(s, ", ")
}
