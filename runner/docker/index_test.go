package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/image"
)

// strangeLayer packs headers, each with some content of its own if it is a file.
func strangeLayer(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, h := range headers {
		var content []byte
		if h.ModTime = time.Unix(mtime, 0); h.Typeflag == tar.TypeReg && !strings.Contains(h.Name, ".wh.") { // which engines only know empty
			content = []byte(strings.Repeat(h.Name, 3))
			h.Size = int64(len(content))
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		err := out.WriteHeader(&h)
		if err == nil {
			_, err = out.Write(content)
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

// strangeLayers hold one of everything that layers may hold.
func strangeLayers(t testing.TB) [][]byte {
	long := strings.Repeat(strings.Repeat("long", 30)+"/", 8)
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name} }
	reg := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name} }
	link := func(name, to string) tar.Header { return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to} }
	symlink := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	repeated := strangeLayer(t, dir("same"), reg("same/again"))
	return [][]byte{
		strangeLayer(t, dir("./"), dir("bin/"), tar.Header{Typeflag: tar.TypeReg, Name: "bin/su", Mode: 0o4755, Uid: 1, Gid: 2}, reg("/absolute"),
			tar.Header{Typeflag: tar.TypeDir, Name: "tmp", Mode: 0o1777}, reg("not/named/before"),
			reg("not-utf8-\xff\xfe"), reg(long+"end"), dir("links"), symlink("links/up", "../bin/su"), symlink("links/loop", "loop"), symlink("links/nowhere", "/"+long), dir("usr/lib"), symlink("lib", "usr/lib"), reg("lib/through-a-link"),
			tar.Header{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o600}, tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3, Mode: 0o666}, tar.Header{Typeflag: tar.TypeBlock, Name: "disk", Devmajor: 7, Mode: 0o660},
			dir("hard"), reg("hard/m"), link("hard/z", "hard/m"), link("hard/a", "hard/m"), tar.Header{Typeflag: tar.TypeLink, Name: "hard/b", Linkname: "hard/z", Mode: 0o640, Uid: 5, Gid: 6},
			reg("hard/hidden-1"), link("hard/seen-2", "hard/hidden-1"), link("hard/hidden-3", "hard/hidden-1"), link("links/hard", "links/up"),
			dir("emptied"), reg("emptied/a"), dir("emptied/b"), reg("emptied/b/c"), dir("removed"), reg("removed/a"), dir("to-file"), reg("to-file/a"), reg("to-dir"),
			dir("var/lib/dpkg"), reg("var/lib/dpkg/status"), dir("a"), reg("a-b"), reg("a/b"), dir("there-again"), reg("there-again/a"), reg("to-file-again"), reg("quote\"\n\x1b[31m")),
		strangeLayer(t, reg("bin/.wh.su"), dir("emptied"), reg("emptied/.wh..wh..opq"), reg("emptied/new"), reg(".wh.removed"), reg("to-file"), dir("to-dir"), reg("to-dir/a"),
			reg("hard/.wh.hidden-1"), reg("hard/.wh.hidden-3"), reg(".wh.never-was"), reg(".wh.there-again"), dir("there-again"), reg("there-again/b"), reg(".wh.to-file-again"), reg("to-file-again"), dir("var/lib/dpkg"), reg("var/lib/dpkg/status")),
		repeated,
		strangeLayer(t, reg("a"), reg("same/.wh.again")),
		repeated,
		strangeLayer(t),
	}
}

// TestIndexSources reads images from their layers' folders and from the save
// stream: both say the same.
func TestIndexSources(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	ref := "mlbench-test/strange:" + r.session
	config := map[string]any{"Env": []string{"A=b"}, "User": "nobody", "Labels": map[string]string{"mlbench.port": "80"}, "Healthcheck": map[string]any{"Test": []string{"CMD", "true"}}}
	loadArchive(t, r, ref, archived(t, ref, r.arch, config, strangeLayers(t)...))
	empty := "mlbench-test/empty:" + r.session
	loadArchive(t, r, empty, archived(t, empty, r.arch, config))
	refs := []string{ref, fixtureImage(t, "EXPOSE 8080", "LABEL a=b")}
	if _, err := r.inspectImage(t.Context(), "fastapi-sklearn:optimized"); err == nil { // `make images`
		refs = append(refs, "fastapi-sklearn:optimized")
	}
	for _, ref := range refs {
		img, err := r.inspect(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		opts := image.Options{Digests: true}
		folders, err := r.indexFolders(t.Context(), img, opts)
		if err != nil {
			t.Skip("needs overlay2 and root: ", err)
		}
		saved, err := r.indexSaved(t.Context(), img, opts)
		if err != nil {
			t.Fatal(err)
		}
		if folders.UnpackedBytes() != img.Size {
			t.Errorf("%s: %d bytes, and the engine says %d", ref, folders.UnpackedBytes(), img.Size)
		}
		for _, d := range differences(folders, saved) {
			t.Errorf("%s: %s", ref, d)
		}
	}
	testReports(t, r, ref)
	// The engine does not send an image without layers.
	if x, err := r.Index(t.Context(), empty, image.Options{}); err != nil || x.UnpackedBytes() != 0 || x.Config.Run.User != "nobody" {
		t.Errorf("%+v, %v", x, err)
	}
	x, err := r.Index(t.Context(), ref, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if x.Ref != ref || !slices.Equal(x.Config.Run.Env, []string{"A=b"}) {
		t.Errorf("%s, %+v", x.Ref, x.Config)
	}
	if got := string(x.Content("var/lib/dpkg/status")); got != strings.Repeat("var/lib/dpkg/status", 3) {
		t.Errorf("content %q", got)
	}
	for path, hidden := range map[string]bool{
		"bin/su": true, "emptied/a": true, "emptied/b/c": true, "removed/a": true, "to-file/a": true, "to-dir": true, "hard/hidden-1": true, "a/b": true,
		"to-file-again": true, "there-again/a": false, // as overlayfs has it
		"a-b": false, "hard/seen-2": false, "usr/lib/through-a-link": false,
	} {
		i := slices.IndexFunc(x.Files, func(f image.File) bool { return f.Path == path && f.Layer == 0 })
		if i < 0 || x.Files[i].Visible() == hidden {
			t.Errorf("%s at %d: hidden should be %v", path, i, hidden)
			continue
		}
		if path == "hard/seen-2" && x.Files[i].Kind != image.Regular || path == "hard/hidden-1" && x.Files[i].Wasted() != 0 {
			t.Errorf("what is seen under one name is wasted under another: %+v", x.Files[i])
		}
	}
}

// testReports inspects an image from its layers' folders, from what docker save
// writes, and from an OCI layout with compressed layers: the reports are equal but
// for the compressed bytes.
func testReports(t *testing.T, r *Runner, ref string) {
	t.Helper()
	answer, err := r.cli.ImageSave(t.Context(), []string{ref})
	if err != nil {
		t.Fatal(err)
	}
	saved, err := io.ReadAll(answer)
	if err := cmp.Or(err, answer.Close()); err != nil {
		t.Fatal(err)
	}
	a, err := image.ScanArchive(t.Context(), bytes.NewReader(saved), io.ReadAll)
	if err != nil {
		t.Fatal(err)
	}
	config, layers, err := a.Image(ref, r.arch)
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	add := func(b []byte) descriptor {
		entries = append(entries, entry{name: blobName(digest(b)), content: b})
		return descriptor{Digest: digest(b), Size: int64(len(b))}
	}
	manifest := map[string]any{"schemaVersion": 2, "config": add(config)}
	var packed []descriptor
	var sum int64
	for i, l := range layers {
		d := add([][]byte{gzipped(t, l.Made), zstandard(t, l.Made)}[i%2])
		packed, sum = append(packed, d), sum+d.Size
	}
	manifest["layers"] = packed
	named := add(encoded(t, manifest))
	named.Annotations = map[string]string{"io.containerd.image.name": ref}
	entries = append(entries, entry{name: "index.json", content: encoded(t, map[string]any{"schemaVersion": 2, "manifests": []descriptor{named}})})

	folders, err := r.Index(t.Context(), ref, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := encoded(t, image.Describe(folders, folders.Owners()))
	for name, archive := range map[string][]byte{"docker save": saved, "OCI layout": archiveOf(t, entries...)} {
		x, err := image.ReadArchive(t.Context(), bytes.NewReader(archive), "", image.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		report := image.Describe(x, x.Owners())
		if name == "OCI layout" {
			if report.CompressedBytes == nil || *report.CompressedBytes != sum {
				t.Errorf("%s: %v compressed bytes, want %d", name, report.CompressedBytes, sum)
			}
			report.CompressedBytes = nil
			for i := range report.Layers {
				report.Layers[i].CompressedBytes = 0
			}
		}
		if got := encoded(t, report); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s\nfolders:\n%s", name, got, want)
		}
	}
}

// differences between two indexes, the first of them.
func differences(a, b *image.Index) (all []string) {
	differ := func(what string, a, b any) {
		if !reflect.DeepEqual(a, b) && len(all) < 20 {
			all = append(all, fmt.Sprintf("%s: %+v and %+v", what, a, b))
		}
	}
	differ("configuration", a.Config, b.Config)
	differ("layers", a.Layers, b.Layers)
	differ("warnings", a.Warnings, b.Warnings)
	differ("files", len(a.Files), len(b.Files))
	for i := range min(len(a.Files), len(b.Files)) {
		differ("file", a.Files[i], b.Files[i])
		differ("content of "+a.Files[i].Path, a.ContentOf(i), b.ContentOf(i))
	}
	return all
}

// TestIndexFails says what to do about images that are not there, or not any
// more.
func TestIndexFails(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	_, err := r.Index(t.Context(), "127.0.0.1:1/mlbench-test/none", image.Options{})
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(fmt.Sprint(err), "is not here and cannot be pulled") {
		t.Errorf("an image that is nowhere: %v", err)
	}
	if _, err = r.Index(t.Context(), "No Image", image.Options{}); !errors.Is(err, runner.ErrUsage) {
		t.Errorf("no name of an image: %v", err)
	}
	ref := "mlbench-test/removed:" + r.session
	loadArchive(t, r, ref, archived(t, ref, r.arch, map[string]any{"Cmd": []string{"/" + r.session}}, layerOf(t, file{name: "a", content: r.session})))
	_, err = r.Index(t.Context(), ref, image.Options{Look: func(string, int64) func(io.Reader) error {
		removeImage(t, r, ref)
		return func(in io.Reader) error { _, err := io.ReadAll(in); return cmp.Or(err, io.ErrUnexpectedEOF) }
	}})
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(fmt.Sprint(err), "removed meanwhile") {
		t.Errorf("an image that is removed while it is read: %v", err)
	}
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	if _, err = r.Index(cancelled, ref, image.Options{}); !errors.Is(err, errTest) {
		t.Errorf("cancelled: %v", err)
	}
}
