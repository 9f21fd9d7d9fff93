package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mlbench/runner"
)

// disk is a new folder on a file system whose pages can be dropped.
func disk(t *testing.T) string {
	t.Helper()
	why := ""
	for _, parent := range []string{os.TempDir(), "/var/tmp", "."} {
		var stat unix.Statfs_t
		if err := unix.Statfs(parent, &stat); err != nil {
			why += fmt.Sprintf(" %s: %v.", parent, err)
			continue
		}
		switch uint64(stat.Type) & 0xffffffff { // its width and sign differ by system
		case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
			why += fmt.Sprintf(" %s is in memory and has no disk to drop its pages to.", parent)
			continue
		case unix.OVERLAYFS_SUPER_MAGIC:
			why += fmt.Sprintf(" %s is an overlay, which keeps its pages with other files.", parent)
			continue
		}
		dir, err := os.MkdirTemp(parent, "mlbench-cache-test-")
		if err != nil {
			why += fmt.Sprintf(" %s: %v.", parent, err)
			continue
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if dir, err = filepath.Abs(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Skip("no folder on a disk:" + why)
	return ""
}

// onDisk makes a file whose pages are clean.
func onDisk(t *testing.T, path string, size int) {
	t.Helper()
	write(t, path, size)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func residency(t *testing.T, f *Files) runner.Residency {
	t.Helper()
	r, err := f.Resident(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// evicted is what stays of these files when they are evicted, which has to be
// what is counted afterwards.
func evicted(t *testing.T, f *Files) int64 {
	t.Helper()
	r, err := f.Evict(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after := residency(t, f); r != after {
		t.Errorf("evicting: %+v, counted after it: %+v", r, after)
	}
	return r.Resident
}

const size = 1<<20 + 100 // the last page is not full

func TestEvict(t *testing.T) {
	dir := disk(t)
	for i := range 10 {
		onDisk(t, filepath.Join(dir, fmt.Sprint(i)), size)
	}
	f := list(t, dir)
	if n := evicted(t, f); n != 0 || f.total != 10*size {
		t.Errorf("evicted: %d of %d stay", n, f.total)
	}
	for _, name := range []string{"3", "7"} {
		if _, err := os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if r := residency(t, f); r != (runner.Residency{Resident: 2 * size, Total: 10 * size}) {
		t.Errorf("two were read: %+v", r)
	}
	if n := evicted(t, f); n != 0 {
		t.Errorf("evicted again: %d stay", n)
	}
}

// What was in memory once is counted again, and nothing else is looked at.
func TestStillResident(t *testing.T) {
	dir := disk(t)
	for _, name := range []string{"a", "b", "c"} {
		onDisk(t, filepath.Join(dir, name), size)
	}
	f := list(t, dir)
	still := func(want int64) {
		t.Helper()
		if r, err := f.StillResident(t.Context()); err != nil || r != (runner.Residency{Resident: want, Total: 3 * size}) {
			t.Errorf("%+v, %v, want %d", r, err, want)
		}
	}
	evicted(t, f)
	read := func(name string) {
		t.Helper()
		if _, err := os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	still(0)
	read("a")
	read("b")
	still(0)
	residency(t, f)
	read("c")
	still(2 * size)
	evicted(t, list(t, filepath.Join(dir, "a")))
	still(size)
	residency(t, f)
	still(2 * size)
}

// TestLookingDoesNotWarm: asking what is in memory brings nothing in.
func TestLookingDoesNotWarm(t *testing.T) {
	dir := disk(t)
	onDisk(t, filepath.Join(dir, "a"), size)
	f := list(t, dir)
	evicted(t, f)
	for range 3 {
		if r := residency(t, f); r.Resident != 0 {
			t.Fatalf("%+v", r)
		}
	}
}

func TestMappedPagesStay(t *testing.T) {
	dir := disk(t)
	path := filepath.Join(dir, "mapped")
	onDisk(t, path, size)
	f := list(t, dir)
	evicted(t, f)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	m, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	if n := evicted(t, f); n != size {
		t.Errorf("mapped: %d stay", n)
	}
	if err := unix.Munmap(m); err != nil {
		t.Fatal(err)
	}
	if n := evicted(t, f); n != 0 {
		t.Errorf("mapped no more: %d stay", n)
	}
}

func TestSyncMakesPagesDroppable(t *testing.T) {
	dir := disk(t)
	write(t, filepath.Join(dir, "dirty"), size)
	if err := Sync(dir); err != nil {
		t.Fatal(err)
	}
	f := list(t, dir)
	if n := evicted(t, f); n != 0 {
		t.Errorf("%d stay", n)
	}
	if err := Sync(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// TestBothWaysAgree counts the same pages by cachestat and by mincore.
func TestBothWaysAgree(t *testing.T) {
	dir := disk(t)
	for _, n := range []int{1, 4096, 4097, size} {
		path := filepath.Join(dir, fmt.Sprint(n))
		onDisk(t, path, n)
		h, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer h.close()
		for _, warm := range []bool{false, true} {
			if err := drop(h); err != nil {
				t.Fatal(err)
			}
			if warm {
				if _, err := os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
			}
			by, err := cachestat(h)
			if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
				t.Skip("this kernel has no cachestat, or forbids it")
			}
			if err != nil {
				t.Fatal(err)
			}
			other, err := mincore(h)
			if err != nil {
				t.Fatal(err)
			}
			if (by > 0) != warm || by != other {
				t.Errorf("%d bytes, read %v: %d pages by cachestat, %d by mincore", n, warm, by, other)
			}
		}
	}
}

func TestOldKernel(t *testing.T) {
	noCachestat.Store(true)
	defer noCachestat.Store(false)
	TestEvict(t)
}

func TestFilesThatChange(t *testing.T) {
	dir := disk(t)
	for _, name := range []string{"stays", "vanishes", "shrinks", "fifo"} {
		onDisk(t, filepath.Join(dir, name), size)
	}
	f := list(t, dir)
	if err := errors.Join(
		os.Remove(filepath.Join(dir, "vanishes")),
		os.Truncate(filepath.Join(dir, "shrinks"), 0),
		os.Remove(filepath.Join(dir, "fifo")),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600), // opening it must not wait for a writer
	); err != nil {
		t.Fatal(err)
	}
	if n := evicted(t, f); n != 0 || f.total != 4*size {
		t.Errorf("%d of %d stay", n, f.total)
	}
	if f := list(t, dir); len(f.files) != 1 {
		t.Errorf("a fifo and an empty file were listed: %+v", f.files)
	}
}

// TestLinksAreNotFollowed: what was a file and is a link now may lead anywhere.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := disk(t)
	path := filepath.Join(dir, "a")
	onDisk(t, path, size)
	f := list(t, dir)
	if err := errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Evict(t.Context()); !errors.Is(err, unix.ELOOP) {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	dir := disk(t)
	onDisk(t, filepath.Join(dir, "a"), size)
	f := list(t, dir)
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := f.Evict(ctx); !errors.Is(err, stop) {
		t.Error(err)
	}
	if _, err := f.Resident(ctx); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// asNobody runs do with the file access of a user who owns nothing. Only the
// thread that runs it changes, and it ends with do.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can take another user's place: run it as root")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good, so that nobody else gets the thread
		_, err := unix.SetfsuidRetUid(65534)
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestForeignFiles looks at files that may be read but are another user's:
// O_NOATIME is for owners, and so is the truth about pages.
func TestForeignFiles(t *testing.T) {
	dir := disk(t)
	readable, secret := filepath.Join(dir, "readable"), filepath.Join(dir, "secret")
	onDisk(t, readable, size)
	onDisk(t, secret, size)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(secret, 0o600)); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		h, err := open(readable)
		if err != nil {
			t.Errorf("readable: %v", err)
			return
		}
		h.close()
		if err := one(file{path: secret, size: size}, func(file, handle) error { return nil }); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("secret: %v", err)
		}
	})
}

// TestForeignPages: where the kernel does not tell which pages of a file are
// in memory, that is an error and not a number.
func TestForeignPages(t *testing.T) {
	dir := disk(t)
	path := filepath.Join(dir, "readable")
	onDisk(t, path, size)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		h, err := open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer h.close()
		if err := drop(h); err != nil {
			t.Error(err)
		}
		n, err := file{path: path, size: size}.resident(h)
		if err == nil && n == 0 {
			return // this kernel's cachestat tells everybody
		}
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

func TestCanDropAll(t *testing.T) {
	err := CanDropAll()
	if os.Geteuid() != 0 && err == nil {
		t.Error("whoever is not root can drop the page cache")
	}
	if err != nil && !strings.Contains(err.Error(), "--cold warm") {
		t.Errorf("no remedy in %q", err)
	}
}
