package image

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
)

// A tarLayer is a layer as its tar has it, unpacked as engines do: what comes
// later takes the place of what came before, links in folders' names lead on,
// and folders that it does not name are made.
type tarLayer struct {
	*tarReader
	files    []File
	at       map[string]int // places in files
	first    []int          // by place: that of the name by which the file came
	names    map[int][]int  // places of all names, by the first, of what has several
	contents map[int][]byte // by the place of the first name
	torn     bool           // a folder was replaced by what is none
	used     bool           // an image has it already
}

// A tarReader reads layers' tars.
type tarReader struct {
	*source
	opts    Options
	left    budget
	headers int   // so far, in all layers
	entries int   // that came of them
	text    int64 // bytes of their paths and targets
	bytes   int64 // of files, so far
	hash    hash.Hash
	buffer  []byte
}

func newTarReader(s *source, opts Options) *tarReader {
	return &tarReader{source: s, opts: opts, left: budget{limits: s.limits}, hash: sha256.New(), buffer: make([]byte, 256<<10)}
}

// read reads a layer's tar to its end.
func (r *tarReader) read(in io.Reader) (*tarLayer, error) {
	l := &tarLayer{tarReader: r, at: make(map[string]int), names: make(map[int][]int), contents: make(map[int][]byte)}
	for files := tar.NewReader(in); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, r.malformed(err)
		}
		if err := l.add(header, files); err != nil {
			return nil, err
		}
	}
	// What follows the end counts for its digest.
	_, err := io.CopyBuffer(discard{}, struct{ io.Reader }{in}, r.buffer)
	return l, err
}

// Names by which a layer's tar says what it removes (OCI image specification,
// layer.md), and what aufs left in old ones.
const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
	aufsPrefix     = ".wh..wh."
)

func (l *tarLayer) add(h *tar.Header, content io.Reader) error {
	if l.headers++; l.headers > l.limits.entries {
		return l.tooMany()
	}
	name, err := l.clean(h.Name)
	if err != nil || name == "" || h.Typeflag == tar.TypeXGlobalHeader {
		return err
	}
	dir, base := folder(name), path.Base(name)
	if base == opaqueName {
		return l.empty(dir)
	}
	if strings.HasPrefix(name, aufsPrefix) || strings.HasPrefix(base, aufsPrefix) {
		return nil
	}
	if dir, err = l.real(dir); err != nil {
		return err
	}
	if hidden, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return l.whiteout(dir, hidden)
	}
	f := File{Path: join(dir, base), UID: h.Uid, GID: h.Gid, Mode: h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		f.Size = h.Size
	case tar.TypeDir:
		f.Kind = Folder
	case tar.TypeSymlink:
		if len(h.Linkname) > l.limits.path {
			return fmt.Errorf("%w: %.60q leads to a path of %d bytes, and %d is the most", ErrMalformed, name, len(h.Linkname), l.limits.path)
		}
		f.Kind, f.Link, f.Size, f.Mode = Symlink, h.Linkname, int64(len(h.Linkname)), fs.ModePerm
	case tar.TypeLink:
		return l.link(f, h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		if f.Kind = Special; h.Typeflag == tar.TypeChar && h.Devmajor == 0 && h.Devminor == 0 {
			f = File{Path: f.Path, Kind: Whiteout} // as overlayfs has it
		}
	default:
		l.left.warn("%.200q is left out: it is of a type that is not known, %q", name, h.Typeflag)
		return nil
	}
	if l.bytes += f.Size; l.bytes > l.limits.bytes || f.Size > l.limits.bytes {
		return l.tooLarge()
	}
	place, err := l.put(f)
	if err != nil || f.Kind != Regular {
		return err
	}
	return l.content(place, content)
}

// clean is a name without the slashes and dots that are not needed.
func (l *tarLayer) clean(name string) (string, error) {
	if err := l.entry(name); err != nil {
		return "", err
	}
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("%w: %q leads out of the layer", ErrMalformed, name)
	}
	if clean == "." {
		return "", nil
	}
	return clean, nil
}

// put takes an entry down, in the place of what has its path.
func (l *tarLayer) put(f File) (place int, err error) {
	if l.entries++; l.entries > l.limits.entries {
		return 0, l.tooMany()
	}
	if l.text += int64(len(f.Path) + len(f.Link)); l.text > l.limits.text {
		return 0, l.tooLong()
	}
	if before, ok := l.at[f.Path]; ok {
		was := l.files[before]
		switch {
		case f.Kind == Folder && (was.Kind == Opaque || was.Kind == Whiteout):
			f.Kind = Opaque
			fallthrough
		case f.Kind == Folder && was.Kind == Folder: // what is in it stays
			l.files[before] = f
			return before, nil
		}
		l.torn = l.torn || was.isFolder()
		l.files[before].Layer = gone
	}
	place = len(l.files)
	l.files, l.first = append(l.files, f), append(l.first, place)
	l.at[f.Path] = place
	return place, nil
}

// gone marks an entry that another has replaced, by its layer.
const gone = -1

// real is where a folder is, which is made if it is not there. Links lead on
// within the layer, as they do where it is unpacked.
func (l *tarLayer) real(dir string) (string, error) {
	left := maxLinks
	return l.resolve(dir, &left)
}

func (l *tarLayer) resolve(dir string, left *int) (string, error) {
	if dir == "" {
		return "", nil
	}
	if i, ok := l.at[dir]; ok && l.files[i].isFolder() {
		return dir, nil
	}
	above, err := l.resolve(folder(dir), left)
	if err != nil {
		return "", err
	}
	real := join(above, path.Base(dir))
	i, ok := l.at[real]
	if ok && l.files[i].Kind == Symlink {
		if *left--; *left < 0 {
			return "", fmt.Errorf("%w: links of links lead to %q", ErrMalformed, dir)
		}
		to := l.files[i].Link
		if !strings.HasPrefix(to, "/") {
			to = above + "/" + to
		}
		to = strings.TrimPrefix(path.Clean("/"+to), "/")
		if err := l.entry(to); err != nil {
			return "", err
		}
		return l.resolve(to, left)
	}
	if ok && !l.files[i].isFolder() && l.files[i].Kind != Whiteout {
		return "", fmt.Errorf("%w: %q is no folder, and something is in it", ErrMalformed, real)
	}
	if !ok || !l.files[i].isFolder() {
		if err := l.entry(real); err != nil {
			return "", err
		}
		_, err = l.put(File{Path: real, Kind: Folder, Mode: 0o755}) // as engines do
	}
	return real, err
}

// empty hides what the layers below have in a folder.
func (l *tarLayer) empty(dir string) error {
	dir, err := l.real(dir)
	if err != nil {
		return err
	}
	if i, ok := l.at[dir]; ok {
		l.files[i].Kind = Opaque
		return nil
	}
	_, err = l.put(rootOf(0))
	return err
}

// whiteout removes a path from the layers below. What this layer has there
// stays, before or after.
func (l *tarLayer) whiteout(dir, base string) error {
	if base == "" || base == "." || base == ".." {
		return fmt.Errorf("%w: a whiteout of nothing: %q", ErrMalformed, join(dir, whiteoutPrefix+base))
	}
	removed := join(dir, base)
	if i, ok := l.at[removed]; ok {
		if l.files[i].Kind == Folder {
			l.files[i].Kind = Opaque
		}
		return nil
	}
	_, err := l.put(File{Path: removed, Kind: Whiteout})
	return err
}

// link gives one more name to a file of this layer.
func (l *tarLayer) link(f File, target string) error {
	to, err := l.clean(target)
	if err != nil {
		return err
	}
	dir, err := l.real(folder(to))
	if err != nil {
		return err
	}
	to = join(dir, path.Base(to))
	i, ok := l.at[to]
	switch {
	case to == f.Path:
		return nil
	case !ok || l.files[i].isFolder() || l.files[i].Kind == Whiteout:
		return fmt.Errorf("%w: %q is a link to %q, and no such file came before it", ErrMalformed, f.Path, target)
	}
	first := l.first[i]
	origin := l.files[first]
	if origin.Kind == Regular { // its last name says who may use it
		l.files[first].Mode = f.Mode
	}
	l.files[first].UID, l.files[first].GID = f.UID, f.GID
	origin.Path, origin.Layer = f.Path, 0
	place, err := l.put(origin)
	if err != nil {
		return err
	}
	l.first[place] = first
	if l.names[first] == nil {
		l.names[first] = []int{first}
	}
	l.names[first] = append(l.names[first], place)
	return nil
}
