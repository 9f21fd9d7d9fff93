// Package scenarios holds ready-made images: the same service built the way many
// are shipped first, and built with care. They are what `mlbench scenario` builds
// and runs, and what a newcomer compares first.
//
// Each variant is a folder with a Dockerfile at its root, complete in itself,
// so that it builds from a checkout, from an export, and from the binary that
// it is embedded in; but one whose base is another variant's image needs that to be
// built. The variants of a scenario differ in nothing but their Dockerfile and
// .dockerignore, and in what they say that they change, which a test asserts: what a comparison of the images measures is what these files do.
// Clutter, which git cannot hold, is in the binary's context and in an export's.
//
// Every Dockerfile begins with
//
//	ARG BASE=debian:bookworm-slim
//	FROM ${BASE}
//
// and installs Debian's own packages, so that a build needs a Debian mirror but
// no registry: setup.sh, beside this file, makes a base image where none can be
// pulled. No build step needs BuildKit. The exceptions are variants whose Base is
// another: they begin with an image of NVIDIA's and install with pip, and so need
// a registry of each kind.
package scenarios

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// The prefix all: keeps .dockerignore, which a plain pattern leaves out.
//
//go:embed all:batch-features all:cpu-under-800 all:cuda-mismatch all:fastapi-sklearn all:gpu-resnet all:layer-cache all:locked-install all:os-hygiene all:own-base all:torch-resnet
var files embed.FS

// A Scenario is one service in several variants, as its scenario.yaml says.
type Scenario struct {
	Name    string `yaml:"-"` // as on the command line, and the folder here
	Title   string // a few words
	Summary string // a sentence or two on what differs
	Shows   string // a sentence on what is to be seen

	// Measured are the commands whose figures show it, without the program's name,
	// to be run in its folder; $BASE is the base image that its variants are built on.
	Measured []string
	// Needs says in a few words what it takes besides an engine and a Debian
	// mirror; "" is nothing.
	Needs string

	// Settings are how its images are measured, with the keys and values of
	// mlbench.yaml.
	Settings yaml.Node

	// Clutter are files in the context of each variant that are made up.
	Clutter []Clutter

	// Disk is what all variants together take of the engine's disk; see Variant.Disk.
	Disk Bytes

	// Variants are the ways of building the service, the baseline first.
	Variants []Variant
}

// A Variant is one way of building a scenario's image.
type Variant struct {
	Name    string // the folder within the scenario's
	Tag     string `yaml:"-"` // the image reference that a build gives it
	Summary string // one sentence

	// Base is the default of the Dockerfile's BASE. Where it is AnyBase, which ""
	// means in the file, another Debian or a copy of it does as well; else the
	// image itself is what the variant shows. It may be the tag of another variant,
	// which is built first then, and which the Dockerfile begins with by name.
	Base string

	// Aside is a variant that is built and run only where it is named, and as a base
	// where one that builds on it is: it is for another kind of host than the
	// baseline, of another service, a base of others, or a step that a first try can
	// do without.
	Aside bool

	// Changes are the files, besides Dockerfile and .dockerignore, that are other
	// than the baseline's: what the variant shows is in them too.
	Changes []string

	// Disk is what a build leaves on the engine's disk, all stages, where only the
	// base is there before; 0 is not known. What a step removes again before it ends
	// comes on top of it for that long.
	Disk Bytes

	// Fails are words of the error that the build is there to show; "" is a build
	// that goes through.
	Fails string
}

// AnyBase is a base that others may stand in for.
const AnyBase = "debian:bookworm-slim"

// all reads what is embedded. That it can be read is a matter of the build, which
// the tests see to, and of nothing outside; so there is no error.
var all = sync.OnceValue(func() []Scenario {
	folders, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err)
	}
	var list []Scenario
	for _, folder := range folders {
		s, err := read(folder.Name())
		if err != nil {
			panic(err)
		}
		list = append(list, s)
	}
	return list
})

func read(name string) (Scenario, error) {
	file := path.Join(name, "scenario.yaml")
	b, err := files.ReadFile(file)
	if err != nil {
		return Scenario{}, err
	}
	s := Scenario{Name: name}
	strict := yaml.NewDecoder(bytes.NewReader(b))
	strict.KnownFields(true)
	if err := strict.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	for i := range s.Variants {
		v := &s.Variants[i]
		v.Tag = s.Name + ":" + v.Name
		if v.Base == "" {
			v.Base = AnyBase
		}
	}
	return s, nil
}

// All returns every scenario, by name.
func All() []Scenario {
	list := slices.Clone(all())
	for i := range list {
		list[i].Variants = slices.Clone(list[i].Variants)
	}
	return list
}

// An UnknownError is a name that no scenario or variant has.
type UnknownError struct {
	Of    string // the scenario that has no such variant; "" where it is none itself
	Name  string
	Known []string // the names that there are
}

// What says what there is not, without those that there are.
func (e *UnknownError) What() string {
	if e.Of == "" {
		return fmt.Sprintf("no scenario %q", e.Name)
	}
	return fmt.Sprintf("scenario %s has no variant %q", e.Of, e.Name)
}

func (e *UnknownError) Error() string {
	what := "there is"
	if e.Of != "" {
		what = "it has"
	}
	return fmt.Sprintf("%s; %s %s", e.What(), what, strings.Join(e.Known, ", "))
}

// Get returns the scenario of that name; the error is an *UnknownError.
func Get(name string) (Scenario, error) {
	var known []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		known = append(known, s.Name)
	}
	return Scenario{}, &UnknownError{"", name, known}
}

// Pick returns the variants of these names, in the order in which they are named
// and each once; without names all that are not Aside.
func (s Scenario) Pick(names ...string) ([]Variant, error) {
	var picked []Variant
	for _, name := range names {
		v, err := s.variant(name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(picked, func(p Variant) bool { return p.Name == name }) {
			return nil, fmt.Errorf("variant %s of %s is named twice", name, s.Name)
		}
		picked = append(picked, v)
	}
	for _, v := range s.Variants {
		if len(names) == 0 && !v.Aside {
			picked = append(picked, v)
		}
	}
	return picked, nil
}

// WithBases are variants with those of this scenario that they build on, in the
// order in which they are built.
func (s Scenario) WithBases(variants []Variant) []Variant {
	var all []Variant
	add := func(v Variant) {
		if !slices.ContainsFunc(all, func(a Variant) bool { return a.Name == v.Name }) {
			all = append(all, v)
		}
	}
	for _, v := range variants {
		for _, base := range s.Variants {
			if base.Tag == v.Base {
				add(base)
			}
		}
		add(v)
	}
	return all
}

// variant returns that of the name; the error is an *UnknownError.
func (s Scenario) variant(name string) (Variant, error) {
	var known []string
	for _, v := range s.Variants {
		if v.Name == name {
			return v, nil
		}
		known = append(known, v.Name)
	}
	return Variant{}, &UnknownError{s.Name, name, known}
}

// Takes is what variants leave on the engine's disk at most, where none of them
// is there before; 0 is not known. They share what their Dockerfiles have alike,
// so that all take less than the sum.
func (s Scenario) Takes(variants []Variant) Bytes {
	var sum Bytes
	for _, v := range variants {
		sum += v.Disk
	}
	if s.Disk > 0 {
		return min(sum, s.Disk)
	}
	return sum
}

// Context returns the build context of a variant: the Dockerfile at its root,
// .dockerignore, if the variant has one, beside it and not yet applied.
// Files have mode 0444 and no modification time, as embedded files do.
func (s Scenario) Context(variant string) (fs.FS, error) {
	v, err := s.variant(variant)
	if err != nil {
		return nil, err
	}
	folder, err := fs.Sub(files, path.Join(s.Name, v.Name))
	if err != nil || s.Clutter == nil {
		return folder, err
	}
	return cluttered{folder, s.Clutter}, nil
}
