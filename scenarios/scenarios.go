// Package scenarios holds ready-made pairs of images: the same service built
// the way many are shipped first, and built with care. They are what
// `mlbench scenario` builds and runs, and what a newcomer compares first.
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
// pulled. No build step needs BuildKit.
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
//go:embed all:fastapi-sklearn
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
}

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
				Summary: "One stage: code copied first, compilers and recommended packages left inside, " +
					"trains at each start, runs as root.",
			},
			{
				Name: "optimized",
				Tag:  "fastapi-sklearn:optimized",
				Summary: "Two stages: trained while building, only what runs is shipped, " +
					"user of its own, health check.",
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

// Context returns the build context of a variant: the Dockerfile at its root,
// .dockerignore, if the variant has one, beside it and not yet applied.
// Files have mode 0444 and no modification time, as embedded files do.
func (s Scenario) Context(variant string) (fs.FS, error) {
	var known []string
	for _, v := range s.Variants {
		if v.Name == variant {
			return fs.Sub(files, path.Join(s.Name, v.Name))
		}
		known = append(known, v.Name)
	}
	return nil, fmt.Errorf("scenario %s has no variant %q; it has %s", s.Name, variant, strings.Join(known, ", "))
}
