package image

import (
	"io/fs"
	"strings"
)

// A Kind is what an entry of a layer is.
type Kind uint8

// The kinds.
const (
	Regular  Kind = iota
	Folder        // a directory
	Symlink       // Link is its target, as it is written
	HardLink      // one more name of a regular file; Link is the name that bears the size
	Special       // device, pipe or socket
	Whiteout      // removes the path from the layers below
	Opaque        // a folder that hides all that the layers below have in it
)

// A File is one entry of one layer.
type File struct {
	// Path is slash-separated and clean, and has no leading slash: "" is the
	// root. It may be no valid UTF-8.
	Path  string
	Layer int // its place in Index.Layers
	Kind  Kind

	// Size is what the entry adds to its layer, in bytes, as the engine
	// counts: of a regular file its content, of a symbolic link the length of
	// its target, else 0. Of several names of one file in a layer, the first by
	// path bears the size and the others are HardLinks.
	Size int64

	Mode     fs.FileMode // permissions, set-user-ID, set-group-ID and sticky
	UID, GID int
	Link     string

	// Digest of a regular file's content, sha256 in hexadecimal; "" where it
	// was not asked for.
	Digest string

	// HiddenBy is the layer that replaces or removes it; 0 where a container
	// sees it, as layer 0 can hide nothing.
	HiddenBy int
}

// Visible reports whether a container sees the file.
func (f File) Visible() bool {
	return f.HiddenBy == 0 && f.Kind != Whiteout
}

// Wasted are the bytes of a file that is hidden: they are shipped for nothing.
func (f File) Wasted() int64 {
	if f.HiddenBy != 0 {
		return f.Size
	}
	return 0
}

func (f File) isFolder() bool { return f.Kind == Folder || f.Kind == Opaque }

// folder is the folder that a path is in, "" for the root.
func folder(name string) string { return name[:max(strings.LastIndexByte(name, '/'), 0)] }

// join is the path of what is in a folder, "" for the root.
func join(dir, base string) string {
	if dir == "" {
		return base
	}
	return dir + "/" + base
}
