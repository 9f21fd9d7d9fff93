package image

import (
	"path"
	"strings"

	"mlbench/runner/image/installed"
)

// A dist is what a layer has of a Python distribution's .dist-info or .egg-info.
type dist struct {
	layer int
	dir   string // the .dist-info; of old ones it may be a file
	files map[string]string

	visible bool // a container sees some of it
}

// site is the folder that the distribution was installed into.
func (d dist) site() string { return folder(d.dir) }

// dists are all Python distributions, from the lowest layer on.
func (x *Index) dists() []*dist {
	var all []*dist
	places := make(map[Place]*dist)
	x.kept(func(f File, content []byte) {
		dir, base := folder(f.Path), path.Base(f.Path)
		switch {
		case strings.HasSuffix(base, ".egg-info"):
			dir, base = f.Path, "PKG-INFO"
		case strings.HasSuffix(dir, "/EGG-INFO"), strings.HasSuffix(dir, ".dist-info"), strings.HasSuffix(dir, ".egg-info"):
		default:
			return
		}
		place := Place{f.Layer, dir}
		d := places[place]
		if d == nil {
			d = &dist{layer: f.Layer, dir: dir, files: make(map[string]string)}
			places[place] = d
			all = append(all, d)
		}
		d.files[base] = string(content)
		d.visible = d.visible || f.Visible()
	})
	return all
}

// about is name, version and needs of a distribution: by its metadata, else by
// the name of its folder.
func (d dist) about() installed.Package {
	p := installed.Metadata(d.files["METADATA"])
	if p.Name == "" {
		p = installed.Metadata(d.files["PKG-INFO"])
		p.Needs = append(p.Needs, installed.Requires(d.files["requires.txt"])...)
	}
	if p.Name == "" {
		dir := d.dir
		if path.Base(dir) == "EGG-INFO" {
			dir = folder(dir)
		}
		base := strings.TrimSuffix(path.Base(dir), path.Ext(dir))
		name, rest, _ := strings.Cut(base, "-")
		version, _, _ := strings.Cut(rest, "-") // an egg's goes on with Python's
		p.Name, p.Version = installed.Normal(name), version
	}
	return p
}

// pip claims what Python distributions have that no system's package manager
// brought, whatever installed them: pip, uv, setup.py, or a copy.
func (c *claims) pip() {
	var own []*dist
	for _, d := range c.x.dists() {
		if !c.isSystems(d) {
			own = append(own, d)
		}
	}
	for _, d := range own {
		p := d.about()
		if p.Name == "" {
			continue
		}
		by := claim{owner: c.owner(Owner{Pip, p.Name, p.Version}), layer: int32(d.layer), rank: Pip.rank()}
		c.tree(d.dir, by)
		c.file(d.dir, by)
		c.distFiles(d, p, by)
	}
}

// isSystems reports whether a distribution is a system package's, as Debian's
// python3-numpy is: its files are that package's.
func (c *claims) isSystems(d *dist) bool {
	if owner, ok := c.ofPath(d.dir, d.layer); ok {
		return c.all[owner].Kind != Pip
	}
	for _, base := range []string{"METADATA", "PKG-INFO", "RECORD"} {
		if owner, ok := c.ofPath(d.dir+"/"+base, d.layer); ok {
			return c.all[owner].Kind != Pip
		}
	}
	return false
}

func (c *claims) distFiles(d *dist, p installed.Package, by claim) {
	site := d.site()
	if path.Base(d.dir) == "EGG-INFO" { // an egg is all in one folder
		c.tree(site, by)
		return
	}
	if source := installed.Editable([]byte(d.files["direct_url.json"])); source != "" && !c.isApplication(source) {
		c.tree(source, by)
	}
	if record := d.files["RECORD"]; record != "" {
		for name := range installed.Record(record) {
			if !strings.HasPrefix(name, "/") {
				name = site + "/" + name
			}
			c.file(name, by)
		}
		return
	}
	if list := d.files["installed-files.txt"]; list != "" {
		for name := range installed.Record(list) {
			c.file(d.dir+"/"+name, by)
		}
		return
	}
	// Without a list its modules are its own, by name.
	tops := strings.Fields(d.files["top_level.txt"])
	tops = tops[:min(len(tops), maxTops)]
	if len(tops) == 0 {
		tops = []string{strings.ReplaceAll(p.Name, "-", "_")}
	}
	for _, top := range append(tops, strings.ReplaceAll(p.Name, "-", "_")+".libs") {
		if !strings.HasPrefix(top, ".") {
			c.tree(site+"/"+top, by)
			c.file(site+"/"+top+".py", by)
		}
	}
}

// maxTops is how many modules a distribution without a list may have.
const maxTops = 100

// isApplication reports whether a folder has the folder that containers start
// in: what is run from there is the application, though it is installed.
func (c *claims) isApplication(dir string) bool {
	dir = path.Clean("/" + dir)
	start := "/" + c.x.Config.Run.Folder()
	return start == dir || strings.HasPrefix(start, strings.TrimSuffix(dir, "/")+"/")
}

// inSite parts the path of a file of a Python package at the folder that packages
// are in.
func inSite(p string) (dir, rest string, ok bool) {
	for _, name := range []string{"/site-packages/", "/dist-packages/"} {
		if i := strings.Index(p, name); i >= 0 {
			i += len(name)
			return p[:i-1], p[i:], true
		}
	}
	return "", "", false
}
