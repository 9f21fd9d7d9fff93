package image

import "strings"

// hide puts the layers on each other and finds what a container sees. One pass
// over what is visible for each layer that removes anything, however much it
// removes: hostile images may be all whiteouts.
func (x *Index) hide() {
	for begin := 0; begin < len(x.Files); {
		layer, end := x.Files[begin].Layer, begin
		gone, emptied := make(map[string]bool), make(map[string]bool)
		for ; end < len(x.Files) && x.Files[end].Layer == layer; end++ {
			f := &x.Files[end]
			f.HiddenBy = 0
			switch f.Kind {
			case Whiteout:
				gone[f.Path] = true
			case Opaque:
				emptied[f.Path] = true
			case Folder:
			default: // takes the place of a whole folder
				if below, ok := x.visible[f.Path]; ok && x.Files[below].isFolder() {
					gone[f.Path] = true
				}
			}
		}
		if len(gone)+len(emptied) > 0 {
			for path, i := range x.visible {
				if gone[path] || under(path, gone, emptied) {
					x.Files[i].HiddenBy = layer
					delete(x.visible, path)
				}
			}
		}
		for i := begin; i < end; i++ {
			f := x.Files[i]
			if f.Kind == Whiteout {
				continue
			}
			if below, ok := x.visible[f.Path]; ok {
				x.Files[below].HiddenBy = layer
			}
			x.visible[f.Path] = i
		}
		begin = end
	}
}

func (f File) isFolder() bool { return f.Kind == Folder || f.Kind == Opaque }

// under reports whether a path is in one of these folders.
func under(path string, sets ...map[string]bool) bool {
	for path != "" {
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
		for _, set := range sets {
			if set[path] {
				return true
			}
		}
	}
	return false
}
