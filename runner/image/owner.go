package image

import (
	"cmp"
	"slices"
)

// An OwnerKind is what sort of thing owns a file.
type OwnerKind string

// The kinds, in the order in which they claim files: a file of a pip package
// is that package's, though it lies in a folder of a dpkg package.
const (
	Pip         OwnerKind = "pip"
	Conda       OwnerKind = "conda"
	Dpkg        OwnerKind = "dpkg"
	Apk         OwnerKind = "apk"
	Rpm         OwnerKind = "rpm"
	Runtime     OwnerKind = "runtime"     // a language's interpreter that no package manager brought
	CUDA        OwnerKind = "cuda"        // a toolkit that no package manager brought
	Weights     OwnerKind = "weights"     // model weights
	Cache       OwnerKind = "cache"       // what package managers left: lists, archives, wheels
	Application OwnerKind = "application" // what was copied in by the Dockerfile's author
	Unowned     OwnerKind = "unowned"
)

var kinds = []OwnerKind{Pip, Conda, Dpkg, Apk, Rpm, Runtime, CUDA, Weights, Cache, Application, Unowned}

// OwnerKinds are all of them, in the order in which they claim files.
func OwnerKinds() []OwnerKind { return slices.Clone(kinds) }

// rank is a kind's place in that order.
func (k OwnerKind) rank() int32 { return int32(slices.Index(kinds, k)) }

// IsPackage reports whether owners of this kind are packages that a package
// manager has installed.
func (k OwnerKind) IsPackage() bool {
	return slices.Contains([]OwnerKind{Pip, Conda, Dpkg, Apk, Rpm}, k)
}

// An Owner is whom files belong to.
type Owner struct {
	Kind    OwnerKind `json:"kind"`
	Name    string    `json:"name"` // of a package; else a word or a folder
	Version string    `json:"version,omitempty"`
}

// Owned is what an owner has in an image.
type Owned struct {
	Owner
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`        // in all layers; the sum over owners is the image's size
	Wasted int64 `json:"wasted_bytes"` // of these, what is hidden by later layers
}

// Owners say of every file of an index whom it belongs to.
type Owners struct {
	All []Owned // largest first

	// Warnings are the databases that could not be read, for people.
	Warnings []string

	of []int32 // place in All by place in Files
}

// Of is the owner of the file at this place in Files, the zero Owner of folders
// and whiteouts, which have no bytes.
func (o *Owners) Of(i int) Owner {
	if o.of[i] < 0 {
		return Owner{}
	}
	return o.All[o.of[i]].Owner
}

// Owners finds out whom every file belongs to. Files that a later layer hides
// belong to whom their path belonged to then.
func (x *Index) Owners() *Owners {
	c := newClaims(x)
	c.dpkg()
	c.apk()
	c.rpm()
	c.conda()
	c.pip() // last: what a system's package manager brought is not pip's
	c.findRuntimes()

	o := &Owners{of: make([]int32, len(x.Files)), Warnings: c.warnings}
	for i, f := range x.Files {
		o.of[i] = -1
		if f.Size != 0 || !f.isFolder() && f.Kind != Whiteout {
			o.of[i] = c.whose(f)
		}
	}
	o.shareLinks(x, c)
	o.sum(x, c)
	return o
}

// shareLinks gives a file of several names to the first owner by kind of all its
// names: conda's cache has the same files as its environments, and which name
// bears the size is chance.
func (o *Owners) shareLinks(x *Index, c *claims) {
	for i, f := range x.Files {
		if f.Kind != HardLink {
			continue
		}
		bearer, ok := x.find(f.Layer, f.Link)
		if ok && o.of[bearer] >= 0 && c.all[o.of[i]].Kind.rank() < c.all[o.of[bearer]].Kind.rank() {
			o.of[bearer] = o.of[i]
		}
	}
}

// sum counts, and puts the largest first.
func (o *Owners) sum(x *Index, c *claims) {
	o.All = make([]Owned, len(c.all))
	for i, f := range x.Files {
		if o.of[i] < 0 {
			continue
		}
		owned := &o.All[o.of[i]]
		owned.Files++
		owned.Bytes += f.Size
		owned.Wasted += f.Wasted()
	}
	order := make([]int32, len(c.all))
	for i := range order {
		order[i] = int32(i)
		o.All[i].Owner = c.all[i]
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(o.All[b].Bytes, o.All[a].Bytes), o.All[a].compare(o.All[b].Owner))
	})
	sorted, place := make([]Owned, 0, len(order)), make([]int32, len(order))
	for _, i := range order {
		if o.All[i].Files > 0 { // packages may be installed without any file
			place[i] = int32(len(sorted))
			sorted = append(sorted, o.All[i])
		}
	}
	for i, owner := range o.of {
		if owner >= 0 {
			o.of[i] = place[owner]
		}
	}
	o.All = sorted
}

func (o Owner) compare(b Owner) int {
	return cmp.Or(cmp.Compare(o.Kind.rank(), b.Kind.rank()), cmp.Compare(o.Name, b.Name), cmp.Compare(o.Version, b.Version))
}
