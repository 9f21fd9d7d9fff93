package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 23, 6, 48, 18, 0, time.UTC)

// TestArchivesAreTheSame whatever order and times the files have, and whoever
// owns them.
func TestArchivesAreTheSame(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for i, folder := range []string{one, other} {
		for _, name := range []string{"mlbench", "a.1"} {
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, []byte(name), fs.FileMode(0o600+i*0o44)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, pack := range map[string]func(io.Writer, []file, time.Time) error{"tar": tarball, "zip": zipped} {
		var a, b bytes.Buffer
		err := errors.Join(
			pack(&a, []file{{name: "x/mlbench", from: filepath.Join(one, "mlbench"), mode: 0o755}, {name: "x/a.1", from: filepath.Join(one, "a.1"), mode: 0o644}}, at),
			pack(&b, []file{{name: "x/a.1", from: filepath.Join(other, "a.1"), mode: 0o644}, {name: "x/mlbench", from: filepath.Join(other, "mlbench"), mode: 0o755}}, at.In(time.FixedZone("east", 3600))),
		)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two times differ", name)
		}
	}
}

func TestTarball(t *testing.T) {
	var b bytes.Buffer
	if err := tarball(&b, []file{{name: "x/mlbench", text: "program", mode: 0o755}}, at); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("%+v", z.Header)
	}
	r := tar.NewReader(z)
	h, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if h.Name != "x/mlbench" || h.Mode != 0o755 || !h.ModTime.Equal(at) || h.Uid != 0 || h.Uname != "" {
		t.Errorf("%+v", h)
	}
	if content, err := io.ReadAll(r); err != nil || string(content) != "program" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestZip(t *testing.T) {
	var b bytes.Buffer
	if err := zipped(&b, []file{{name: "x/mlbench.exe", text: "program", mode: 0o755}}, at); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if f := r.File[0]; len(r.File) != 1 || f.Name != "x/mlbench.exe" || f.Mode() != 0o755 || !f.Modified.Equal(at) {
		t.Errorf("%+v", f)
	}
}

func TestParsePlatforms(t *testing.T) {
	all, err := parsePlatforms(platformNames())
	if err != nil || len(all) != len(platforms) {
		t.Errorf("%v, %v", all, err)
	}
	if one, err := parsePlatforms("windows/amd64"); err != nil || len(one) != 1 || one[0].nvml {
		t.Errorf("%v, %v", one, err)
	}
	for _, wrong := range []string{"", "plan9/amd64", "linux", "linux/amd64,"} {
		if _, err := parsePlatforms(wrong); err == nil || !strings.Contains(err.Error(), "there are linux/amd64,") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestCompiler: a release that lacks a compiler is none, rather than one without NVML.
func TestCompiler(t *testing.T) {
	none := func(string) (string, error) { return "", exec.ErrNotFound }
	for processor := range triples {
		_, err := compiler(processor, none)
		if err == nil || !strings.Contains(err.Error(), "apt-get install gcc") || !strings.Contains(err.Error(), "-platforms") {
			t.Errorf("%s: %v", processor, err)
		}
		name, err := compiler(processor, func(name string) (string, error) { return name, nil })
		if err != nil || processor != runtime.GOARCH && name != triples[processor]+"-gcc" {
			t.Errorf("%s: %s, %v", processor, name, err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"2.2.5", "2.3", "2.3.4", "2.14", "2.34", "2.100", "3"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := compareVersions(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

func TestNotACheckout(t *testing.T) {
	err := run(t.Context(), io.Discard, []string{"-from", t.TempDir(), "-o", t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "a release is built of a commit") {
		t.Error(err)
	}
}

// TestReleaseTwice builds one platform twice, each time from a clone in another
// folder, and compares the bytes. `make release` twice does so with all.
func TestReleaseTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles mlbench")
	}
	if _, err := git(t.Context(), ".", "rev-parse", "HEAD"); err != nil {
		t.Skip("needs a checkout: ", err)
	}
	host := here(platforms).String() // which `make build` has compiled most of
	if _, err := parsePlatforms(host); err != nil {
		t.Skip("nothing is released for this host: ", err)
	}
	var sums [2][]byte
	for i := range sums {
		t.Setenv("TMPDIR", t.TempDir()) // where it is built
		to := t.TempDir()
		if err := run(t.Context(), io.Discard, []string{"-o", to, "-platforms", host}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(to, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = b
	}
	if !bytes.Equal(sums[0], sums[1]) || !strings.Contains(string(sums[0]), strings.ReplaceAll(host, "/", "_")) {
		t.Errorf("\n%s%s", sums[0], sums[1])
	}
}
