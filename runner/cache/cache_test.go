package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// write makes a file of so many bytes.
func write(t *testing.T, path string, size int) {
	t.Helper()
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, folders ...string) *Files {
	t.Helper()
	f, err := List(t.Context(), folders)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestListCountsFilesOnce(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	write(t, filepath.Join(one, "a"), 1000)
	write(t, filepath.Join(one, "deep", "er", "b"), 200)
	write(t, filepath.Join(one, "empty"), 0)
	for _, link := range []string{filepath.Join(one, "deep", "again"), filepath.Join(two, "again")} {
		if err := os.Link(filepath.Join(one, "a"), link); err != nil {
			t.Skipf("this file system has no hard links: %v", err)
		}
	}
	write(t, filepath.Join(two, "c"), 30)
	if err := os.Symlink(filepath.Join(one, "deep"), filepath.Join(two, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(two, "broken")); err != nil {
		t.Fatal(err)
	}
	f := list(t, one, two, one)
	if len(f.files) != 3 || f.total != 1230 {
		t.Errorf("%+v, %d bytes", f.files, f.total)
	}
	if f := list(t); len(f.files) != 0 || f.total != 0 {
		t.Errorf("no folders hold %+v", f.files)
	}
}

func TestListRefuses(t *testing.T) {
	if _, err := List(t.Context(), []string{filepath.Join(t.TempDir(), "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := List(ctx, []string{t.TempDir()}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}
