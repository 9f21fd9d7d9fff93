package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// layerFolder makes a folder for a layer, which only root can read in whole.
func layerFolder(t *testing.T, files ...string) string {
	t.Helper()
	if err := seesAll(); err != nil {
		t.Skip("needs root: ", err)
	}
	at := t.TempDir()
	for _, f := range files {
		name := filepath.Join(at, f)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, []byte(f), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func layersOf(n int) (c Config) {
	c.RootFS.DiffIDs = make([]string, n)
	return c
}

func TestReadFolders(t *testing.T) {
	low, high := layerFolder(t, "a/b", "a/c", "var/lib/dpkg/status", "gone", "d/e"), layerFolder(t, "a/n", "d/f")
	secret := layerFolder(t, "secret", "var/lib/dpkg/status")
	err := errors.Join(
		os.Symlink(secret, filepath.Join(high, "out")),
		os.MkdirAll(filepath.Join(high, "var/lib"), 0o755),
		os.Symlink(filepath.Join(secret, "var/lib/dpkg"), filepath.Join(high, "var/lib/dpkg")), // where what is wanted may be
		unix.Mknod(filepath.Join(high, "gone"), unix.S_IFCHR, 0),
		unix.Mkfifo(filepath.Join(high, "pipe"), 0o600),
		unix.Setxattr(filepath.Join(high, "a"), "trusted.overlay.opaque", []byte("y"), 0),
		unix.Setxattr(filepath.Join(high, "d"), "trusted.overlay.opaque", []byte("x"), 0), // of another meaning
	)
	if err != nil {
		t.Fatal(err)
	}
	var looked []string
	x, err := ReadFolders(t.Context(), layersOf(2), []string{low, high}, Options{Digests: true, Look: func(path string, _ int64) func(io.Reader) error {
		return func(content io.Reader) error {
			b, err := io.ReadAll(content)
			looked = append(looked, fmt.Sprintf("%s=%s", path, b))
			return err
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	sane(t, x)
	var seen []string
	for _, f := range x.Files {
		if f.Visible() && !f.isFolder() {
			seen = append(seen, fmt.Sprintf("%s:%d", f.Path, f.Kind))
		}
	}
	if got, want := strings.Join(seen, " "), fmt.Sprintf("d/e:0 a/n:0 d/f:0 out:%d pipe:%d var/lib/dpkg:%d", Symlink, Special, Symlink); got != want {
		t.Errorf("seen %s, want %s", got, want)
	}
	if got, want := strings.Join(looked, " "), "a/b=a/b a/c=a/c d/e=d/e gone=gone var/lib/dpkg/status=var/lib/dpkg/status a/n=a/n d/f=d/f"; got != want {
		t.Errorf("looked at %s, want %s", got, want)
	}
}

func TestReadFoldersFails(t *testing.T) {
	at := layerFolder(t, "a", "b", "c/d")
	stop := errors.New("stop")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	few := tight
	few.entries = 3
	redirected := layerFolder(t, "a/b")
	if err := unix.Setxattr(filepath.Join(redirected, "a"), "trusted.overlay.redirect", []byte("c"), 0); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		ctx     context.Context //nolint:containedctx // of a test case
		layers  int
		folders []string
		opts    Options
		is      error
		err     string
	}{
		{name: "not there", layers: 1, folders: []string{filepath.Join(at, "none")}, is: ErrNoFolders, err: "no such file"},
		{name: "a file", layers: 1, folders: []string{filepath.Join(at, "a")}, is: ErrNoFolders, err: "not a directory"},
		{name: "too few", layers: 2, folders: []string{at}, is: ErrNoFolders, err: "there are 1, and the image's configuration names 2 layers"},
		{name: "renamed", layers: 1, folders: []string{redirected}, is: ErrNoFolders, err: "renamed"},
		{name: "cancelled", ctx: cancelled, layers: 1, folders: []string{at}, is: stop, err: "stop"},
		{name: "too many files", layers: 1, folders: []string{at}, opts: Options{bounds: &few}, is: ErrMalformed, err: "it has over 3 files"},
		{name: "removed meanwhile", layers: 1, folders: []string{at}, opts: Options{Look: func(path string, _ int64) func(io.Reader) error {
			_ = os.Remove(filepath.Join(at, path))
			return func(io.Reader) error { return nil }
		}}, is: fs.ErrNotExist, err: `"a" in layer folder`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.ctx == nil {
				test.ctx = t.Context()
			}
			_, err := ReadFolders(test.ctx, layersOf(test.layers), test.folders, test.opts)
			if !errors.Is(err, test.is) || !strings.Contains(fmt.Sprint(err), test.err) {
				t.Errorf("error %v, want %q, %v", err, test.err, test.is)
			}
		})
	}
}

// TestMemory reads an image of 3 GB and 60,000 files, in a process of its own,
// as its save stream.
func TestMemory(t *testing.T) {
	const files, size, most = 60_000, 50_000, 150 << 20
	if os.Getenv("MLBENCH_TEST_MEMORY") == "" {
		// Without the race detector, which takes memory of its own.
		cmd := exec.CommandContext(t.Context(), "go", "test", "-race=false", "-count=1", "-run", "^TestMemory$", "-v", ".")
		cmd.Env = append(os.Environ(), "MLBENCH_TEST_MEMORY=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("ok, ")) {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	in, out := io.Pipe()
	go func() { out.CloseWithError(streamed(out, files, size)) }()
	x, err := ReadSaved(t.Context(), in, "", "amd64", Options{})
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var resident int64
	for line := range strings.Lines(string(status)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &resident); n == 1 {
			resident <<= 10
			break
		}
	}
	if len(x.Files) < files || x.UnpackedBytes() != files*size || resident == 0 || resident > most {
		t.Fatalf("%d files of %d bytes in %d resident, and %d is the most", len(x.Files), x.UnpackedBytes(), resident, most)
	}
	fmt.Printf("ok, %d MB\n", resident/1e6)
}
