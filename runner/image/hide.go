package image

// hide puts the layers on each other and finds what a container sees. It goes
// from the highest layer down, once over all files, however many of them hide
// others: hostile images may be all whiteouts.
func (x *Index) hide() {
	// Of the layers above, the lowest that has or removes a path, and the
	// lowest that hides what is in a folder; 0 where there is none.
	taken, emptied := make(map[string]int, len(x.Files)), make(map[string]int)
	for end := len(x.Files); end > 0; {
		begin, layer := end-1, x.Files[end-1].Layer
		for begin > 0 && x.Files[begin-1].Layer == layer {
			begin--
		}
		files := x.Files[begin:end]
		within := make(map[string]int) // what hides all that is in a folder
		for i := range files {
			f := &files[i]
			if f.HiddenBy = 0; f.Kind == Whiteout {
				continue
			}
			f.HiddenBy = taken[f.Path]
			if f.Path != "" {
				f.HiddenBy = lowest(f.HiddenBy, hiddenWithin(folder(f.Path), emptied, within))
			}
		}
		for _, f := range files {
			taken[f.Path] = layer
			if f.Kind != Folder {
				emptied[f.Path] = layer // also by what takes the place of a whole folder
			}
		}
		end = begin
	}
	for i, f := range x.Files {
		if f.Visible() {
			x.visible[f.Path] = i
		}
	}
	x.passOn()
}

// hiddenWithin is the lowest layer above that hides what is in this folder;
// known remembers the answers.
func hiddenWithin(dir string, emptied, known map[string]int) int {
	by, ok := known[dir]
	if !ok {
		if by = emptied[dir]; dir != "" {
			by = lowest(by, hiddenWithin(folder(dir), emptied, known))
		}
		known[dir] = by
	}
	return by
}

// lowest of two layers, of which 0 is none.
func lowest(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
