package image

import (
	"path"
	"strings"
)

// A claim says that a path is someone's, from a layer on.
type claim struct {
	owner int32 // place in claims.all
	layer int32 // of the database that says so
	rank  int32 // the lower of two of one layer wins
	next  int32 // the next one of the same path; -1 is none
}

// claims are who says that a path is theirs.
type claims struct {
	x      *Index
	all    []Owner
	places map[Owner]int32
	paths  map[string]int32 // of each file's path the first claim; -1 is none
	trees  map[string]int32 // the same of folders that are someone's with all in them
	list   []claim
	links  links
	steps  []string // the instructions that made the layers

	packages map[string][]version // of the system's packages, by layer
	runtimes map[string]Owner     // of folders and files
	condas   map[string]bool      // folders of conda's environments
	hub      map[string]string    // see blobs
	modules  map[string]string    // folders' __init__.py
	near     neighbours           // the last ones
	warnings []string
	left     int // bytes of paths that databases may still claim
}

// maxClaimed is how many bytes of paths are looked for in all: of a million files
// in ten layers that each tell of all of them.
const maxClaimed = 1 << 30

func newClaims(x *Index) *claims {
	c := &claims{
		x: x, places: make(map[Owner]int32), trees: make(map[string]int32),
		paths: make(map[string]int32, len(x.Files)), links: newLinks(x),
		packages: make(map[string][]version), runtimes: make(map[string]Owner), condas: make(map[string]bool), modules: make(map[string]string), left: maxClaimed,
	}
	for _, l := range x.Layers {
		c.steps = append(c.steps, Instruction(l.CreatedBy[:min(len(l.CreatedBy), longHistory)]))
	}
	for _, f := range x.Files {
		if !f.isFolder() && f.Kind != Whiteout {
			c.paths[f.Path] = -1
			if dir, ok := strings.CutSuffix(f.Path, "/__init__.py"); ok {
				c.modules[dir] = f.Path
			}
		}
	}
	return c
}

// owner is the place of an owner in all.
func (c *claims) owner(o Owner) int32 {
	i, ok := c.places[o]
	if !ok {
		o.Name, o.Version = strings.Clone(o.Name), strings.Clone(o.Version) // not a whole database's text
		i = int32(len(c.all))
		c.places[o] = i
		c.all = append(c.all, o)
	}
	return i
}

// file claims a path as a database writes it: it may lead through symbolic
// links, as /lib/x does where /lib is a link to usr/lib. What is no file of the
// image is passed over.
func (c *claims) file(name string, by claim) {
	if c.left < 0 {
		return
	}
	if c.left -= len(name); c.left < 0 {
		c.warnings = append(c.warnings, "packages claim more files than any image has; the rest of them was not looked for")
		return
	}
	name = strings.Trim(name, "/")
	head, ok := c.paths[name]
	if !ok {
		name = path.Clean("/" + name)[1:]
		if name = c.links.parent(name); name == "" {
			return
		}
		if head, ok = c.paths[name]; !ok {
			return
		}
	}
	c.paths[name] = c.add(head, by)
}

// tree claims a folder and all in it that no claim of its own path has.
func (c *claims) tree(name string, by claim) {
	name = path.Clean("/" + name)[1:]
	if name = c.links.parent(name); name == "" {
		return
	}
	head, ok := c.trees[name]
	if !ok {
		head = -1
	}
	c.trees[name] = c.add(head, by)
}

// add puts a claim to those of one path, of which it keeps one for each layer:
// so no list is longer than the image has layers, whatever databases say.
func (c *claims) add(head int32, by claim) int32 {
	for i := head; i >= 0; i = c.list[i].next {
		if old := &c.list[i]; old.layer == by.layer {
			if by.rank < old.rank {
				old.owner, old.rank = by.owner, by.rank
			}
			return head
		}
	}
	by.next = head
	c.list = append(c.list, by)
	return int32(len(c.list) - 1)
}

// of is whose path it is in a layer: who claimed it last up to there, else
// first after: an image's layers may have been parted otherwise than its
// packages were installed.
func (c *claims) of(head, layer int32) (owner int32, ok bool) {
	var best *claim
	for i := head; i >= 0; i = c.list[i].next {
		l := &c.list[i]
		switch {
		case best == nil,
			l.layer <= layer && (best.layer > layer || l.layer > best.layer),
			l.layer > layer && best.layer > l.layer:
			best = l
		}
	}
	if best == nil {
		return 0, false
	}
	return best.owner, true
}

// ofPath is whose path it is in a layer by claims of that path.
func (c *claims) ofPath(name string, layer int) (int32, bool) {
	head, ok := c.paths[name]
	if !ok {
		return 0, false
	}
	return c.of(head, int32(layer))
}

// ofTree is whose it is by the claim of the nearest folder.
func (c *claims) ofTree(name string, layer int) (int32, bool) {
	for len(c.trees) > 0 && name != "" {
		if head, ok := c.trees[name]; ok {
			if owner, ok := c.of(head, int32(layer)); ok {
				return owner, true
			}
		}
		name = folder(name)
	}
	return 0, false
}
