package image

import "strings"

// whose is the owner of a file: who claims its path, else who made it, else by
// where it lies.
func (c *claims) whose(f File) int32 {
	if owner, ok := c.byPackage(f); ok {
		return owner
	}
	return c.owner(c.byPlace(f))
}

func (c *claims) byPackage(f File) (int32, bool) {
	if owner, ok := c.ofPath(f.Path, f.Layer); ok {
		return owner, true
	}
	if source := sourceOf(f.Path); source != "" {
		if owner, ok := c.ofPath(source, f.Layer); ok {
			return owner, true
		}
	}
	// Links that ldconfig and update-alternatives made, and nobody wrote down.
	for path, hops := f.Path, 0; f.Kind == Symlink && hops < 8; hops++ {
		if path = c.links.follow(path); path == "" {
			break
		}
		if owner, ok := c.ofPath(path, f.Layer); ok {
			return owner, true
		}
	}
	if owner, ok := c.maker(f); ok {
		return owner, true
	}
	if owner, ok := c.neighbour(f); ok {
		return owner, true
	}
	return c.ofTree(f.Path, f.Layer)
}

// sourceOf is the path of the Python source that a .pyc was compiled from (PEP
// 3147: __pycache__/NAME.TAG.pyc or NAME.TAG.opt-N.pyc), "" of other files.
func sourceOf(path string) string {
	dir, base, ok := strings.Cut(path, "__pycache__/")
	if !ok || !strings.HasSuffix(base, ".pyc") {
		return ""
	}
	base = base[:len(base)-len(".pyc")]
	if i := strings.LastIndex(base, ".opt-"); i >= 0 {
		base = base[:i]
	}
	i := strings.LastIndexByte(base, '.')
	if i < 0 || strings.Contains(base, "/") {
		return ""
	}
	return dir + base[:i] + ".py"
}

// neighbours are what neighbour has found of a folder in a layer.
type neighbours struct {
	dir   string
	layer int
	owner int32
	ok    bool
}

// neighbour is the owner of the Python package that a file lies in without
// having been written down: what a package made or fetched later.
func (c *claims) neighbour(f File) (int32, bool) {
	if !strings.Contains(f.Path, "-packages/") {
		return 0, false
	}
	near := neighbours{dir: folder(f.Path), layer: f.Layer}
	if near.dir == c.near.dir && near.layer == c.near.layer { // as of most files that come one after another
		return c.near.owner, c.near.ok
	}
	for dir := near.dir; !near.ok && !strings.HasSuffix(dir, "-packages") && dir != ""; dir = folder(dir) {
		if module, is := c.modules[dir]; is {
			near.owner, near.ok = c.ofPath(module, f.Layer)
		}
	}
	c.near = near
	return near.owner, near.ok
}
