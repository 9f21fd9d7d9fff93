package image

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// A build makes an image by hand: layers of entries, and the databases of
// package managers as they lie in real images.
type build struct {
	config   Config
	layers   []Layer
	files    []File
	contents map[Place][]byte
	status   string // of dpkg, as it grows
}

// step begins a layer that an instruction made.
func (b *build) step(createdBy string) *build {
	b.flush()
	b.layers = append(b.layers, Layer{CreatedBy: createdBy})
	b.config.History = append(b.config.History, Step{CreatedBy: createdBy})
	return b
}

// empty is a line of history without a layer.
func (b *build) empty(createdBy string) *build {
	b.config.History = append(b.config.History, Step{CreatedBy: createdBy, EmptyLayer: true})
	return b
}

func (b *build) env(env ...string) *build {
	b.config.Run.Env = append(b.config.Run.Env, env...)
	return b
}

func (b *build) entry(f File) *build {
	if len(b.layers) == 0 {
		b.step("ADD rootfs.tar.xz / # buildkit")
	}
	f.Layer = len(b.layers) - 1
	b.files = append(b.files, f)
	return b
}

// file has a size in bytes.
func (b *build) file(path string, size int64) *build {
	return b.entry(File{Path: path, Size: size, Mode: 0o644})
}

func (b *build) text(path, content string) *build {
	b.database(path, content)
	b.files[len(b.files)-1].Size = int64(len(content))
	return b
}

// database is a text without weight, so that tests have round sums.
func (b *build) database(path, content string) *build {
	b.file(path, 0)
	if b.contents == nil {
		b.contents = make(map[Place][]byte)
	}
	b.contents[Place{len(b.layers) - 1, path}] = []byte(content)
	return b
}

func (b *build) link(path, to string) *build {
	return b.entry(File{Path: path, Kind: Symlink, Link: to, Size: int64(len(to)), Mode: fs.ModeSymlink | 0o777})
}

func (b *build) gone(path string) *build { return b.entry(File{Path: path, Kind: Whiteout}) }

// deb installs one of Debian's packages with one file.
func (b *build) deb(name, path string, size int64) *build {
	b.file(path, size)
	b.status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\n", name)
	return b.database("var/lib/dpkg/info/"+name+".list", "/.\n/"+path+"\n")
}

// pip installs a distribution with files, by their sizes, into a folder.
func (b *build) pip(site, name, version string, files map[string]int64) *build {
	dir := site + "/" + strings.ReplaceAll(name, "-", "_") + "-" + version + ".dist-info"
	record := ""
	for path, size := range files {
		b.file(site+"/"+path, size)
		record += path + ",sha256=AAAA,1\n"
	}
	b.database(dir+"/METADATA", "Metadata-Version: 2.1\nName: "+name+"\nVersion: "+version+"\n")
	return b.database(dir+"/RECORD", record)
}

func (b *build) flush() {
	if b.status != "" && len(b.layers) > 0 {
		status := b.status
		b.database("var/lib/dpkg/status", status)
	}
}

func (b *build) index() *Index {
	b.flush()
	return New(b.config, b.layers, b.files, b.contents)
}

func (b *build) check() []Finding {
	x := b.index()
	return Check(x, x.Owners())
}

// wants looks for a finding and the bytes that it counts; ok is false where the
// image has to be free of it.
func wants(t *testing.T, all []Finding, id string, ok bool) Finding {
	t.Helper()
	for _, f := range all {
		if f.ID == id {
			if !ok {
				t.Errorf("%s: %s, %v", id, f.Title, f.Evidence)
			}
			return f
		}
	}
	if ok {
		t.Errorf("no %s among %v", id, ids(all))
	}
	return Finding{}
}

func ids(all []Finding) []string {
	var ids []string
	for _, f := range all {
		ids = append(ids, f.ID)
	}
	return ids
}
