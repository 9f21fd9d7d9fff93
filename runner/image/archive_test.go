package image

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
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

func sha(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// tarOf packs headers, and after each as many bytes as it says.
func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		err := out.WriteHeader(&h)
		if err == nil {
			_, err = out.Write(bytes.Repeat([]byte("x"), int(h.Size)))
		}
		if err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reg(name string, size int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size}
}
func dir(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
func hard(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}
func soft(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func configOf(t testing.TB, arch string, layers ...[]byte) []byte {
	t.Helper()
	ids := []string{}
	for _, l := range layers {
		ids = append(ids, sha(l))
	}
	return encoded(t, map[string]any{
		"architecture": arch, "os": "linux", "config": map[string]any{"Env": []string{"A=b"}},
		"history": []map[string]any{{"created_by": "ENV A=b", "empty_layer": true}, {"created_by": "ADD first"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": ids},
	})
}

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

func blob(b []byte) entry { return entry{name: blobName(sha(b)), content: b} }

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

type described struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// saved is an archive of one image with these layers, as docker 20.10 packs it.
func saved(t testing.TB, layers ...[]byte) []byte {
	t.Helper()
	var entries []entry
	d := described{Config: "c.json", RepoTags: []string{"one:tag"}}
	for i, l := range layers {
		d.Layers = append(d.Layers, fmt.Sprintf("%d/layer.tar", i))
		entries = append(entries, entry{name: d.Layers[i], content: l})
	}
	return archiveOf(t, append(entries, entry{name: "c.json", content: configOf(t, runtime.GOARCH, layers...)},
		entry{name: "manifest.json", content: encoded(t, []described{d})})...)
}

func manifestOf(t testing.TB, config []byte, layers ...[]byte) []byte {
	var d []Descriptor
	for _, l := range layers {
		d = append(d, Descriptor{Digest: sha(l), Size: int64(len(l))})
	}
	return encoded(t, map[string]any{"schemaVersion": 2, "config": Descriptor{Digest: sha(config)}, "layers": d})
}

func paths(x *Index) string {
	var all []string
	for _, f := range x.Files {
		all = append(all, fmt.Sprintf("%d:%s", f.Layer, f.Path))
	}
	return strings.Join(all, " ")
}

func TestReadArchive(t *testing.T) {
	first, second := tarOf(t, dir("a"), reg("a/b", 700)), tarOf(t, reg("a/.wh.b", 0), reg("c", 1))
	config := configOf(t, runtime.GOARCH, first, second)
	other := configOf(t, "other", first)
	zip1, zip2 := gzipped(t, first), zstandard(t, second)
	one, foreign := manifestOf(t, config, zip1, zip2), manifestOf(t, other, first)
	attested := configOf(t, "unknown")
	attestation := manifestOf(t, attested)
	platforms := encoded(t, manifest{Manifests: []Descriptor{
		{Digest: sha(attestation), Platform: &Platform{"unknown", "unknown"}, Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}},
		{Digest: sha([]byte("not here")), Platform: &Platform{"s390x", "linux"}},
		{Digest: sha(foreign), Platform: &Platform{"other", "linux"}},
		{Digest: sha(one), Platform: &Platform{runtime.GOARCH, "linux"}},
	}})
	index := entry{name: "index.json", content: encoded(t, manifest{Manifests: []Descriptor{
		{Digest: sha(platforms), Annotations: map[string]string{"org.opencontainers.image.ref.name": "tag", "io.containerd.image.name": "docker.io/library/one:tag"}},
	}})}
	oci := archiveOf(t, entry{name: "oci-layout", content: []byte(`{}`)}, index, blob(zip1), blob(config), blob(zip2), blob(first), blob(one), blob(other), blob(foreign),
		blob(attested), blob(attestation), blob(platforms))
	two := archiveOf(t, entry{name: "1/layer.tar", content: first}, entry{name: "2/layer.tar", link: "../1/layer.tar"}, entry{name: "3/layer.tar", content: second},
		entry{name: "one.json", content: config}, entry{name: "two.json", content: other},
		entry{name: "manifest.json", content: encoded(t, []described{
			{"one.json", []string{"one:tag"}, []string{"1/layer.tar", "3/layer.tar"}}, {"two.json", []string{"registry.example/two:latest"}, []string{"2/layer.tar"}}})})
	const onePaths, otherPaths = "0:a 0:a/b 1:a 1:a/b 1:c", "0:a 0:a/b"
	for _, test := range []struct {
		name    string
		archive []byte
		want    string
		paths   string
		packed  int64
		err     string
	}{
		{name: "the only one", archive: saved(t, first, second), paths: onePaths},
		{name: "compressed as a whole", archive: gzipped(t, saved(t, first, second)), paths: onePaths},
		{name: "by name", archive: two, want: "one:tag", paths: onePaths},
		{name: "by full name", archive: two, want: "docker.io/library/one:tag", paths: onePaths},
		{name: "by short name", archive: two, want: "registry.example/two", paths: otherPaths},
		{name: "by ID", archive: two, want: sha(other), paths: otherPaths},
		{name: "by short ID", archive: two, want: sha(other)[7:19], paths: otherPaths},
		{name: "which", archive: two, err: `there are several images in it: name one of "one:tag", "registry.example/two:latest"`},
		{name: "neither", archive: two, want: "three", err: `"three" is not in it, only "one:tag", "registry.example/two:latest"`},
		{name: "OCI", archive: oci, paths: onePaths, packed: int64(len(zip1) + len(zip2))},
		{name: "OCI by name", archive: oci, want: "one:tag", paths: onePaths, packed: int64(len(zip1) + len(zip2))},
		{name: "OCI by index", archive: oci, want: "one@" + sha(platforms), paths: onePaths, packed: int64(len(zip1) + len(zip2))},
		{name: "OCI, another platform's", archive: oci, want: sha(foreign), paths: otherPaths},
		{name: "empty", err: "it is empty"},
		{name: "no archive", archive: []byte(strings.Repeat("{}", 600)), err: "invalid tar header"},
		{name: "no image", archive: archiveOf(t), err: "there is no image in it"},
		{name: "a layer's own tar", archive: first, err: "there is no image in it"},
		{name: "cut off in a layer", archive: two[:1000], err: "it is cut off"},
		{name: "cut off in the compressed", archive: archiveOf(t, entry{name: "x", content: zip1[:len(zip1)-3]}), err: "it is cut off"},
		{name: "another layer", archive: archiveOf(t, entry{name: "l", content: second}, entry{name: "two.json", content: other},
			entry{name: "manifest.json", content: encoded(t, []described{{"two.json", nil, []string{"l"}}})}), err: "is not what its configuration names"},
		{name: "a blob of another name", archive: archiveOf(t, index, entry{name: blobName(sha(platforms)), content: one}), err: "is not what it is called"},
		{name: "garbage", archive: archiveOf(t, entry{name: "manifest.json", content: []byte("[1")}), err: "manifest.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, err := ReadArchive(t.Context(), bytes.NewReader(test.archive), test.want, Options{Digests: true})
			if test.err != "" {
				if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := paths(x); got != test.paths {
				t.Errorf("files %s, want %s", got, test.paths)
			}
			if packed, ok := x.CompressedBytes(); packed != test.packed || ok != (test.packed > 0) {
				t.Errorf("%d bytes compressed, %v, want %d", packed, ok, test.packed)
			}
			if want := fmt.Sprintf("%x", sha256.Sum256(bytes.Repeat([]byte("x"), 700))); x.Files[1].Digest != want || x.Files[1].Size != 700 {
				t.Errorf("file %+v, want digest %s", x.Files[1], want)
			}
			if x.Layers[0].CreatedBy != "ADD first" || x.Config.Run.Env[0] != "A=b" || x.Layers[0].DiffID != sha(first) {
				t.Errorf("%+v, layer %+v", x.Config, x.Layers[0])
			}
		})
	}
}

// What goes wrong outside of an archive is not said to be wrong with it.
func TestReadArchiveFails(t *testing.T) {
	archive := saved(t, tarOf(t, reg("a", 10)))
	broken := errors.New("the disk is gone")
	_, err := ReadArchive(t.Context(), io.MultiReader(bytes.NewReader(archive[:1000]), iotest.ErrReader(broken)), "", Options{})
	if !errors.Is(err, broken) || errors.Is(err, ErrMalformed) {
		t.Errorf("error %v, want %v", err, broken)
	}
	look := errors.New("seen enough")
	_, err = ReadArchive(t.Context(), bytes.NewReader(archive), "", Options{Look: func(string, int64) func(io.Reader) error {
		return func(io.Reader) error { return look }
	}})
	if !errors.Is(err, look) || errors.Is(err, ErrMalformed) {
		t.Errorf("error %v, want %v", err, look)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	never, _ := io.Pipe()
	cancel(look)
	if _, err = ReadArchive(ctx, never, "", Options{}); !errors.Is(err, look) {
		t.Errorf("error %v, want %v", err, look)
	}
}

// TestLook reads some of a file, and the rest of the archive is none the worse.
func TestLook(t *testing.T) {
	var seen []string
	x, err := ReadArchive(t.Context(), bytes.NewReader(saved(t, tarOf(t, reg("a", 1000), hard("b", "a"), reg("c", 5)))), "", Options{Digests: true,
		Look: func(path string, size int64) func(io.Reader) error {
			if path == "c" {
				return nil
			}
			return func(content io.Reader) error {
				b := make([]byte, 3)
				_, err := io.ReadFull(content, b)
				seen = append(seen, fmt.Sprintf("%s %d %s", path, size, b))
				return err
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, ", "); got != "a 1000 xxx" {
		t.Errorf("looked at %s", got)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(bytes.Repeat([]byte("x"), 1000))); x.Files[0].Digest != want || x.Files[1].Digest != want {
		t.Errorf("digests %+v, want %s", x.Files, want)
	}
}
