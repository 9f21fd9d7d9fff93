package image

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"mlbench/runner/image/installed"
)

// A version is which owner a system's package was from a layer on.
type version struct {
	layer int
	owner int32
}

// named is the owner that a system's package was in a layer.
func (c *claims) named(name string, layer int) (int32, bool) {
	v, ok := at(c.packages[name], func(v version) int { return v.layer }, layer)
	return v.owner, ok
}

// knows takes note of a package that a database of a layer has. Databases have
// to be told of from the lowest layer on.
func (c *claims) knows(kind OwnerKind, p installed.Package, layer int) int32 {
	owner := c.owner(Owner{kind, p.Name, p.Version})
	versions := c.packages[p.Name]
	if n := len(versions); n > 0 && versions[n-1].owner == owner {
		return owner
	} else if n > 0 && versions[n-1].layer == layer {
		versions[n-1].owner = owner
	} else {
		c.packages[p.Name] = append(versions, version{layer, owner})
	}
	return owner
}

// dpkg claims what Debian's packages have. Their paths are in lists, or in lists
// of checksums in images without dpkg (distroless), which leave out links.
func (c *claims) dpkg() {
	type list struct {
		name  string
		layer int
		paths string
	}
	type diversions struct {
		layer int
		of    map[string]installed.Diversion
	}
	var lists []list
	var diverted []diversions
	c.x.kept(func(f File, content []byte) {
		dir, base := path.Split(f.Path)
		switch {
		case f.Path == "var/lib/dpkg/status":
			for _, p := range installed.Dpkg(string(content)) {
				c.knows(Dpkg, p, f.Layer)
			}
		case f.Path == "var/lib/dpkg/diversions":
			of := make(map[string]installed.Diversion)
			for _, d := range installed.Diversions(string(content)) {
				of[d.From] = d
			}
			diverted = append(diverted, diversions{f.Layer, of})
		case dir == "var/lib/dpkg/info/" && strings.HasSuffix(base, ".list"):
			name, _, _ := strings.Cut(strings.TrimSuffix(base, ".list"), ":")
			lists = append(lists, list{name, f.Layer, string(content)})
		case dir == "var/lib/dpkg/status.d/" && strings.HasSuffix(base, ".md5sums"):
			lists = append(lists, list{strings.TrimSuffix(base, ".md5sums"), f.Layer, string(content)})
		case dir == "var/lib/dpkg/status.d/":
			for _, p := range installed.Dpkg(string(content)) {
				owner := c.knows(Dpkg, p, f.Layer)
				by := claim{owner: owner, layer: int32(f.Layer), rank: Dpkg.rank()}
				c.file(f.Path, by)
				c.file(f.Path+".md5sums", by)
			}
		}
	})
	for _, l := range lists {
		owner, ok := c.named(l.name, l.layer)
		if !ok {
			owner = c.owner(Owner{Kind: Dpkg, Name: l.name})
		}
		d, _ := at(diverted, func(d diversions) int { return d.layer }, l.layer)
		for p := range installed.List(l.paths) {
			if d, ok := d.of[p]; ok && d.By != l.name {
				p = d.To
			}
			c.file(p, claim{owner: owner, layer: int32(l.layer), rank: Dpkg.rank()})
		}
	}
}

func isApk(name string) bool {
	return name == "lib/apk/db/installed" || name == "usr/lib/apk/db/installed"
}

// apk claims what Alpine's packages have.
func (c *claims) apk() {
	c.x.kept(func(f File, content []byte) {
		if !isApk(f.Path) {
			return
		}
		for _, p := range installed.Apk(string(content)) {
			c.files(Apk, p, "", f.Layer)
		}
	})
}

func isRpm(name string) bool {
	switch path.Base(name) {
	case "Packages", "Packages.db", "rpmdb.sqlite":
		return strings.Contains(folder(name), "rpm")
	}
	return false
}

// rpm claims what the packages of Red Hat's, SUSE's and their like's systems have.
func (c *claims) rpm() {
	c.x.kept(func(f File, content []byte) {
		if !isRpm(f.Path) {
			return
		}
		all, err := installed.Rpm(content)
		if err != nil {
			c.warnings = append(c.warnings, fmt.Sprintf("%q of layer %d: %v", f.Path, f.Layer, err))
		}
		for _, p := range all {
			c.files(Rpm, p, "", f.Layer)
		}
	})
}

func isConda(name string) bool {
	return path.Base(folder(name)) == "conda-meta" && strings.HasSuffix(name, ".json")
}

// conda claims what conda's packages have, in each environment.
func (c *claims) conda() {
	c.x.kept(func(f File, content []byte) {
		if !isConda(f.Path) {
			return
		}
		p, ok := installed.Conda(content)
		if !ok {
			return
		}
		prefix := folder(folder(f.Path))
		c.condas[prefix] = true
		by := claim{owner: c.owner(Owner{Conda, p.Name, p.Version}), layer: int32(f.Layer), rank: Conda.rank()}
		c.file(f.Path, by)
		for _, name := range p.Files {
			c.file(prefix+"/"+name, by)
		}
	})
}

// files claims what a database says that a package brought to a folder.
func (c *claims) files(kind OwnerKind, p installed.Package, prefix string, layer int) {
	by := claim{owner: c.knows(kind, p, layer), layer: int32(layer), rank: kind.rank()}
	for _, name := range p.Files {
		c.file(prefix+"/"+name, by)
	}
}

// at is the last of what was seen up to a layer, else the first after; list is
// by layer.
func at[T any](list []T, layer func(T) int, want int) (t T, ok bool) {
	if len(list) == 0 {
		return t, false
	}
	i, found := slices.BinarySearchFunc(list, want, func(t T, want int) int { return cmp.Compare(layer(t), want) })
	if !found && i > 0 {
		i--
	}
	return list[i], true
}
