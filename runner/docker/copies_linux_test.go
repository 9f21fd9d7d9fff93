package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mlbench/runner"
)

// small is a folder on a file system with little room.
func small(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size="+size+",mode=0777"); err != nil {
		t.Skip("needs to mount a small file system: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func prepared(t *testing.T, r *Runner) runner.Candidate {
	t.Helper()
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: fixtureImage(t, "EXPOSE 8080")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// gone checks that nothing stays of a run at level Pull that could not begin.
func gone(t *testing.T, r *Runner, at string) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", at); at != "" && err == nil {
		_ = c.Close()
		t.Error("the registry still listens")
	}
	if r.folder != "" {
		t.Errorf("%s is still there", r.folder)
	}
}

func TestPullNeedsRoom(t *testing.T) {
	noFolders(t)
	r := engine(t, Options{})
	c, dir := prepared(t, r), small(t, "1m")
	t.Setenv("TMPDIR", dir)
	_, _, err := r.PullEachTime(t.Context(), []runner.Candidate{c})
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "copies of the images may need 6 MB in "+dir) || !strings.Contains(err.Error(), "set TMPDIR") {
		t.Errorf("error %v", err)
	}
	gone(t, r, "")
}

// The room may be gone all the same when it is needed.
func TestCopyFullDisk(t *testing.T) {
	to, err := newCopier(small(t, "1m"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = to.layer(io.LimitReader(rand.Reader, 20<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(to.dir); err != nil || len(left) > 0 {
		t.Errorf("%v, left behind: %v", err, left)
	}
}

func TestInterruptedWhileCopying(t *testing.T) {
	noFolders(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	r := engine(t, Options{Notify: func(line string) {
		if strings.HasPrefix(line, "copying ") {
			cancel(errTest)
		}
	}})
	_, _, err := r.PullEachTime(ctx, []runner.Candidate{prepared(t, r)})
	if !errors.Is(err, errTest) {
		t.Errorf("error %v", err)
	}
	gone(t, r, r.server.host)
}

func TestPullOnARemoteEngine(t *testing.T) {
	r := closing(t, Options{})
	c := prepared(t, r)
	r.local = false
	_, _, err := r.PullEachTime(t.Context(), []runner.Candidate{c})
	if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "name that with --registry") {
		t.Errorf("error %v", err)
	}
}

// Of an image without layers, engines send nothing.
func TestPullWithoutLayers(t *testing.T) {
	r := closing(t, Options{})
	ref := "mlbench-test/bare:" + r.session
	loadArchive(t, r, ref, archived(t, ref, r.arch, map[string]any{"Cmd": []string{"/none"}}))
	rule, err := runner.ParseRule("log=x")
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "bare", Ref: ref, Ready: rule})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = r.PullEachTime(t.Context(), []runner.Candidate{c})
	if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "image "+ref+" has no layers") {
		t.Errorf("error %v", err)
	}
}

func TestServer(t *testing.T) {
	to, err := newCopier(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	copied, err := to.image(configOf(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to.dir, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := serve(to.dir, "mlbench-repo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	manifest := "/v2/mlbench-repo/manifests/" + copied.manifest
	ask := func(method, path string) (status int, kind string) {
		q, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode, answer.Header.Get("Content-Type")
	}
	if status, _ := ask("GET", manifest); status != http.StatusNotFound {
		t.Errorf("before it is offered: %d", status)
	}
	s.offer(copied)
	for _, test := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/v2/", 200, ""},
		{"GET", manifest, 200, typeManifest},
		{"HEAD", manifest, 200, typeManifest},
		{"GET", "/v2/mlbench-repo/blobs/" + copied.config, 200, typeConfig},
		{"GET", strings.Replace(manifest, "repo", "other", 1), 404, ""},
		{"GET", "/v2/mlbench-repo/blobs/secret", 404, ""},
		{"GET", "/v2/mlbench-repo/blobs/..%2f" + filepath.Base(to.dir) + "%2fsecret", 404, ""},
		{"GET", "/v2/_catalog", 404, ""},
		{"PUT", manifest, 405, ""},
	} {
		status, kind := ask(test.method, test.path)
		if status != test.status || test.kind != "" && kind != test.kind {
			t.Errorf("%s %s: %d, %s", test.method, test.path, status, kind)
		}
	}
}

// Copies go to TMPDIR, and what leads to them where a run without it looks too.
func TestBlobsFolder(t *testing.T) {
	noFolders(t)
	large := t.TempDir()
	t.Setenv("TMPDIR", large)
	r := new(Runner)
	if err := r.makeBlobs(); err != nil {
		t.Fatal(err)
	}
	to, err := os.Readlink(filepath.Join(r.folder, blobsLink))
	if err != nil || to != r.blobs || filepath.Dir(r.blobs) != large || filepath.Dir(r.folder) != "/var/tmp" {
		t.Errorf("%v: folder %s, copies in %s, found in %s", err, r.folder, r.blobs, to)
	}
	if err := r.removeFolder(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(large); err != nil || len(left) > 0 || r.folder != "" {
		t.Errorf("%v, left behind: %v, %s", err, left, r.folder)
	}
}

// What a killed run had pulled and copied is removed; nobody else's is.
func TestReapFolders(t *testing.T) {
	tmp := filepath.Join(t.TempDir(), "[tmp]") // nothing in a name of a folder is a pattern
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	r := closing(t, Options{})
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	dead := runner.Self()
	dead.PID = ended.Process.Pid
	id, err := r.engineID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	make := func(owner, engine string) (dir, ref string) {
		dir, err := os.MkdirTemp(os.Getenv("TMPDIR"), folderPrefix+url.PathEscape(owner)+"-")
		if err != nil {
			t.Fatal(err)
		}
		made++
		ref = emptyImage(t, r, fmt.Sprintf("127.0.0.1:5000/mlbench-test/%s:%d", r.session, made), "nobody")
		if err := os.WriteFile(filepath.Join(dir, pulledFile), []byte(engine+"\n"+ref+"\nnot-there:1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir, ref
	}
	there := func(dir, ref string) (folder, image bool) {
		_, err := os.Stat(dir)
		_, noImage := r.cli.ImageInspect(t.Context(), ref)
		return err == nil, noImage == nil
	}
	deadDir, deadRef := make(dead.String(), id)
	livingDir, livingRef := make(runner.Self().String(), id)
	garbledDir, garbledRef := make("nobody", id)
	elsewhereDir, elsewhereRef := make(dead.String(), "another engine")
	// Its copies were where TMPDIR led then.
	large := t.TempDir()
	blobs := filepath.Join(large, filepath.Base(elsewhereDir)+"b")
	err = errors.Join(os.Mkdir(blobs, 0o700), os.WriteFile(filepath.Join(blobs, "large"), nil, 0o600), os.Symlink(blobs, filepath.Join(elsewhereDir, blobsLink)))
	if err != nil {
		t.Fatal(err)
	}
	reaped, err := r.Reap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if folder, image := there(deadDir, deadRef); folder || image || !slices.Contains(reaped, "folder "+deadDir) || !slices.Contains(reaped, "image "+deadRef) {
		t.Errorf("folder %v, image %v, told %q", folder, image, reaped)
	}
	if left, err := os.ReadDir(large); err != nil || len(left) > 0 || !slices.Contains(reaped, "folder "+blobs) {
		t.Errorf("%v, %v are still there, told %q", err, left, reaped)
	}
	for dir, ref := range map[string]string{livingDir: livingRef, garbledDir: garbledRef, elsewhereDir: elsewhereRef} {
		if folder, image := there(dir, ref); !folder || !image {
			t.Errorf("%s: folder %v, image %v", dir, folder, image)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	foreignDir, foreignRef := make(dead.String(), id)
	if err := os.Chown(foreignDir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if folder, image := there(foreignDir, foreignRef); !folder || !image {
		t.Errorf("another user's: folder %v, image %v", folder, image)
	}
}

// A copy loses a layer, then the registry ends: the run has failed, and how is
// told.
func TestCopiesLost(t *testing.T) {
	noFolders(t)
	r := closing(t, Options{})
	candidates, _, err := r.PullEachTime(t.Context(), []runner.Candidate{prepared(t, r)})
	if err != nil {
		t.Fatal(err)
	}
	c := candidates[0]
	fails := func(want string) {
		t.Helper()
		_, err := r.Start(t.Context(), c, startTimeout)
		if !errors.Is(err, runner.ErrEnvironment) || !strings.HasPrefix(err.Error(), "fixture: pulling the copy of fixture: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if left := append(copiesLeft(t, r), left(t, r.session)...); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	for digest := range r.fresh[c.Name].sizes {
		found, err := filepath.Glob(filepath.Join(r.blobs, "sha256:"+digest+"*"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, blobs %q", err, found)
		}
		if err := os.Remove(found[0]); err != nil {
			t.Fatal(err)
		}
	}
	fails("blob")
	if err := r.server.close(); err != nil {
		t.Error(err)
	}
	fails("connection refused")
}
