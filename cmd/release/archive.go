package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file is one of an archive.
type file struct {
	name string // within it
	from string // on this host; "" for text
	text string
	mode fs.FileMode
}

// release builds for a platform and packs it. It returns the archive's name, and
// the glibc that it needs, "" for none.
func (s *source) release(ctx context.Context, p platform, work, out string) (name, glibc string, err error) {
	program := "mlbench"
	if p.system == "windows" {
		program += ".exe"
	}
	built := filepath.Join(work, strings.ReplaceAll(p.String(), "/", "-")+"-"+program)
	if err := s.build(ctx, p, built); err != nil {
		return "", "", err
	}
	if p.nvml {
		if glibc, err = neededGlibc(built); err != nil {
			return "", "", err
		}
	}
	files := []file{
		{name: program, from: built, mode: 0o755},
		{name: "INSTALL", text: installText(p, s.version, glibc), mode: 0o644},
	}
	for folder, as := range map[string]string{s.extra: "", filepath.Join(s.folder, "docs"): "docs"} {
		more, err := filesBelow(folder, as)
		if err != nil {
			return "", "", err
		}
		files = append(files, more...)
	}
	for _, top := range []string{"README.md", "LICENSE"} {
		if _, err := os.Stat(filepath.Join(s.folder, top)); err == nil {
			files = append(files, file{name: top, from: filepath.Join(s.folder, top), mode: 0o644})
		}
	}
	base := fmt.Sprintf("mlbench_%s_%s_%s", strings.ReplaceAll(s.version, "/", "-"), p.system, p.processor)
	for i := range files {
		files[i].name = path.Join(base, files[i].name)
	}
	name, pack := base+".tar.gz", tarball
	if p.system == "windows" {
		name, pack = base+".zip", zipped
	}
	to, err := os.Create(filepath.Join(out, name))
	if err != nil {
		return "", "", err
	}
	return name, glibc, errors.Join(pack(to, files, s.time), to.Close())
}

// filesBelow are the files below a folder, under another name.
func filesBelow(folder, as string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, name)
		files = append(files, file{name: path.Join(as, filepath.ToSlash(rel)), from: name, mode: 0o644})
		return err
	})
	return files, err
}

// sorted are files in the order of an archive, with what is in them.
func sorted(files []file, each func(f file, content []byte) error) error {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	for _, f := range files {
		content := []byte(f.text)
		if f.from != "" {
			var err error
			if content, err = os.ReadFile(f.from); err != nil {
				return err
			}
		}
		if err := each(f, content); err != nil {
			return err
		}
	}
	return nil
}

// tarball packs files in an order, with a time and an owner that are always the
// same. https://reproducible-builds.org/docs/archives/
func tarball(w io.Writer, files []file, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression) // its header has no name and no time
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = sorted(files, func(f file, content []byte) error {
		h := &tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(content)), ModTime: at, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(content)
		return err
	})
	return errors.Join(err, t.Close(), z.Close())
}

// zipped is the same for Windows.
func zipped(w io.Writer, files []file, at time.Time) error {
	z := zip.NewWriter(w)
	err := sorted(files, func(f file, content []byte) error {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(f.mode)
		to, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = to.Write(content)
		return err
	})
	return errors.Join(err, z.Close())
}

// summed is a file's SHA-256 in hexadecimal, and its size.
func summed(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
