package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"mlbench/runner"
)

// inRegistry is where a registry, given as host[/path], has the image that a
// candidate names: under the same repository path, and by the same digest or
// tag. Of a reference that has both the tag means nothing, and engines leave it
// away.
func inRegistry(ref, registry string) (reference.Named, error) {
	base := strings.TrimSuffix(registry, "/") + "/"
	prefix, err := reference.ParseNormalizedNamed(base + "x")
	if err != nil || reference.Domain(prefix) != hostOf(registry) {
		return nil, runner.As(runner.ErrUsage, fmt.Errorf(
			"--registry: %q is no registry: give its host with a dot or a port, e.g. localhost:5000 or registry.example/team", registry))
	}
	any, err := reference.ParseAnyReference(ref)
	named, ok := any.(reference.Named)
	if err != nil || !ok {
		return nil, runner.As(runner.ErrUsage, fmt.Errorf(
			"--registry: %q is not a repository with a tag: give one like name:tag", ref))
	}
	moved := reference.TrimNamed(named)
	if !strings.HasPrefix(named.Name(), base) {
		path := reference.FamiliarName(named)
		if domain := reference.Domain(named); domain != "docker.io" {
			path = strings.TrimPrefix(path, domain+"/")
		}
		if moved, err = reference.ParseNormalizedNamed(base + path); err != nil {
			return nil, runner.As(runner.ErrUsage, fmt.Errorf("--registry: %s and %s: %w", registry, ref, err))
		}
	}
	switch named := named.(type) {
	case reference.Digested:
		return reference.WithDigest(moved, named.Digest())
	case reference.Tagged:
		return reference.WithTag(moved, named.Tag())
	}
	return reference.TagNameOnly(moved), nil
}

func hostOf(registry string) string {
	host, _, _ := strings.Cut(registry, "/")
	return host
}

// login is what an engine is told for a pull: what `docker login` has left for
// the registry, "" for nothing.
func (r *Runner) login(ctx context.Context, ref string) string {
	cannot := func(err error) string {
		r.opts.Notify(fmt.Sprintf("the login for %s cannot be read, so it is pulled without one: %v", ref, err))
		return ""
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "" // it is the engine's to refuse
	}
	found, err := authn.Resolve(ctx, authn.DefaultKeychain, parsed.Context())
	if err != nil {
		return cannot(err)
	}
	if found == authn.Anonymous {
		return ""
	}
	a, err := authn.Authorization(ctx, found)
	if err != nil {
		return cannot(err)
	}
	encoded, err := registry.EncodeAuthConfig(registry.AuthConfig{
		Username: a.Username, Password: a.Password, Auth: a.Auth,
		IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
		ServerAddress: parsed.Context().RegistryStr(),
	})
	if err != nil {
		return cannot(err)
	}
	return encoded
}

// held says how many of an image's layers other images in the engine hold, from
// the lowest on: a layer is one with all that lie below it. own is the image's
// ID.
func (r *Runner) held(ctx context.Context, layers []string, own string) (held runner.Held, err error) {
	images, err := r.cli.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return held, r.engineError(ctx, "listing images", err)
	}
	type holder struct {
		name   string
		layers int
	}
	var holders []holder
	for _, i := range images {
		if i.ID == own {
			continue
		}
		other, err := r.cli.ImageInspect(ctx, i.ID)
		if err != nil {
			continue // gone since
		}
		same := 0
		for same < min(len(layers), len(other.RootFS.Layers)) && layers[same] == other.RootFS.Layers[same] {
			same++
		}
		if same > 0 {
			called, _, _ := strings.Cut(strings.TrimPrefix(i.ID, "sha256:"), "@")
			holders = append(holders, holder{cmp.Or(strings.Join(other.RepoTags, " "), called[:min(12, len(called))]), same})
		}
	}
	slices.SortStableFunc(holders, func(a, b holder) int { return cmp.Compare(b.layers, a.layers) })
	for _, h := range holders {
		held.Layers = max(held.Layers, h.layers)
		held.By = append(held.By, h.name)
	}
	return held, nil
}
