// Package scenarios holds ready-made images: the same service built the way many
// are shipped first, and built with care. They are what `mlbench scenario` builds
// and runs, and what a newcomer compares first.
//
// Each variant is a folder with a Dockerfile at its root, complete in itself,
// so that it builds from a checkout, from an export, and from the binary that
// it is embedded in. The variants of a scenario differ in nothing but their
// Dockerfile and .dockerignore, which a test asserts: what a comparison of the
// two images measures is what these two files do.
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
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The prefix all: keeps .dockerignore, which a plain pattern leaves out.
//
//go:embed all:fastapi-sklearn all:gpu-resnet all:layer-cache
var files embed.FS

// A Scenario is one service in several variants.
type Scenario struct {
	Name    string // as on the command line, and the folder here
	Title   string // a few words
	Summary string // a sentence or two on what differs and what is to be seen

	// Variants are the ways of building the service, the baseline first.
	Variants []Variant
}

// A Variant is one way of building a scenario's image.
type Variant struct {
	Name    string // the folder within the scenario's
	Tag     string // the image reference that a build gives it
	Summary string // one sentence

	// Base is the default of the Dockerfile's BASE. Where it is AnyBase, another
	// Debian or a copy of it does as well; else the image itself is what the
	// variant shows.
	Base string

	// Aside is a variant for another kind of host than the baseline: it is built
	// and run only where it is named.
	Aside bool
}

// AnyBase is a base that others may stand in for.
const AnyBase = "debian:bookworm-slim"

var all = []Scenario{
	{
		Name:  "fastapi-sklearn",
		Title: "FastAPI service with a scikit-learn model",
		Summary: "A service that predicts with a small random forest. The same code twice: " +
			"with the whole toolchain left inside and the model trained at each start, " +
			"and in two stages with the model trained while building.",
		Variants: []Variant{
			{
				Name: "naive",
				Tag:  "fastapi-sklearn:naive",
				Base: AnyBase,
				Summary: "One stage: code copied first, compilers and recommended packages left inside, " +
					"trains at each start, runs as root.",
			},
			{
				Name: "optimized",
				Tag:  "fastapi-sklearn:optimized",
				Base: AnyBase,
				Summary: "Two stages: trained while building, only what runs is shipped, " +
					"user of its own, health check.",
			},
		},
	},
	{
		Name:  "gpu-resnet",
		Title: "PyTorch ResNet-18 behind FastAPI, for a GPU",
		Summary: "A service that classifies images. What differs is how often CUDA's libraries are shipped. " +
			"devel, runtime and lean need a registry for NVIDIA's bases and an index for pip, and to run a GPU; " +
			"they were not built where mlbench is developed, which has none of these. cpu builds and runs anywhere.",
		Variants: []Variant{
			{
				Name:    "devel",
				Tag:     "gpu-resnet:devel",
				Base:    "nvidia/cuda:12.4.1-devel-ubuntu22.04",
				Summary: "CUDA's development kit and PyTorch's own CUDA, code copied first, runs as root (needs a registry).",
			},
			{
				Name:    "runtime",
				Tag:     "gpu-resnet:runtime",
				Base:    "nvidia/cuda:12.4.1-runtime-ubuntu22.04",
				Summary: "CUDA's runtime libraries, the wheel of the same CUDA, user of its own; still two copies (needs a registry).",
			},
			{
				Name:    "lean",
				Tag:     "gpu-resnet:lean",
				Base:    "nvidia/cuda:12.4.1-base-ubuntu22.04",
				Summary: "Two stages on CUDA's smallest base, with the wheel's CUDA alone (needs a registry).",
			},
			{
				Name:    "cpu",
				Tag:     "gpu-resnet:cpu",
				Base:    AnyBase,
				Aside:   true,
				Summary: "The same code on Debian's PyTorch, where there is no GPU; built and run only where it is named.",
			},
		},
	},
	{
		Name:  "layer-cache",
		Title: "Code and packages in the wrong order, and in the right one",
		Summary: "The same small FastAPI service twice. What differs is how long a rebuild takes after a change of a line: " +
			"mlbench rebuild before after --touch app.py, in the folders that scenario export writes.",
		Variants: []Variant{
			{
				Name:    "before",
				Tag:     "layer-cache:before",
				Base:    AnyBase,
				Summary: "Code copied before the packages are installed: each change installs them again.",
			},
			{
				Name:    "after",
				Tag:     "layer-cache:after",
				Base:    AnyBase,
				Summary: "Packages first, code last: a change copies the code.",
			},
		},
	},
}

// All returns every scenario, by name.
func All() []Scenario {
	list := slices.Clone(all)
	for i := range list {
		list[i].Variants = slices.Clone(list[i].Variants)
	}
	return list
}

// Get returns the scenario of that name; the error names the known ones.
func Get(name string) (Scenario, error) {
	var known []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		known = append(known, s.Name)
	}
	return Scenario{}, fmt.Errorf("no scenario %q; there is %s", name, strings.Join(known, ", "))
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
		if slices.Contains(picked, v) {
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

// variant returns that of the name; the error names the known ones.
func (s Scenario) variant(name string) (Variant, error) {
	var known []string
	for _, v := range s.Variants {
		if v.Name == name {
			return v, nil
		}
		known = append(known, v.Name)
	}
	return Variant{}, fmt.Errorf("scenario %s has no variant %q; it has %s", s.Name, name, strings.Join(known, ", "))
}

// Context returns the build context of a variant: the Dockerfile at its root,
// .dockerignore, if the variant has one, beside it and not yet applied.
// Files have mode 0444 and no modification time, as embedded files do.
func (s Scenario) Context(variant string) (fs.FS, error) {
	v, err := s.variant(variant)
	if err != nil {
		return nil, err
	}
	return fs.Sub(files, path.Join(s.Name, v.Name))
}
