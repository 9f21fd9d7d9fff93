package image

import (
	"path"
	"regexp"
	"strings"
)

// packageLists are what apt, apk, dnf and yum left, in whatever layer.
func packageLists(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		for _, dir := range []string{
			"var/lib/apt/lists/", "var/cache/apt/", "var/cache/apk/", "etc/apk/cache/", "var/cache/dnf/", "var/cache/yum/",
			"var/cache/libdnf5/", "var/cache/zypp/",
		} {
			if strings.HasPrefix(f.Path, dir) {
				h.add(s.whether(f, strings.TrimSuffix(dir, "/")), i)
			}
		}
	}
	return h.finding(worth)
}

// whether adds to a name that its files are gone, though not from the image.
func (s *survey) whether(f File, name string) string {
	if f.HiddenBy != 0 {
		return name + ", which a later layer removes"
	}
	return name
}

// installCache is the folder of caches that a path is in; "" is none. Conda has
// unpacked environments from its pkgs: these are hard links of the environment's
// files where both are in one layer.
func installCache(p string) string {
	if !strings.Contains(p, "cache/") && !strings.Contains(p, "pkgs/") && !strings.Contains(p, "registry/") {
		return "" // as nearly all, and this is asked of all
	}
	for _, dir := range []string{
		".cache/pip/", ".cache/uv/", ".cache/pypoetry/", ".cache/conda/", ".cache/huggingface/xet/", ".cache/yarn/", ".cache/go-build/",
		".npm/_cacache/", ".conda/pkgs/", ".cargo/registry/", "conda/pkgs/", "conda3/pkgs/", "miniconda3/pkgs/", "anaconda3/pkgs/", "miniforge3/pkgs/",
		"mambaforge/pkgs/", "micromamba/pkgs/",
	} {
		if i := strings.Index(p, dir); i == 0 || i > 0 && p[i-1] == '/' {
			return p[:i+len(dir)-1]
		}
	}
	return ""
}

func installCaches(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if dir := installCache(f.Path); dir != "" {
			h.add(s.whether(f, dir), i)
		}
	}
	return h.finding(worth)
}

func modelCache(s *survey) *Finding {
	weights := make(map[string]*weight)
	for _, f := range s.x.Files {
		name := hubModel(f.Path)
		if name == "" || !f.Visible() || f.Size == 0 {
			continue
		}
		if weights[name] == nil {
			weights[name] = &weight{name: name}
		}
		weights[name].bytes += f.Size
		weights[name].files++
	}
	if len(weights) == 0 {
		return nil
	}
	return &Finding{Evidence: heaviest(weights)}
}

// formats of weights, the one to keep first: it maps into memory without a copy
// and runs no code.
var weightFormats = []*regexp.Regexp{
	regexp.MustCompile(`^model(-\d{5}-of-\d{5})?\.safetensors$`),
	regexp.MustCompile(`^pytorch_model(-\d{5}-of-\d{5})?\.bin$`),
	regexp.MustCompile(`^tf_model(-\d{5}-of-\d{5})?\.h5$`),
	regexp.MustCompile(`^flax_model(-\d{5}-of-\d{5})?\.msgpack$`),
	regexp.MustCompile(`^rust_model\.ot$`),
}

// weightsTwice finds folders with the names that Hugging Face's libraries give
// to one model's weights in each format. In the hub's cache they are links to
// blobs.
func weightsTwice(s *survey) *Finding {
	folders := make(map[string][][]int) // by format
	for i, f := range s.x.Files {
		if !f.Visible() || f.Kind != Regular && f.Kind != Symlink {
			continue
		}
		base := path.Base(f.Path)
		for n, re := range weightFormats {
			if !re.MatchString(base) {
				continue
			}
			if f.Kind == Symlink {
				to, ok := s.x.Lookup(s.links.follow(f.Path))
				if !ok {
					break
				}
				i = to
			}
			dir := folder(f.Path)
			if folders[dir] == nil {
				folders[dir] = make([][]int, len(weightFormats))
			}
			folders[dir][n] = append(folders[dir][n], i)
			break
		}
	}
	h := s.haul()
	for dir, formats := range folders {
		kept := false
		for n, files := range formats {
			for _, i := range files {
				if kept {
					h.add(dir+", "+formatNames[n], i)
				}
			}
			kept = kept || len(files) > 0
		}
	}
	return h.finding(worth)
}

var formatNames = []string{"*.safetensors", "pytorch_model*.bin", "tf_model*.h5", "flax_model*.msgpack", "rust_model.ot"}

var documents = regexp.MustCompile(`^((?:.*/)?share/(?:doc|man|info|locale|gtk-doc|help|groff))/`)

// documentation leaves out copyright files, which licences want kept.
func documentation(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if !f.Visible() || !strings.Contains(f.Path, "share/") || isCopyright(f.Path) {
			continue
		}
		if m := documents.FindStringSubmatch(f.Path); m != nil {
			h.add(m[1], i)
		}
	}
	return h.finding(5 * worth)
}

func isCopyright(p string) bool {
	base := strings.ToUpper(path.Base(p))
	return base == "COPYRIGHT" || strings.HasPrefix(base, "LICEN") || strings.HasPrefix(base, "COPYING") || strings.HasPrefix(base, "NOTICE")
}

func temporaryFiles(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		for _, dir := range []string{"tmp/", "var/tmp/", "var/log/", "root/.local/share/Trash/", "home/.Trash/"} {
			if strings.HasPrefix(f.Path, dir) && f.Visible() && s.o.Of(i).Kind != Weights && !s.works(dir) {
				name, _, _ := strings.Cut(f.Path[len(dir):], "/")
				h.add(dir+name, i)
			}
		}
	}
	return h.finding(worth)
}

// works reports whether containers work in a folder: then it is no leftover.
func (s *survey) works(dir string) bool {
	return strings.HasPrefix(s.x.Config.Run.Folder()+"/", dir)
}

func staticLibraries(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if strings.HasSuffix(f.Path, ".a") && strings.HasPrefix(path.Base(f.Path), "lib") && f.Kind == Regular && f.Visible() {
			h.add(f.Path, i)
		}
	}
	return h.finding(worth)
}

func debugSymbols(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if f.Kind != Regular || !f.Visible() {
			continue
		}
		o := s.o.Of(i)
		switch {
		case o.Kind == Dpkg && (strings.HasSuffix(o.Name, "-dbg") || strings.HasSuffix(o.Name, "-dbgsym")),
			o.Kind == Rpm && strings.HasSuffix(o.Name, "-debuginfo"):
			h.add(o.Name, i)
		case strings.HasPrefix(f.Path, "usr/lib/debug/"), strings.HasSuffix(f.Path, ".debug"), strings.HasSuffix(f.Path, ".dwo"), strings.HasSuffix(f.Path, ".dwp"):
			h.add(f.Path, i)
		}
	}
	return h.finding(worth)
}
