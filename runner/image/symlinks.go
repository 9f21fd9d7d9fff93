package image

import (
	"path"
	"strings"
)

// links resolves paths through an image's symbolic links. What loops or becomes
// longer than a path may be resolves to nothing.
type links struct {
	to   map[string]string // targets by the link's path
	real map[string]string // of folders, as far as asked for
}

// The kernel's limits: of links in one path, and of a path's length.
const (
	maxLinks = 40
	maxPath  = 4096
)

// maxFolders is how many folders' places are remembered at a time.
const maxFolders = 200_000

func newLinks(x *Index) links {
	l := links{to: make(map[string]string), real: make(map[string]string)}
	for _, f := range x.Files {
		switch i, visible := x.visible[f.Path]; {
		case f.Kind != Symlink:
		case visible && x.Files[i].Kind != Symlink:
		default: // of several, the highest layer's
			l.to[f.Path] = f.Link
		}
	}
	return l
}

// parent is the path with the folder that it is in resolved: "" where that is
// not to be had.
func (l links) parent(name string) string {
	if len(name) > maxPath {
		return ""
	}
	if len(l.real) > maxFolders { // databases may tell of any number that are not there
		clear(l.real)
	}
	dir, ok := l.folder(folder(name), maxLinks)
	if !ok {
		return ""
	}
	return path.Join(dir, path.Base(name))
}

// follow is where a link leads, by one step: the target's path with its folder
// resolved.
func (l links) follow(name string) string {
	to, ok := l.to[name]
	if !ok {
		return ""
	}
	if !strings.HasPrefix(to, "/") {
		to = folder(name) + "/" + to
	}
	return l.parent(path.Clean("/" + to)[1:])
}

// folder is a folder's path without links.
func (l links) folder(name string, budget int) (string, bool) {
	if name == "" || len(name) > maxPath {
		return "", name == ""
	}
	if known, ok := l.real[name]; ok {
		return known, known != ""
	}
	l.real[name] = "" // a link that leads to itself finds this
	above, ok := l.folder(folder(name), budget)
	if !ok {
		return "", false
	}
	real := path.Join(above, path.Base(name))
	if to, ok := l.to[real]; ok {
		if budget == 0 {
			return "", false
		}
		if !strings.HasPrefix(to, "/") {
			to = above + "/" + to
		}
		if real, ok = l.folder(path.Clean("/" + to)[1:], budget-1); !ok {
			return "", false
		}
	}
	if real == "" {
		real = "." // the root, as "" says that there is nothing
	}
	l.real[name] = real
	return real, true
}
