package docker

import (
	"context"
	"slices"

	"github.com/docker/docker/api/types/image"
)

// List names the engine's images by their tags, without those that mlbench has
// made for itself. See runner.Lister.
func (r *Runner) List(ctx context.Context) ([]string, error) {
	images, err := r.cli.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, r.engineError(ctx, "listing images", err)
	}
	var names []string
	for _, i := range images {
		if _, own := i.Labels[LabelSession]; own {
			continue
		}
		for _, tag := range i.RepoTags {
			if tag != "<none>:<none>" {
				names = append(names, tag)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
