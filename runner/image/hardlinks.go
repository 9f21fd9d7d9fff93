package image

// settle decides which of several names of a file bears its size, within a
// layer. Names are places in files, by file.
func settle[K comparable](files []File, names map[K][]int) {
	for _, of := range names {
		first := of[0]
		for _, i := range of[1:] {
			if files[i].Path < files[first].Path {
				first = i
			}
		}
		for _, i := range of {
			if i == first {
				continue
			}
			files[i].Size = 0
			if files[i].Kind == Regular {
				files[i].Kind, files[i].Link = HardLink, files[first].Path
			}
		}
	}
}

// passOn lets a file's size be borne by a name that a container sees, as long
// as there is one: nothing is wasted until the last is hidden.
func (x *Index) passOn() {
	bearer := func(f File) (*File, bool) {
		i, ok := x.find(f.Layer, f.Link)
		if !ok {
			return nil, false
		}
		return &x.Files[i], true
	}
	passed := false
	for i := range x.Files {
		f := &x.Files[i]
		if f.Kind != HardLink || !f.Visible() {
			continue
		}
		if from, ok := bearer(*f); ok && from.Kind == Regular && !from.Visible() {
			f.Kind, f.Size, f.Link = Regular, from.Size, ""
			from.Kind, from.Size, from.Link = HardLink, 0, f.Path
			passed = true
		}
	}
	if !passed {
		return
	}
	for i := range x.Files {
		f := &x.Files[i]
		if f.Kind != HardLink {
			continue
		}
		if from, ok := bearer(*f); ok && from.Kind == HardLink {
			f.Link = from.Link
		}
	}
}

// inode is the regular file that a hard link is a name of: which of the names
// is the link says nothing. One that leads nowhere stays.
func (x *Index) inode(f File) File {
	if f.Kind != HardLink {
		return f
	}
	i, ok := x.find(f.Layer, f.Link)
	if !ok || x.Files[i].Kind != Regular {
		return f
	}
	return x.Files[i]
}
