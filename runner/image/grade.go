package image

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A ReproGrade says how alike two images are that should be the same. Smaller
// is better.
type ReproGrade int

// The grades.
const (
	SameDigest   ReproGrade = 1 + iota
	SameLayers              // but another configuration, such as its time
	SameFiles               // but other times, or another order in a layer
	SameVersions            // of all packages, but other bytes
	OtherVersions
)

// A Reproduction is how two images differ that should be the same.
type Reproduction struct {
	Grade ReproGrade `json:"grade"`
	Quiet ReproGrade `json:"grade_without_noise"` // what the grade would be without Noise

	Config   []string       `json:"config"`   // what of the configuration differs, in words
	Layers   []LayerDrift   `json:"layers"`   // those that differ
	Packages []PackageDrift `json:"packages"` // by kind and name
	Files    []FileDrift    `json:"files"`    // by path; what a container sees
	Noise    []FileDrift    `json:"noise"`    // those of which it is known that they hardly ever come out the same
	Ignored  int            `json:"ignored"`  // files that differ, and match what is to be ignored
}

// A LayerDrift is a layer that differs, or that only one of the images has.
type LayerDrift struct {
	Place     int       `json:"place"`      // from 0, the lowest
	CreatedBy string    `json:"created_by"` // "first → second" where other instructions made them
	DiffIDs   [2]string `json:"diff_ids"`   // of the first and the second image; "" where there is none
	Files     int       `json:"files"`      // of it that differ; 0 means that times do, or what a container does not see
}

// A PackageDrift is a package of which the images have other versions.
type PackageDrift struct {
	Kind     OwnerKind `json:"kind"`
	Name     string    `json:"name"`
	Versions [2]string `json:"versions"` // in the first and the second image; "" where it is not there, more than one with commas
}

// An Aspect is what of a file differs.
type Aspect string

// The aspects.
const (
	AspectContent Aspect = "content"
	AspectMode    Aspect = "mode"   // permissions
	AspectOwner   Aspect = "owner"  // user or group
	AspectKind    Aspect = "kind"   // e.g. a file and a folder
	AspectTarget  Aspect = "target" // of a symbolic link
	OnlyFirst     Aspect = "only in first"
	OnlySecond    Aspect = "only in second"
)

// A FileDrift is a path at which containers of the images see other things.
type FileDrift struct {
	Path  string   `json:"path"`
	What  []Aspect `json:"what"`
	Owner Owner    `json:"owner"`
	Sizes [2]int64 `json:"sizes"`         // bytes, in the first and the second image
	Why   string   `json:"why,omitempty"` // it is noise
}

// ErrNoDigest is that of a file, which is needed, that was not computed.
var ErrNoDigest = errors.New("its content was not read")

// Grade compares two images. The digests of the files are needed in layers
// that only one of them has, and of what these have of a layer of both:
// ErrNoDigest where they are not there. Extended attributes are not compared; where they
// differ alone, the grade is SameFiles.
func Grade(a, b *Index, ignore *Ignore) (Reproduction, error) {
	r := Reproduction{Config: configDrift(a.Config, b.Config), Layers: layerDrift(a, b)}
	if len(r.Layers) == 0 {
		r.Grade = SameLayers
		if a.Config.ID == b.Config.ID {
			r.Grade, r.Config = SameDigest, nil
		}
		r.Quiet = r.Grade
		return r, nil
	}
	owners := [2]*Owners{a.Owners(), b.Owners()}
	r.Packages = packageDrift(a, b, owners)
	if err := r.files(a, b, owners, ignore); err != nil {
		return r, err
	}
	of := func(files int) ReproGrade {
		switch {
		case len(r.Packages) > 0:
			return OtherVersions
		case files > 0:
			return SameVersions
		}
		return SameFiles
	}
	r.Grade, r.Quiet = of(len(r.Files)+len(r.Noise)), of(len(r.Files))
	return r, nil
}

func layerDrift(a, b *Index) []LayerDrift {
	var drift []LayerDrift
	for i := range max(len(a.Layers), len(b.Layers)) {
		d := LayerDrift{Place: i}
		for side, x := range []*Index{a, b} {
			if i < len(x.Layers) {
				d.DiffIDs[side] = x.Layers[i].DiffID
				if by := line(x.Layers[i].CreatedBy); d.CreatedBy == "" {
					d.CreatedBy = by
				} else if by != "" && by != d.CreatedBy {
					d.CreatedBy += " → " + by
				}
			}
		}
		if d.DiffIDs[0] != d.DiffIDs[1] {
			drift = append(drift, d)
		}
	}
	return drift
}

// configDrift is what differs between two configurations.
func configDrift(a, b Config) []string {
	var drift []string
	differs := func(what string, differs bool) {
		if differs {
			drift = append(drift, what)
		}
	}
	differs("created", !a.Created.Equal(b.Created))
	differs("platform", a.OS != b.OS || a.Architecture != b.Architecture)
	differs("user", a.Run.User != b.Run.User)
	differs("environment", !slices.Equal(a.Run.Env, b.Run.Env))
	differs("entrypoint", !slices.Equal(a.Run.Entrypoint, b.Run.Entrypoint))
	differs("command", !slices.Equal(a.Run.Cmd, b.Run.Cmd))
	differs("working folder", a.Run.WorkingDir != b.Run.WorkingDir)
	differs("labels", !maps.Equal(a.Run.Labels, b.Run.Labels))
	differs("ports", !maps.Equal(a.Run.ExposedPorts, b.Run.ExposedPorts))
	differs("health check", !slices.Equal(healthcheck(a), healthcheck(b)))
	differs("history", !slices.Equal(a.History, b.History))
	return drift
}

func healthcheck(c Config) []string {
	if c.Run.Healthcheck == nil {
		return nil
	}
	return c.Run.Healthcheck.Test
}

// packageDrift compares the packages that package managers installed.
func packageDrift(a, b *Index, owners [2]*Owners) []PackageDrift {
	type key struct {
		kind OwnerKind
		name string
	}
	versions := make(map[key]*[2][]string)
	for side, x := range []*Index{a, b} {
		seen := make(map[Owner]bool)
		for _, i := range x.visible { // what a later layer upgrades has hidden files only
			o := owners[side].Of(i)
			if seen[o] || !o.Kind.IsPackage() {
				continue
			}
			seen[o] = true
			k := key{o.Kind, o.Name}
			if versions[k] == nil {
				versions[k] = new([2][]string)
			}
			versions[k][side] = append(versions[k][side], o.Version)
		}
	}
	var drift []PackageDrift
	for k, v := range versions {
		slices.Sort(v[0])
		slices.Sort(v[1])
		if !slices.Equal(v[0], v[1]) {
			drift = append(drift, PackageDrift{k.kind, k.name, [2]string{strings.Join(v[0], ", "), strings.Join(v[1], ", ")}})
		}
	}
	slices.SortFunc(drift, func(a, b PackageDrift) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return drift
}

// files finds the files that differ, and puts them where they belong.
func (r *Reproduction) files(a, b *Index, owners [2]*Owners, ignore *Ignore) error {
	places := make(map[int]*LayerDrift)
	for i := range r.Layers {
		places[r.Layers[i].Place] = &r.Layers[i]
	}
	add := func(what []Aspect, f File, owner Owner, sizes [2]int64) error {
		if len(what) == 0 {
			return nil
		}
		if d := places[f.Layer]; d != nil {
			d.Files++
		}
		ignored, err := ignore.Matches(f.Path)
		if err != nil {
			return err
		}
		d := FileDrift{Path: f.Path, What: what, Owner: owner, Sizes: sizes}
		switch d.Why = noise(f.Path); {
		case ignored:
			r.Ignored++
		case d.Why != "":
			r.Noise = append(r.Noise, d)
		default:
			r.Files = append(r.Files, d)
		}
		return nil
	}
	for path, i := range a.visible {
		f := a.Files[i]
		j, ok := b.visible[path]
		if !ok {
			if err := add([]Aspect{OnlyFirst}, f, owners[0].Of(i), [2]int64{f.Size, 0}); err != nil {
				return err
			}
			continue
		}
		g := b.Files[j]
		what, err := differences(a, b, f, g)
		if err != nil {
			return err
		}
		if err := add(what, g, owners[1].Of(j), [2]int64{f.Size, g.Size}); err != nil {
			return err
		}
	}
	for path, j := range b.visible {
		if _, ok := a.visible[path]; !ok {
			if err := add([]Aspect{OnlySecond}, b.Files[j], owners[1].Of(j), [2]int64{0, b.Files[j].Size}); err != nil {
				return err
			}
		}
	}
	for _, files := range [][]FileDrift{r.Files, r.Noise} {
		slices.SortFunc(files, func(a, b FileDrift) int { return strings.Compare(a.Path, b.Path) })
	}
	return nil
}

// differences are those of two files at one path.
func differences(a, b *Index, f, g File) ([]Aspect, error) {
	if id := a.Layers[f.Layer].DiffID; id != "" && id == b.Layers[g.Layer].DiffID {
		return nil, nil
	}
	f, g = a.inode(f), b.inode(g)
	if f.Kind != g.Kind && !(f.isFolder() && g.isFolder()) {
		return []Aspect{AspectKind}, nil
	}
	var what []Aspect
	switch {
	case f.Kind == Symlink && f.Link != g.Link:
		what = append(what, AspectTarget)
	case f.Kind == Regular && f.Size != g.Size:
		what = append(what, AspectContent)
	case f.Kind != Regular || f.Size == 0:
	case f.Digest == "" || g.Digest == "":
		return nil, fmt.Errorf("%s: %w", f.Path, ErrNoDigest)
	case f.Digest != g.Digest:
		what = append(what, AspectContent)
	}
	if f.Mode != g.Mode {
		what = append(what, AspectMode)
	}
	if f.UID != g.UID || f.GID != g.GID {
		what = append(what, AspectOwner)
	}
	return what, nil
}
