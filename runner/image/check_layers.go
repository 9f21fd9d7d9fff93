package image

import (
	"fmt"
	"path"
	"strings"
)

// rewrittenFiles are copies that a later layer replaces by another. That an
// instruction changed owner or mode alone is said where the sizes are the same,
// and the digests too where they are known.
func rewrittenFiles(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if f.HiddenBy == 0 || f.Size == 0 {
			continue
		}
		by, ok := s.x.find(f.HiddenBy, f.Path)
		if !ok || s.x.Files[by].isFolder() || s.x.Files[by].Kind == Whiteout || isDatabase(f.Path) {
			continue
		}
		name := s.belongs(i) + ", again in " + s.layer(f.HiddenBy)
		if g := s.x.Files[by]; g.Size == f.Size && g.Digest == f.Digest {
			only := "only "
			if f.Digest == "" { // nobody read what is in them
				only = "the size is the same and "
			}
			switch {
			case g.UID != f.UID || g.GID != f.GID:
				name += ", where " + only + "the owner differs"
			case g.Mode != f.Mode:
				name += ", where " + only + "the mode differs"
			}
		}
		h.add(name, i)
	}
	return h.finding(worth)
}

// belongs says what a file is of: its package, else a folder near the root.
func (s *survey) belongs(i int) string {
	if o := s.o.Of(i); s.packaged(i) {
		return o.Name
	}
	parts := strings.SplitN(s.x.Files[i].Path, "/", 5)
	return path.Join(parts[:min(4, len(parts))]...)
}

// layer names a layer by its number and by what made it.
func (s *survey) layer(n int) string {
	if s.layers[n] == "" {
		s.layers[n] = fmt.Sprintf("layer %d (%s)", n+1, told(s.x.Layers[n].CreatedBy))
	}
	return s.layers[n]
}

// removedFiles are those that a later layer takes away.
func removedFiles(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if f.HiddenBy == 0 || f.Size == 0 {
			continue
		}
		if by, ok := s.x.find(f.HiddenBy, f.Path); ok && s.x.Files[by].Kind != Whiteout && !s.x.Files[by].isFolder() {
			continue
		}
		h.add(s.belongs(i)+", removed in "+s.layer(f.HiddenBy), i)
	}
	return h.finding(worth)
}

// isDatabase reports whether every install has to rewrite the file.
func isDatabase(p string) bool {
	for _, dir := range []string{"var/lib/dpkg/", "var/cache/debconf/", "var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/lib/sysimage/libdnf5/", "lib/apk/", "usr/lib/apk/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return p == "etc/ld.so.cache"
}

// manifests are files that name dependencies: to copy them before the install is
// what ought to be done.
var manifests = map[string]bool{"setup.py": true, "noxfile.py": true, "conanfile.py": true, "hatch_build.py": true}

// cacheOrder looks for the application's sources in a layer below one that
// installs packages. It goes by the history, and by what is in the layers.
func cacheOrder(s *survey) *Finding {
	copied := -1 // the first layer with sources, from a COPY
	installed := make([]int64, len(s.x.Layers))
	home := s.x.Config.Run.Folder()
	for i, f := range s.x.Files {
		switch {
		case f.Kind != Regular:
		case s.packaged(i):
			installed[f.Layer] += f.Size
		case copied < 0 && isSource(f.Path) && (home == "" || strings.HasPrefix(f.Path, home+"/")) && copies(Instruction(s.x.Layers[f.Layer].CreatedBy)):
			copied = f.Layer
		}
	}
	if copied < 0 {
		return nil
	}
	weights := make(map[string]*weight)
	for n := copied + 1; n < len(s.x.Layers); n++ {
		if strings.HasPrefix(Instruction(s.x.Layers[n].CreatedBy), "RUN ") && installed[n] >= 10*worth {
			name := s.layer(n)
			weights[name] = &weight{name: name, bytes: installed[n]}
		}
	}
	if len(weights) == 0 {
		return nil
	}
	return &Finding{Evidence: append(heaviest(weights), "built again whenever "+s.layer(copied)+" changes, which has the application")}
}

// isSource reports whether a file is an application's own code.
func isSource(p string) bool {
	if _, _, ok := inSite(p); ok || manifests[path.Base(p)] {
		return false
	}
	switch path.Ext(p) {
	case ".py", ".ipynb", ".js", ".ts", ".go", ".rs", ".java", ".rb":
		return true
	}
	return false
}
