package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	engineregistry "github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/google/go-containerregistry/pkg/registry"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// A file is one of a layer.
type file struct {
	name, content, link string
	kind                byte
}

// mtime is that of files in layers.
const mtime = 1e9

// layerOf packs files as they are.
func layerOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: f.kind, Name: f.name, Linkname: f.link, Mode: 0o755, Size: int64(len(f.content)), ModTime: time.Unix(mtime, 0)}
		if f.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		err := out.WriteHeader(h)
		if err == nil {
			_, err = io.WriteString(out, f.content)
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

// archived packs an image of layers as `docker load` gets it.
func archived(t testing.TB, ref, arch string, config map[string]any, layers ...[]byte) []byte {
	t.Helper()
	diffIDs, names := []string{}, []string{}
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	add := func(name string, content []byte) {
		err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = out.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range layers {
		names = append(names, fmt.Sprintf("%d/layer.tar", i))
		diffIDs = append(diffIDs, fmt.Sprintf("sha256:%x", sha256.Sum256(l)))
		add(names[i], l)
	}
	add("config.json", encoded(t, map[string]any{
		"architecture": arch, "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	}))
	add("manifest.json", encoded(t, []map[string]any{{"Config": "config.json", "RepoTags": []string{ref}, "Layers": names}}))
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loadArchive has the engine load an image, and removes it after the test.
func loadArchive(t testing.TB, r *Runner, ref string, archive []byte) {
	t.Helper()
	answer, err := r.cli.ImageLoad(t.Context(), bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || !strings.Contains(string(said), "Loaded") {
		t.Fatalf("%v: %s", err, said)
	}
	t.Cleanup(func() {
		if err := r.removeImage(ref); err != nil {
			t.Error(err)
		}
	})
}

// fixtureLayer holds the test program.
func fixtureLayer(t testing.TB) []byte {
	t.Helper()
	program, err := os.ReadFile(runnertest.Fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	return layerOf(t, file{name: "fixture", content: string(program)})
}

var fixtureConfig = map[string]any{
	"Entrypoint": []string{"/fixture"}, "ExposedPorts": map[string]any{"8080/tcp": map[string]any{}}, "Labels": map[string]string{"mine": "stays"},
}

// exported are the files that a container of an image has, with their kinds,
// owners, modes, times and contents.
func exported(t *testing.T, r *Runner, ref string) map[string]string {
	t.Helper()
	created, err := r.cli.ContainerCreate(t.Context(), &container.Config{Image: ref, Labels: r.labels()}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.removeContainer(context.Background(), created.ID); err != nil {
			t.Error(err)
		}
	}()
	stream, err := r.cli.ContainerExport(t.Context(), created.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	found := make(map[string]string)
	for in := tar.NewReader(stream); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			t.Fatal(err)
		}
		when := h.ModTime.Unix()
		if when != mtime {
			when = 0 // what engines make in a container, folders above files too
		}
		found[h.Name] = fmt.Sprintf("%c %o %d:%d %d %d %q %x", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Size, when, h.Linkname, sum.Sum(nil))
	}
}

// noFolders fails where this process has left a folder, once all else is over.
func noFolders(t *testing.T) {
	t.Cleanup(func() {
		for _, dir := range folders() {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if strings.HasPrefix(e.Name(), folderPrefix) && strings.Contains(e.Name(), fmt.Sprintf("%%7C%d%%7C", os.Getpid())) {
					t.Errorf("left behind: %s/%s", dir, e.Name())
				}
			}
		}
	})
}

// copiesLeft are the images in the engine that bear the session's label.
func copiesLeft(t testing.TB, r *Runner) []string {
	t.Helper()
	images, err := r.cli.ImageList(context.Background(), image.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, i := range images {
		if i.Labels[LabelSession] == r.session {
			found = append(found, i.ID)
		}
	}
	return found
}

func TestPullCopies(t *testing.T) {
	noFolders(t)
	var notes []string
	r := closing(t, Options{Notify: func(line string) { notes = append(notes, line) }})
	// What a copy may lose: links, names that mean that a file is gone, an
	// empty layer, the same layer twice.
	base := layerOf(t, file{name: "dir/", kind: tar.TypeDir}, file{name: "dir/a", content: "a"}, file{name: "dir/gone", content: "b"},
		file{name: "old/", kind: tar.TypeDir}, file{name: "old/x", content: "x"},
		file{name: "dir/hard", kind: tar.TypeLink, link: "dir/a"}, file{name: "soft", kind: tar.TypeSymlink, link: "dir/a"})
	change := layerOf(t, file{name: "dir/", kind: tar.TypeDir}, file{name: "dir/.wh.gone"}, file{name: "old/", kind: tar.TypeDir}, file{name: "old/.wh..wh..opq"}, file{name: "old/y", content: "y"})
	program := fixtureLayer(t)
	many := [][]byte{base, change, program, layerOf(t), layerOf(t), change}
	for i := range 3 {
		many = append(many, layerOf(t, file{name: fmt.Sprintf("many/%d", i), content: strings.Repeat("x", 100*i)}))
	}
	var refs []string
	for i, layers := range [][][]byte{many, {base, program}} {
		ref := fmt.Sprintf("mlbench-test/copied:%s-%d", r.session, i)
		loadArchive(t, r, ref, archived(t, ref, r.arch, fixtureConfig, layers...))
		refs = append(refs, ref)
	}
	var prepared []runner.Candidate
	for _, ref := range append(refs, refs[0]) {
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: ref, Ref: ref})
		if err != nil {
			t.Fatal(err)
		}
		prepared = append(prepared, c)
	}
	candidates, pulling, err := r.PullEachTime(t.Context(), prepared)
	if err != nil {
		t.Fatal(err)
	}
	if len(pulling.Held) > 0 || !strings.Contains(pulling.How, "loopback") {
		t.Errorf("pulling %+v", pulling)
	}
	entries, err := os.ReadDir(r.blobs)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 6 || len(entries) > len(many)+2*2 {
		t.Errorf("%d blobs of %d layers that share some", len(entries), len(many))
	}
	for i, c := range candidates {
		if c.CompressedBytes == nil || *c.CompressedBytes < 1e6 {
			t.Errorf("%s has %v bytes, compressed", c.Name, c.CompressedBytes)
		}
		for range 2 - min(i, 1) {
			s, err := r.Start(t.Context(), c, startTimeout)
			if err != nil {
				t.Fatal(err)
			}
			if s.Outcome != runner.OutcomeReady {
				t.Fatalf("%s: %s", s.Outcome, s.Problem)
			}
			phases := s.Marks.Phases()
			if phases[0].Name != "pull" || phases[1].Name != "create" || phases[0].Took <= 0 {
				t.Errorf("phases %v", phases)
			}
			p := s.Pull
			if p == nil || p.AlreadyHere != 0 || p.Layers < 2 || p.Bytes < 1e6 || p.Bytes > *c.CompressedBytes {
				t.Fatalf("pull %+v of %d bytes", p, *c.CompressedBytes)
			}
			if p.Download == nil || p.Extract == nil || *p.Download <= 0 || *p.Extract < 0 || *p.Download+*p.Extract != s.Marks[runner.Pulled].At {
				t.Errorf("%v and %v of %v", p.Download, p.Extract, s.Marks[runner.Pulled])
			}
			if left := append(copiesLeft(t, r), left(t, r.session)...); len(left) > 0 {
				t.Errorf("left after a start: %q", left)
			}
		}
		if i > 1 { // the first one again
			continue
		}
		// The copy has the same files.
		f := r.fresh[c.Name]
		if _, err := r.pull(t.Context(), f.ref); err != nil {
			t.Fatal(err)
		}
		img, err := r.inspect(t.Context(), f.ref)
		if err != nil {
			t.Fatal(err)
		}
		// The next run finds it should this one be killed.
		labelled, err := r.cli.ImageList(t.Context(), image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", runner.OwnerLabel))})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(labelled, func(i image.Summary) bool { return i.ID == img.ID && ours(i.RepoTags) }) {
			t.Errorf("%s is not among what is reaped", img.ID)
		}
		if img.Config.Labels["mine"] != "stays" || img.Config.Labels[runner.OwnerLabel] == "" {
			t.Errorf("labels %v", img.Config.Labels)
		}
		if r.graph == "overlay2" && img.Size != *c.UnpackedBytes {
			t.Errorf("the copy has %d bytes, the image %d", img.Size, *c.UnpackedBytes)
		}
		was, is := exported(t, r, prepared[i].Ref), exported(t, r, f.ref)
		if !maps.Equal(was, is) {
			for name := range maps.Keys(was) {
				if is[name] != was[name] {
					t.Errorf("%s of the copy is %q, of the image %q", name, is[name], was[name])
				}
			}
			t.Errorf("the copy of %s has %d files, the image %d", c.Name, len(is), len(was))
		}
		if _, gone := is["dir/gone"]; gone == (i != 1) || is["dir/hard"] == "" || (is["old/x"] == "") == (i == 1) {
			t.Errorf("files %v", slices.Sorted(maps.Keys(is)))
		}
		if err := r.removeImage(f.ref); err != nil {
			t.Error(err)
		}
	}
	for _, ref := range refs {
		if _, err := r.cli.ImageInspect(t.Context(), ref); err != nil {
			t.Errorf("the user's image: %v", err)
		}
	}
	at := r.server.host
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", at); err == nil {
		_ = c.Close()
		t.Error("the registry still listens")
	}
	for _, ref := range r.fresh {
		if _, err := r.cli.ImageInspect(context.Background(), ref.ref); !cerrdefs.IsNotFound(err) {
			t.Errorf("copy %s: %v", ref.ref, err)
		}
	}
}

// A userRegistry is one that serves on this host, and may fail.
type userRegistry struct {
	*httptest.Server
	host   string
	broken atomic.Bool // every answer is an error
	slow   atomic.Bool
	needs  atomic.Value // string: the login, user:password; none for none
	onBlob atomic.Value // func(): what is done when a layer or a configuration is asked for
}

func newUserRegistry(t testing.TB) *userRegistry {
	t.Helper()
	u := new(userRegistry)
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		user, password, _ := q.BasicAuth()
		switch {
		case u.broken.Load():
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
			return
		case u.login() != "" && user+":"+password != u.login():
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		if q.Method == http.MethodGet && strings.Contains(q.URL.Path, "/blobs/") {
			if do, ok := u.onBlob.Load().(func()); ok {
				do()
			}
			if u.slow.Load() {
				w = slow{w}
			}
		}
		handler.ServeHTTP(w, q)
	}))
	t.Cleanup(u.Close)
	u.host = strings.TrimPrefix(u.URL, "http://")
	return u
}

func (u *userRegistry) login() string {
	login, _ := u.needs.Load().(string)
	return login
}

// fill pushes an image of these layers, which stays in the registry alone.
func (u *userRegistry) fill(t testing.TB, r *Runner, path string, layers ...[]byte) {
	t.Helper()
	ref := u.host + "/" + path
	answer, err := r.cli.ImageLoad(t.Context(), bytes.NewReader(archived(t, ref, r.arch, fixtureConfig, layers...)))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	login := "e30=" // {}
	if user, password, ok := strings.Cut(u.login(), ":"); ok {
		if login, err = engineregistry.EncodeAuthConfig(engineregistry.AuthConfig{Username: user, Password: password}); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := r.cli.ImagePush(t.Context(), ref, image.PushOptions{RegistryAuth: login})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	if err := messages(stream, func(err error) error { return err }, func(jsonmessage.JSONMessage) {}); err != nil {
		t.Fatal(err)
	}
	if err := r.removeImage(ref); err != nil {
		t.Fatal(err)
	}
}

// random is a layer that nothing else has.
func random(t testing.TB, name string, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	_, _ = rand.Read(b) // never fails
	return layerOf(t, file{name: name, content: string(b)})
}

// unique is a layer of the test program that nothing else has.
func unique(t testing.TB) []byte {
	t.Helper()
	program, err := os.ReadFile(runnertest.Fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	return layerOf(t, file{name: "fixture", content: string(program)}, file{name: "unique", content: fmt.Sprint(time.Now().UnixNano())})
}

// absent fails where an image is in the engine.
func absent(t *testing.T, r *Runner, refs ...string) {
	t.Helper()
	for _, ref := range refs {
		if _, err := r.cli.ImageInspect(context.Background(), ref); !cerrdefs.IsNotFound(err) {
			t.Errorf("%s is in the engine: %v", ref, err)
		}
	}
}

func TestPullFromARegistry(t *testing.T) {
	noFolders(t)
	helper := closing(t, Options{})
	u := newUserRegistry(t)
	shared, program := random(t, "shared", 1<<16), unique(t)
	u.fill(t, helper, "team/app:1", shared, program, random(t, "own", 1<<20))

	t.Run("cold", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host + "/team"})
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "app:1"})
		if err != nil {
			t.Fatal(err)
		}
		if c.CompressedBytes == nil || *c.CompressedBytes < 1<<20 || c.Port != 8080 {
			t.Errorf("prepared %+v", c)
		}
		absent(t, r, u.host+"/team/app:1", c.Digest)
		candidates, pulling, err := r.PullEachTime(t.Context(), []runner.Candidate{c})
		if err != nil {
			t.Fatal(err)
		}
		if len(pulling.Held) > 0 || !strings.Contains(pulling.How, u.host) {
			t.Errorf("pulling %+v", pulling)
		}
		for range 2 {
			s, err := r.Start(t.Context(), candidates[0], startTimeout)
			if err != nil || s.Outcome != runner.OutcomeReady {
				t.Fatalf("%v, %s", err, s.Problem)
			}
			if p := s.Pull; p == nil || p.Layers != 3 || p.AlreadyHere != 0 || p.Bytes != *c.CompressedBytes || p.Download == nil {
				t.Errorf("pull %+v of %d bytes", p, *c.CompressedBytes)
			}
			absent(t, r, u.host+"/team/app:1", c.Digest)
		}
		// A start that the pull alone takes too long for is a slow one.
		u.slow.Store(true)
		s, err := r.Start(t.Context(), candidates[0], 100*time.Millisecond)
		u.slow.Store(false)
		if err != nil || s.Outcome != runner.OutcomeTimeout || !strings.Contains(s.Problem, "still being pulled after 100ms") {
			t.Errorf("%v: %s: %s", err, s.Outcome, s.Problem)
		}
		absent(t, r, c.Digest)
		// Interrupted in the middle of a pull.
		ctx, cancel := context.WithCancelCause(t.Context())
		u.slow.Store(true)
		time.AfterFunc(150*time.Millisecond, func() { cancel(errTest) })
		if _, err := r.Start(ctx, candidates[0], startTimeout); !errors.Is(err, errTest) {
			t.Errorf("interrupted: %v", err)
		}
		u.slow.Store(false)
		absent(t, r, c.Digest)
		// The registry loses it.
		u.broken.Store(true)
		defer u.broken.Store(false)
		if _, err := r.Start(t.Context(), candidates[0], startTimeout); !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "app: pulling "+u.host+"/team/app:1: ") {
			t.Errorf("a registry without the image: %v", err)
		}
	})

	t.Run("partly cold", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		base := "mlbench-test/base:" + r.session
		loadArchive(t, r, base, archived(t, base, r.arch, map[string]any{}, shared))
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: u.host + "/team/app:1"})
		if err != nil {
			t.Fatal(err)
		}
		if c.CompressedBytes != nil {
			t.Errorf("%d bytes, of which only a part was pulled", *c.CompressedBytes)
		}
		_, pulling, err := r.PullEachTime(t.Context(), []runner.Candidate{c})
		if err != nil {
			t.Fatal(err)
		}
		if want := []runner.Held{{Layers: 1, By: []string{base}}}; !reflect.DeepEqual(pulling.Held, want) {
			t.Errorf("held %+v, want %+v", pulling.Held, want)
		}
		s, err := r.Start(t.Context(), c, startTimeout)
		if err != nil || s.Pull == nil || s.Pull.AlreadyHere != 1 || s.Pull.Layers != 3 {
			t.Errorf("%v, pull %+v", err, s.Pull)
		}
		absent(t, r, c.Digest)
	})

	t.Run("all here", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		mine := "mlbench-test/mine:" + r.session
		loadArchive(t, r, mine, archived(t, mine, r.arch, fixtureConfig, shared, program, random(t, "own", 10)))
		twin := "mlbench-test/twin:" + r.session
		u.fill(t, r, twin, shared, program)
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "twin", Ref: twin})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.PullEachTime(t.Context(), []runner.Candidate{c})
		if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "held by "+mine) || !strings.Contains(err.Error(), "leave --registry away") {
			t.Errorf("error %v", err)
		}
	})

	t.Run("the reference is here", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		ref := u.host + "/team/app:1"
		if _, err := r.pull(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.removeImage(ref) }()
		_, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "team/app:1"})
		if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "docker rmi "+ref) {
			t.Errorf("error %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := helper.cli.ImageInspect(t.Context(), ref); err != nil {
			t.Errorf("the user's image: %v", err)
		}
	})

	t.Run("the digest is here", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		there, err := r.cli.DistributionInspect(t.Context(), u.host+"/team/app:1", "")
		if err != nil {
			t.Fatal(err)
		}
		ref := u.host + "/team/app@" + there.Descriptor.Digest.String()
		if _, err := r.pull(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.removeImage(ref) }()
		_, err = r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "team/app:1"})
		if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "docker rmi "+ref) {
			t.Errorf("error %v", err)
		}
		if _, err := helper.cli.ImageInspect(t.Context(), ref); err != nil {
			t.Errorf("the user's image: %v", err)
		}
	})

	t.Run("the same image by another name", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		ref, mine := u.host+"/team/app:1", "mlbench-test/renamed:"+r.session
		if _, err := r.pull(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		if err := r.cli.ImageTag(t.Context(), ref, mine); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.removeImage(mine) }()
		if err := r.removeImage(ref); err != nil {
			t.Fatal(err)
		}
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "team/app:1"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.PullEachTime(t.Context(), []runner.Candidate{c})
		if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "held by "+mine) {
			t.Errorf("error %v", err)
		}
		if _, err := helper.cli.ImageInspect(t.Context(), mine); err != nil {
			t.Errorf("the user's image: %v", err)
		}
	})

	// The same image under two names is one image to the engine, and two pulls.
	t.Run("twice", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		layers := [][]byte{unique(t)}
		u.fill(t, r, "one:1", layers...)
		u.fill(t, r, "two:1", layers...)
		var candidates []runner.Candidate
		for _, name := range []string{"one", "two"} {
			c, err := r.Prepare(t.Context(), runner.Candidate{Name: name, Ref: name + ":1"})
			if err != nil {
				t.Fatal(err)
			}
			candidates = append(candidates, c)
		}
		if candidates[0].Digest != candidates[1].Digest {
			t.Fatalf("%+v are not one image", candidates)
		}
		candidates, _, err := r.PullEachTime(t.Context(), candidates)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range candidates {
			if got := r.fresh[c.Name].ref; !strings.HasPrefix(got, u.host+"/"+c.Name+"@") {
				t.Errorf("%s is pulled as %s", c.Name, got)
			}
			s, err := r.Start(t.Context(), c, startTimeout)
			if err != nil || s.Pull == nil || s.Pull.AlreadyHere != 0 {
				t.Errorf("%s: %v, %s, pull %+v", c.Name, err, s.Problem, s.Pull)
			}
			absent(t, r, c.Digest)
		}
	})

	// What Prepare has pulled, and could not remove as it is in use, is noted
	// until it is gone, even when it has no name any more.
	t.Run("in use", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		u.fill(t, r, "used:1", unique(t))
		if _, err := r.Prepare(t.Context(), runner.Candidate{Name: "used", Ref: "used:1"}); err != nil {
			t.Fatal(err)
		}
		f := r.toRemove[0]
		if _, err := r.pull(t.Context(), f.ref); err != nil {
			t.Fatal(err)
		}
		created, err := r.cli.ContainerCreate(t.Context(), &container.Config{
			Image: f.ref, Labels: r.labels(), Cmd: []string{"-listen-after", "1h"},
		}, nil, nil, nil, "mlbench-"+r.session+"-used")
		if err == nil {
			err = r.cli.ContainerStart(t.Context(), created.ID, container.StartOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first time it has a name
			if err := r.Close(); err == nil || r.folder == "" {
				t.Errorf("error %v, folder %q", err, r.folder)
			}
		}
		noted, err := os.ReadFile(filepath.Join(r.folder, pulledFile))
		if err != nil || !strings.Contains(string(noted), f.ref+"\n"+f.id+"\n") {
			t.Errorf("%v, noted %q", err, noted)
		}
		if err := r.removeContainer(t.Context(), created.ID); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil || r.folder != "" {
			t.Errorf("%v, folder %q", err, r.folder)
		}
		absent(t, r, f.ref, f.id)
		// What somebody gives a name meanwhile is theirs.
		mine := "mlbench-test/named:" + r.session
		if _, err := r.pull(t.Context(), f.ref); err != nil {
			t.Fatal(err)
		}
		if err := r.cli.ImageTag(t.Context(), f.ref, mine); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.removeImage(mine) }()
		if err := r.removePulled(f, false); err != nil {
			t.Error(err)
		}
		if _, err := r.cli.ImageInspect(t.Context(), mine); err != nil {
			t.Errorf("the user's image: %v", err)
		}
		absent(t, r, f.ref)
	})

	t.Run("not there", func(t *testing.T) {
		r := closing(t, Options{Registry: u.host})
		_, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "team/other:1"})
		if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), u.host+"/team/other:1 cannot be pulled") {
			t.Errorf("error %v", err)
		}
	})
}

// An engine that stops answering in the middle of a pull is no failure of the
// candidate's, and what it may go on to pull stays noted.
func TestEngineHangsInAPull(t *testing.T) {
	outside := closing(t, Options{})
	u := newUserRegistry(t)
	u.fill(t, outside, "app:1", unique(t))
	p := newProxy(t, socket(t, outside))
	t.Setenv("DOCKER_HOST", "unix://"+p.path)
	r := engine(t, Options{Registry: u.host})
	r.patience = patience{launch: 10 * time.Second, remove: time.Second, ask: time.Second, back: time.Second}
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "app:1"})
	if err == nil {
		_, _, err = r.PullEachTime(t.Context(), []runner.Candidate{c})
	}
	if err != nil {
		t.Fatal(err)
	}
	u.onBlob.Store(p.hang)
	_, err = r.Start(t.Context(), c, 3*time.Second)
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "pulling "+u.host+"/app:1: no engine answers") {
		t.Errorf("error %v", err)
	}
	if err := r.Close(); err == nil || r.folder == "" {
		t.Errorf("error %v, folder %q", err, r.folder)
	}
	if err := errors.Join(outside.removePulled(r.toRemove[0], true), r.removeFolder()); err != nil {
		t.Error(err)
	}
}

// What `docker login` has left is used.
func TestLogin(t *testing.T) {
	helper := closing(t, Options{})
	u := newUserRegistry(t)
	u.needs.Store("ann:secret")
	u.fill(t, helper, "app:1", unique(t))
	config := t.TempDir()
	t.Setenv("HOME", config) // where there is none
	t.Setenv("DOCKER_CONFIG", config)
	t.Setenv("DOCKER_HOST", helper.cli.DaemonHost())
	prepare := func() (string, error) {
		r := closing(t, Options{Registry: u.host})
		c, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "app:1"})
		return c.Digest, err
	}
	if _, err := prepare(); !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), "needs your login") {
		t.Errorf("without a login: %v", err)
	}
	login := func() {
		auths := encoded(t, map[string]any{"auths": map[string]any{u.host: map[string]string{
			"auth": base64.StdEncoding.EncodeToString([]byte(u.login())),
		}}})
		if err := os.WriteFile(filepath.Join(config, "config.json"), auths, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	login()
	if digest, err := prepare(); err != nil || digest == "" {
		t.Errorf("with a login: %v", err)
	}
	// It may be another one by the time of a start.
	r := closing(t, Options{Registry: u.host})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "app", Ref: "app:1"})
	if err == nil {
		_, _, err = r.PullEachTime(t.Context(), []runner.Candidate{c})
	}
	if err != nil {
		t.Fatal(err)
	}
	u.needs.Store("ann:another")
	login()
	if s, err := r.Start(t.Context(), c, startTimeout); err != nil || s.Pull == nil {
		t.Errorf("with a new login: %v: %s", err, s.Problem)
	}
}

func TestInRegistry(t *testing.T) {
	for _, test := range []struct{ ref, registry, want string }{
		{"app", "localhost:5000", "localhost:5000/app:latest"},
		{"team/app:1", "localhost:5000/", "localhost:5000/team/app:1"},
		{"ubuntu:22.04", "mirror.example/cache", "mirror.example/cache/ubuntu:22.04"},
		{"docker.io/library/ubuntu", "mirror.example", "mirror.example/ubuntu:latest"},
		{"ghcr.io/team/app:1", "mirror.example", "mirror.example/team/app:1"},
		{"mirror.example/team/app:1", "mirror.example", "mirror.example/team/app:1"},
		{"mirror.example/team/app:1", "mirror.example/team", "mirror.example/team/app:1"},
		{"mirror.example/team/app", "mirror.example", "mirror.example/team/app:latest"},
		{"team/app:1", "docker.io", "docker.io/team/app:1"},
		{"app@sha256:" + strings.Repeat("a", 64), "localhost", "localhost/app@sha256:" + strings.Repeat("a", 64)},
		{"app:1@sha256:" + strings.Repeat("a", 64), "localhost", "localhost/app@sha256:" + strings.Repeat("a", 64)},
		{"mirror.example/app:1@sha256:" + strings.Repeat("a", 64), "mirror.example", "mirror.example/app@sha256:" + strings.Repeat("a", 64)},
	} {
		if got, err := inRegistry(test.ref, test.registry); err != nil || got.String() != test.want {
			t.Errorf("%s in %s: %v, %v, want %s", test.ref, test.registry, err, got, test.want)
		}
	}
	for _, test := range []struct{ ref, registry, told string }{
		{"app", "myregistry", `"myregistry" is no registry`},
		{"app", "http://localhost:5000", "is no registry"},
		{"app", "", "is no registry"},
		{"sha256:" + strings.Repeat("a", 64), "localhost:5000", "is not a repository with a tag"},
		{"Not A Reference", "localhost:5000", "is not a repository with a tag"},
	} {
		if got, err := inRegistry(test.ref, test.registry); !errors.Is(err, runner.ErrUsage) || !strings.Contains(err.Error(), test.told) {
			t.Errorf("%s in %s: %v, %v", test.ref, test.registry, err, got)
		}
	}
}
