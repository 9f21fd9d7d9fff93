package image

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// An archived image is one that an archive describes.
type archived struct {
	id      string   // its configuration's digest
	digests []string // of its manifest and of indexes that lead to it
	names   []string
	config  []byte
	layers  []string // names of files
	Platform
}

// Image finds an image of an archive by a name or digest, or with "" the only
// one: its configuration, and its layers from the lowest on. Of several for
// different platforms it is the one for Linux on this architecture.
func (a *Archive[T]) Image(want, arch string) (config []byte, layers []ArchiveLayer[T], err error) {
	found, err := a.find(want, arch)
	if err == nil {
		layers, err = a.ordered(found)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return found.config, layers, nil
}

func (a *Archive[T]) find(want, arch string) (*archived, error) {
	all, err := a.images(want)
	if err != nil {
		return nil, err
	}
	matching := all
	if want != "" {
		matching = slices.DeleteFunc(slices.Clone(all), func(i *archived) bool { return !i.is(want) })
	}
	if len(matching) > 1 && (want != "" || oneIndex(matching)) { // one image for several platforms
		ours := slices.DeleteFunc(slices.Clone(matching), func(i *archived) bool { return i.OS != "linux" || i.Architecture != arch })
		if len(ours) == 1 {
			matching = ours
		}
	}
	switch {
	case len(matching) == 1:
		return matching[0], nil
	case len(all) == 0:
		return nil, errors.New("there is no image in it: its manifest.json and index.json name none")
	case len(matching) == 0:
		return nil, fmt.Errorf("%q is not in it, only %s", want, list(all))
	case want == "":
		return nil, fmt.Errorf("there are several images in it: name one of %s", list(all))
	}
	return nil, fmt.Errorf("%q may be several of its images: name one of %s", want, list(matching))
}

// oneIndex reports whether one index leads to all these images.
func oneIndex(images []*archived) bool {
	return !slices.ContainsFunc(images, func(i *archived) bool {
		return len(i.digests) < 2 || i.digests[0] != images[0].digests[0]
	})
}

// list names images, the first of them.
func list(images []*archived) string {
	const most = 20
	var names []string
	for _, i := range images[:min(len(images), most)] {
		names = append(names, fmt.Sprintf("%.200q", cmp.Or(strings.Join(i.names, ", "), i.id)))
	}
	if len(images) > most {
		names = append(names, fmt.Sprintf("and %d more", len(images)-most))
	}
	return strings.Join(names, ", ")
}

// ordered are an image's layers, checked against its configuration.
func (a *Archive[T]) ordered(i *archived) ([]ArchiveLayer[T], error) {
	config, err := ParseConfig(i.config)
	if err != nil {
		return nil, err
	}
	diffIDs := config.RootFS.DiffIDs
	if len(diffIDs) != len(i.layers) {
		return nil, fmt.Errorf("it has %d layers and its configuration names %d", len(i.layers), len(diffIDs))
	}
	var layers []ArchiveLayer[T]
	for n, name := range i.layers {
		name = path.Clean(name)
		for range maxArchiveLinks {
			if to, ok := a.links[name]; ok {
				name = to
			}
		}
		l, ok := a.layers[name]
		if !ok {
			return nil, fmt.Errorf("its layer %s is missing", name)
		}
		if l.DiffID != "" && l.DiffID != diffIDs[n] {
			return nil, fmt.Errorf("its layer %s is not what its configuration names: found %s, want %s", name, l.DiffID, diffIDs[n])
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// maxArchiveLinks is how many links may lead to a layer.
const maxArchiveLinks = 8

// is reports whether a user means this image: by a name, which may leave out
// what docker adds, or by a digest or its first twelve digits.
func (i *archived) is(want string) bool {
	if _, digest, ok := strings.Cut(want, "@"); ok {
		want = digest
	}
	digits := strings.TrimPrefix(want, "sha256:")
	for _, d := range append([]string{i.id}, i.digests...) {
		if len(digits) >= 12 && strings.HasPrefix(strings.TrimPrefix(d, "sha256:"), digits) {
			return true
		}
	}
	return slices.ContainsFunc(i.names, func(name string) bool { return name == want || fullName(name) == fullName(want) })
}

// fullName is a name with what docker adds to it.
func fullName(name string) string {
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		return reference.TagNameOnly(named).String()
	}
	return name
}
