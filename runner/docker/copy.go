package docker

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mlbench/runner/image"
)

// Media types of what a copy is made of, which every engine knows.
const (
	typeManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeConfig   = "application/vnd.docker.container.image.v1+json"
	typeLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

type descriptor = image.Descriptor

// A copier writes copies of images whose layers no engine has: each begins
// with a comment of its own, so its digests are others, and the files are the
// same. With the layers as they are, the user's image would have to be removed
// for a pull to be one, and others that hold its layers too.
type copier struct {
	dir  string // where blobs are written, by their digests
	salt []byte // what a copied layer begins with; one for all, so that layers that images share stay shared
}

func newCopier(dir string) (*copier, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	name := "mlbench-" + hex.EncodeToString(id)
	var salt bytes.Buffer
	out := tar.NewWriter(&salt)
	// A global header (POSIX pax) holds for what follows it; of comments it
	// says that they are ignored, and engines ignore such headers as a whole.
	// Should one of them look its name up, there is no such file.
	err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: name, PAXRecords: map[string]string{"comment": name}})
	if err == nil {
		err = out.Flush()
	}
	return &copier{dir, salt.Bytes()}, err
}

// A layerCopy is a layer as a copier has written it.
type layerCopy struct {
	diffID string // digest of the tar
	blob   descriptor
}

// layer copies a layer.
func (c *copier) layer(r io.Reader) (copied layerCopy, err error) {
	diff := sha256.New()
	blob, err := c.write(func(w io.Writer) error {
		return compress(w, io.TeeReader(io.MultiReader(bytes.NewReader(c.salt), r), diff))
	})
	blob.MediaType = typeLayer
	return layerCopy{fmt.Sprintf("sha256:%x", diff.Sum(nil)), blob}, err
}

// write makes a blob of what fill writes.
func (c *copier) write(fill func(io.Writer) error) (d descriptor, err error) {
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return d, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has another name by then if all went well
	sum := sha256.New()
	err = fill(io.MultiWriter(f, sum))
	size, tellErr := f.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, tellErr, f.Close()); err != nil {
		return d, err
	}
	d = descriptor{Digest: fmt.Sprintf("sha256:%x", sum.Sum(nil)), Size: size}
	return d, os.Rename(f.Name(), filepath.Join(c.dir, d.Digest))
}

// image writes the configuration and the manifest of a copy.
func (c *copier) image(config []byte, layers []image.ArchiveLayer[layerCopy], labels map[string]string) (copied imageCopy, err error) {
	m := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{2, typeManifest, descriptor{}, []descriptor{}}
	diffIDs := []string{}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Made.blob)
		diffIDs = append(diffIDs, l.Made.diffID)
		copied.size += l.Made.blob.Size
	}
	if config, err = rewritten(config, diffIDs, labels); err != nil {
		return copied, err
	}
	if m.Config, err = c.write(content(config)); err != nil {
		return copied, err
	}
	m.Config.MediaType = typeConfig
	b, err := json.Marshal(m)
	if err != nil {
		return copied, err
	}
	d, err := c.write(content(b))
	copied.manifest, copied.config, copied.layers = d.Digest, m.Config.Digest, m.Layers
	return copied, err
}

// An imageCopy is an image as a copier has written it.
type imageCopy struct {
	manifest string // its digest
	config   string // its configuration's
	layers   []descriptor
	size     int64 // of the layers, compressed
}

func content(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// rewritten is an image's configuration with other layers and more labels, and
// all else as it was.
func rewritten(config []byte, diffIDs []string, labels map[string]string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	var whole map[string]any
	if err := d.Decode(&whole); err != nil {
		return nil, fmt.Errorf("its configuration: %w", err)
	}
	part := func(of map[string]any, name string) map[string]any {
		p, ok := of[name].(map[string]any)
		if !ok {
			p = make(map[string]any)
			of[name] = p
		}
		return p
	}
	all := part(part(whole, "config"), "Labels")
	for k, v := range labels {
		all[k] = v
	}
	rootfs := part(whole, "rootfs")
	rootfs["type"], rootfs["diff_ids"] = "layers", diffIDs
	return json.Marshal(whole)
}
