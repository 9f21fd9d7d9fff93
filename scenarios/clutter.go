package scenarios

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Clutter is a file that people have in the folder they build in and no
// repository would hold: a .git, which git cannot store at all, data, an
// environment. It is made up when the context is read, the same bytes each time.
type Clutter struct {
	Path string // in the context of every variant
	Size Bytes
}

// content cannot be compressed, as what git packs and many data sets cannot.
func (c Clutter) content() io.Reader {
	return io.LimitReader(rand.NewChaCha8(sha256.Sum256([]byte(c.Path))), int64(c.Size))
}

// cluttered is a folder with made up files in it, besides those that it has.
type cluttered struct {
	fs.FS
	clutter []Clutter
}

var (
	_ fs.ReadDirFS = cluttered{}
	_ fs.StatFS    = cluttered{}
)

// made is what is made up at a path: a file or a folder.
func (c cluttered) made(name string) (madeInfo, bool) {
	for _, file := range c.clutter {
		switch {
		case file.Path == name:
			return madeInfo{name: path.Base(name), file: &file}, true
		case strings.HasPrefix(file.Path, name+"/"):
			return madeInfo{name: path.Base(name)}, true
		}
	}
	return madeInfo{}, false
}

// Open opens a file or a folder.
func (c cluttered) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		info, ok := c.made(name)
		switch {
		case !ok:
			return nil, err
		case info.file != nil:
			return &madeFile{info, info.file.content()}, nil
		}
		f = &madeFile{info, nil}
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return f, err
	}
	entries, err := c.ReadDir(name)
	return &madeFolder{File: f, entries: entries}, err
}

// Stat tells of a file or a folder.
func (c cluttered) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(c.FS, name)
	if made, ok := c.made(name); err != nil && ok {
		return made, nil
	}
	return info, err
}

// ReadDir lists a folder.
func (c cluttered) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(c.FS, name)
	if made, ok := c.made(name); err != nil && (!ok || made.file != nil) {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		seen[e.Name()] = true
	}
	for _, file := range c.clutter {
		rest, ok := strings.CutPrefix(file.Path, name+"/")
		if name == "." {
			rest, ok = file.Path, true
		}
		child, _, _ := strings.Cut(rest, "/")
		if !ok || seen[child] {
			continue
		}
		seen[child] = true
		info, _ := c.made(path.Join(name, child))
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// writeClutter writes made up files below a folder.
func writeClutter(dir string, clutter []Clutter) error {
	for _, file := range clutter {
		name := filepath.Join(dir, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, file.content())
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// madeInfo tells of a made up file, or of a folder that only such are in. Modes
// and times are those of embedded files.
type madeInfo struct {
	name string
	file *Clutter // nil is a folder
}

func (i madeInfo) Name() string       { return i.name }
func (i madeInfo) ModTime() time.Time { return time.Time{} }
func (i madeInfo) IsDir() bool        { return i.file == nil }
func (i madeInfo) Sys() any           { return nil }

func (i madeInfo) Mode() fs.FileMode {
	if i.file == nil {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

func (i madeInfo) Size() int64 {
	if i.file == nil {
		return 0
	}
	return int64(i.file.Size)
}

// madeFile is an opened made up file, or a folder that only such are in.
type madeFile struct {
	info    madeInfo
	content io.Reader
}

func (f *madeFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *madeFile) Close() error               { return nil }

func (f *madeFile) Read(p []byte) (int, error) {
	if f.content == nil {
		return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: errors.New("is a folder")}
	}
	return f.content.Read(p)
}

// madeFolder is an opened folder with all that is in it.
type madeFolder struct {
	fs.File
	entries []fs.DirEntry
	next    int
}

// ReadDir reads the next n entries, all for n ≤ 0.
func (f *madeFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := f.entries[f.next:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	f.next += len(rest)
	return slices.Clone(rest), nil
}
