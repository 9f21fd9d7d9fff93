package docker

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Bounds of what an archive of images may hold beside layers, and of how many
// links lead to one.
const (
	maxDocuments = 64 << 20
	maxLinks     = 8
)

// saved is what an engine's save call sends, in either layout: that of
// the graph drivers up to 24 (ID/layer.tar, some of them links to others) or
// the OCI layout. It is read as it comes, so that it is never on the disk.
type saved struct {
	documents map[string][]byte
	layers    map[string]layer
	links     map[string]string
}

// A layer is one of an archive, and what became of it.
type layer struct {
	diffID string // digest of the tar, as the archive had it
	copied layerCopy
}

// readSaved reads an archive to its end. keep is called with the tar of
// every layer, uncompressed, and has to read all of it.
func readSaved(r io.Reader, keep func(tar io.Reader) (layerCopy, error)) (*saved, error) {
	a := &saved{make(map[string][]byte), make(map[string]layer), make(map[string]string)}
	documents := 0
	for files := tar.NewReader(r); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeSymlink:
			a.links[name] = path.Join(path.Dir(name), header.Linkname)
			continue
		case tar.TypeLink:
			a.links[name] = path.Clean(header.Linkname)
			continue
		case tar.TypeReg:
		default:
			continue
		}
		content := bufio.NewReaderSize(files, 64<<10)
		head, _ := content.Peek(512) // shorter for a short file
		plain, err := unpacked(head, content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if plain != nil {
			sum := sha256.New()
			copied, err := keep(io.TeeReader(plain, sum))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			a.layers[name] = layer{fmt.Sprintf("sha256:%x", sum.Sum(nil)), copied}
			continue
		}
		b, err := io.ReadAll(io.LimitReader(content, int64(maxDocuments-documents+1)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if documents += len(b); documents > maxDocuments {
			return nil, fmt.Errorf("over %d MiB of documents", maxDocuments>>20)
		}
		a.documents[name] = b
	}
}

// unpacked is the tar in a file of an archive that begins with head; nil for a
// file that is no layer. Names do not tell which are: in the OCI layout, all
// are digests.
func unpacked(head []byte, content io.Reader) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(content)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(content, zstd.WithDecoderConcurrency(1)) // which needs no Close
		return z, err
	}
	if len(head) < 512 {
		return nil, nil
	}
	// The header's check sum decides; what may be wrong after it does not.
	if _, err := tar.NewReader(bytes.NewReader(head)).Next(); errors.Is(err, tar.ErrHeader) {
		return nil, nil
	}
	return content, nil
}

// A descriptor names a blob (OCI image specification).
type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int64     `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// image finds an image by its ID: its configuration, and its layers from the
// lowest on.
func (a *saved) image(id, arch string) (config []byte, layers []layer, err error) {
	var described []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(a.documents["manifest.json"], &described); err != nil {
		return nil, nil, fmt.Errorf("manifest.json: %w", err)
	}
	for _, d := range described {
		config, ok := a.documents[path.Clean(d.Config)]
		if ok && fmt.Sprintf("sha256:%x", sha256.Sum256(config)) == id {
			layers, err := a.ordered(config, d.Layers)
			return config, layers, err
		}
	}
	// The containerd image store calls an image by its manifest or index.
	found, err := a.manifest(id, arch)
	if err != nil {
		return nil, nil, err
	}
	config, ok := a.documents[blobName(found.Config.Digest)]
	if !ok {
		return nil, nil, fmt.Errorf("the configuration %s is missing", found.Config.Digest)
	}
	var names []string
	for _, l := range found.Layers {
		names = append(names, blobName(l.Digest))
	}
	layers, err = a.ordered(config, names)
	return config, layers, err
}

func blobName(digest string) string {
	return "blobs/" + strings.ReplaceAll(digest, ":", "/")
}

// A manifest is an image's, or an index of such.
type manifest struct {
	Config    descriptor
	Layers    []descriptor
	Manifests []descriptor
}

// manifest follows the index from this digest to the manifest of an image for
// linux on this architecture.
func (a *saved) manifest(digest, arch string) (manifest, error) {
	for range maxLinks {
		b, ok := a.documents[blobName(digest)]
		if !ok {
			break
		}
		var m manifest
		if err := json.Unmarshal(b, &m); err != nil {
			return m, fmt.Errorf("%s: %w", digest, err)
		}
		if len(m.Manifests) == 0 {
			return m, nil
		}
		digest = ""
		for _, d := range m.Manifests {
			if d.Platform != nil && d.Platform.OS == "linux" && d.Platform.Architecture == arch {
				digest = d.Digest
				break
			}
		}
	}
	return manifest{}, errors.New("it is not in the engine's answer")
}

// ordered are the layers of these names, checked against the configuration.
func (a *saved) ordered(config []byte, names []string) ([]layer, error) {
	var c struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("its configuration: %w", err)
	}
	if len(c.RootFS.DiffIDs) != len(names) {
		return nil, fmt.Errorf("it has %d layers and its configuration names %d", len(names), len(c.RootFS.DiffIDs))
	}
	var layers []layer
	for i, name := range names {
		name = path.Clean(name)
		for range maxLinks {
			if to, ok := a.links[name]; ok {
				name = to
			}
		}
		l, ok := a.layers[name]
		if !ok {
			return nil, fmt.Errorf("its layer %s is missing", name)
		}
		if l.diffID != c.RootFS.DiffIDs[i] {
			return nil, fmt.Errorf("its layer %s is not what its configuration names: found %s, want %s", name, l.diffID, c.RootFS.DiffIDs[i])
		}
		layers = append(layers, l)
	}
	return layers, nil
}
