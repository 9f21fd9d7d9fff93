package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"mlbench/runner/image"
)

func blobName(digest string) string { return "blobs/" + strings.ReplaceAll(digest, ":", "/") }

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// An entry is a file of an archive, or a link.
type entry struct {
	name    string
	content []byte
	link    string
}

func archiveOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.content)), Mode: 0o644}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		err := out.WriteHeader(h)
		if err == nil {
			_, err = out.Write(e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func configOf(t testing.TB, layers ...[]byte) []byte {
	t.Helper()
	ids := []string{}
	for _, l := range layers {
		ids = append(ids, digest(l))
	}
	return encoded(t, map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2001-01-01T00:00:00Z", "big": 12345678901234567,
		"config": map[string]any{"Cmd": []string{"/a"}, "Labels": map[string]string{"mine": "stays"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(b, nil)
}

// TestSaved copies images from the archives of several engines.
func TestSaved(t *testing.T) {
	first := layerOf(t, file{name: "a", content: "first"})
	second := layerOf(t, file{name: "{", content: "second"}, file{name: ".wh.a"})
	empty := layerOf(t)
	blob := func(b []byte) entry { return entry{name: blobName(digest(b)), content: b} }
	described := func(config string, layers ...string) entry {
		return entry{name: "manifest.json", content: encoded(t, []map[string]any{{"Config": config, "RepoTags": nil, "Layers": layers}})}
	}
	legacy := configOf(t, first, second, empty, first)
	oci := configOf(t, first, second)
	squeezed, squeezedMore := gzipped(t, first), zstandard(t, second)
	manifestOf := func(config []byte, layers ...[]byte) []byte {
		var d []descriptor
		for _, l := range layers {
			d = append(d, descriptor{Digest: digest(l), Size: int64(len(l))})
		}
		return encoded(t, map[string]any{"schemaVersion": 2, "config": descriptor{Digest: digest(config)}, "layers": d})
	}
	containerd := manifestOf(oci, squeezed, squeezedMore)
	index := encoded(t, map[string]any{"schemaVersion": 2, "manifests": []descriptor{
		{Digest: digest([]byte("other")), Platform: &image.Platform{Architecture: "arm64", OS: "linux"}},
		{Digest: digest(containerd), Platform: &image.Platform{Architecture: "amd64", OS: "linux"}},
		{Digest: digest([]byte("attestation")), Platform: &image.Platform{Architecture: "unknown", OS: "unknown"}},
	}})
	for _, test := range []struct {
		name    string
		archive []byte
		id      string
		layers  [][]byte
		err     string
	}{
		{name: "20.10", id: digest(legacy), layers: [][]byte{first, second, empty, first}, archive: archiveOf(t,
			entry{name: "1/VERSION", content: []byte("1.0")}, entry{name: "1/json", content: []byte("{}")}, entry{name: "1/layer.tar", content: first},
			entry{name: "2/layer.tar", content: second}, entry{name: "3/layer.tar", content: empty}, entry{name: "4/layer.tar", link: "../1/layer.tar"},
			entry{name: "config.json", content: legacy}, described("config.json", "1/layer.tar", "2/layer.tar", "3/layer.tar", "4/layer.tar"))},
		{name: "25", id: digest(oci), layers: [][]byte{first, second}, archive: archiveOf(t, blob(first), blob(oci), blob(second),
			entry{name: "index.json", content: []byte("{}")}, described(blobName(digest(oci)), blobName(digest(first)), blobName(digest(second))))},
		{name: "containerd store, by manifest", id: digest(containerd), layers: [][]byte{first, second}, archive: archiveOf(t,
			blob(squeezed), blob(oci), blob(squeezedMore), blob(containerd), described(blobName(digest(oci)), blobName(digest(squeezed)), blobName(digest(squeezedMore))))},
		{name: "containerd store, by index", id: digest(index), layers: [][]byte{first, second}, archive: archiveOf(t,
			described(blobName(digest(oci))), blob(index), blob(squeezed), blob(oci), blob(squeezedMore), blob(containerd))},
		{name: "no layers", id: digest(configOf(t)), archive: archiveOf(t, entry{name: "c", content: configOf(t)}, described("c"))},
		{name: "another image", id: digest([]byte("x")), archive: archiveOf(t, blob(oci), described(blobName(digest(oci)))), err: "is not in it"},
		{name: "a layer is missing", id: digest(oci), archive: archiveOf(t, blob(first), blob(oci), described(blobName(digest(oci)), blobName(digest(first)), "gone")), err: "its layer gone is missing"},
		{name: "a layer too few", id: digest(oci), archive: archiveOf(t, blob(first), blob(oci), described(blobName(digest(oci)), blobName(digest(first)))), err: "has 1 layers and its configuration names 2"},
		{name: "another layer", id: digest(oci), archive: archiveOf(t, blob(first), blob(oci), described(blobName(digest(oci)), blobName(digest(first)), blobName(digest(first)))), err: "is not what its configuration names"},
		{name: "a link to itself", id: digest(oci), archive: archiveOf(t, blob(first), blob(oci), entry{name: "l", link: "l"}, described(blobName(digest(oci)), blobName(digest(first)), "l")), err: "its layer l is missing"},
		{name: "nothing", archive: archiveOf(t), err: "manifest.json"},
		{name: "cut off", archive: archiveOf(t, blob(first), blob(oci))[:1500], err: "unexpected EOF"},
		{name: "cut off in compressed", archive: archiveOf(t, entry{name: "x", content: squeezed[:len(squeezed)/2]}), err: "unexpected EOF"},
		{name: "no archive", archive: []byte(strings.Repeat("{}", 600)), err: "invalid tar header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			to, err := newCopier(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			copied, err := func() (imageCopy, error) {
				found, err := image.ScanArchive(t.Context(), bytes.NewReader(test.archive), to.layer)
				if err != nil {
					return imageCopy{}, err
				}
				config, layers, err := found.Image(test.id, "amd64")
				if err != nil {
					return imageCopy{}, err
				}
				return to.image(config, layers, map[string]string{"ours": "too"})
			}()
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				if left, _ := filepath.Glob(filepath.Join(to.dir, "new-*")); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkCopy(t, to, copied, test.layers)
		})
	}
}

// checkCopy checks that the layers of a copy are those, each after the salt.
func checkCopy(t *testing.T, c *copier, copied imageCopy, layers [][]byte) {
	t.Helper()
	var config struct {
		Created string
		Big     int64
		Config  struct {
			Cmd    []string
			Labels map[string]string
		}
		RootFS struct {
			Type    string
			DiffIDs []string `json:"diff_ids"`
		}
	}
	read := func(digest string) []byte {
		b, err := os.ReadFile(filepath.Join(c.dir, digest))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := json.Unmarshal(read(copied.config), &config); err != nil {
		t.Fatal(err)
	}
	if config.Created != "2001-01-01T00:00:00Z" || config.Big != 12345678901234567 || config.Config.Cmd[0] != "/a" ||
		config.Config.Labels["mine"] != "stays" || config.Config.Labels["ours"] != "too" {
		t.Errorf("configuration %+v", config)
	}
	if len(copied.layers) != len(layers) || len(config.RootFS.DiffIDs) != len(layers) {
		t.Fatalf("%d layers, %d of them in the configuration, want %d", len(copied.layers), len(config.RootFS.DiffIDs), len(layers))
	}
	for i, l := range copied.layers {
		blob := read(l.Digest)
		if digest(blob) != l.Digest || int64(len(blob)) != l.Size {
			t.Errorf("layer %d is not what the manifest says", i)
		}
		z, err := gzip.NewReader(bytes.NewReader(blob))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if digest(b) != config.RootFS.DiffIDs[i] {
			t.Errorf("layer %d is not what the configuration says", i)
		}
		if plain, ok := bytes.CutPrefix(b, c.salt); !ok || !bytes.Equal(plain, layers[i]) {
			t.Errorf("layer %d is another", i)
		}
	}
}

func FuzzSaved(f *testing.F) {
	layer := layerOf(f, file{name: "a", content: "first"})
	config := configOf(f, layer)
	f.Add(archiveOf(f, entry{name: "1/layer.tar", content: layer}, entry{name: "2/layer.tar", link: "../1/layer.tar"}, entry{name: "config.json", content: config},
		entry{name: "manifest.json", content: encoded(f, []map[string]any{{"Config": "config.json", "Layers": []string{"2/layer.tar"}}})}), digest(config))
	f.Fuzz(func(_ *testing.T, b []byte, id string) {
		saved, err := image.ScanArchive(context.Background(), bytes.NewReader(b), func(r io.Reader) (layerCopy, error) {
			_, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			return layerCopy{}, err
		})
		if err == nil {
			_, _, _ = saved.Image(id, "amd64")
		}
	})
}
