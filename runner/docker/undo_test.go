package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dockerimage "github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

// folderOf writes files.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for path, content := range files {
		path = filepath.Join(folder, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// marked counts the engine's images without a name that hold a build's own mark:
// others use the engine too.
func marked(t *testing.T, r *Runner, mark string) (n int) {
	t.Helper()
	for _, id := range dangling(t, r) {
		history, err := r.cli.ImageHistory(t.Context(), id)
		if err == nil && slices.ContainsFunc(history, func(h dockerimage.HistoryResponseItem) bool { return strings.Contains(h.CreatedBy, mark) }) {
			n++
		}
	}
	return n
}

// What a build did and had done before is told, and undoing it leaves what was
// there before, and that alone.
func TestUndo(t *testing.T) {
	const base = "mlbench/base:bookworm"
	r := closing(t, Options{})
	needImage(t, r, base)
	for _, with := range builders {
		t.Run(string(with), func(t *testing.T) {
			mark := "mark-" + r.session + string(with)
			build := func(n int, content string) (runner.Built, error) {
				return r.Build(t.Context(), runner.Build{
					Context: os.DirFS(folderOf(t, map[string]string{
						"Dockerfile": "FROM " + base + " AS one\nRUN echo " + mark + " > /f\nCOPY a /a\nRUN echo " + mark + "; sh /a\n" +
							"FROM " + base + "\nCOPY --from=one /f /a /\nRUN sh /a # " + mark + "\n",
						"a": content,
					})),
					Tag: fmt.Sprintf("mlbench-test:%s-%s-%d", r.session, with, n), With: with, Passing: true, Undoable: true, Quiet: true,
				})
			}
			steps := func(b runner.Built) string {
				var said []string
				for _, s := range b.Steps {
					instruction := s.Name[strings.Index(s.Name, "] ")+2:]
					said = append(said, fmt.Sprintf("%s %v", strings.Fields(instruction)[0], s.Cached))
					if !s.Cached && s.Took < 0 || s.Took > b.Took*2 {
						t.Errorf("%s took %v of %v", s.Name, s.Took, b.Took)
					}
				}
				slices.Sort(said)
				return strings.Join(said, ", ")
			}
			leavesNothing(t, r, mark, func() {
				first, err := build(1, "true")
				if err != nil {
					t.Fatal(err)
				}
				if got, want := steps(first), "COPY false, COPY false, RUN false, RUN false, RUN false"; got != want {
					t.Errorf("first build: %s, want %s", got, want)
				}
				anchored := marked(t, r, mark)
				for n := range 2 {
					again, err := build(2, fmt.Sprintf("true # %d", n))
					if err != nil {
						t.Fatal(err)
					}
					if got, want := steps(again), "COPY false, COPY false, RUN false, RUN false, RUN true"; got != want {
						t.Errorf("changed: %s, want %s", got, want)
					}
					if err := again.Undo(); err != nil {
						t.Fatal(err)
					}
					if now := marked(t, r, mark); now != anchored {
						t.Errorf("%d dangling images, and before the build %d", now, anchored)
					}
				}
				same, err := build(3, "true")
				if err != nil {
					t.Fatal(err)
				}
				if got := steps(same); strings.Contains(got, "false") {
					t.Errorf("the cache is lost: %s", got)
				}
				if err := errors.Join(same.Undo(), first.Undo()); err != nil {
					t.Fatal(err)
				}
			})
			leavesNothing(t, r, mark, func() {
				_, err := build(4, "exit 3")
				if !errors.Is(err, runner.ErrStep) || !errors.Is(err, runner.ErrEnvironment) {
					t.Errorf("of a step that fails: %v", err)
				}
			})
			leavesNothing(t, r, mark, func() {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := r.Build(ctx, runner.Build{Context: onlyDockerfile("FROM " + base), Tag: "mlbench-test:" + mark, With: with, Undoable: true}); !errors.Is(err, context.Canceled) || errors.Is(err, runner.ErrStep) {
					t.Errorf("interrupted: %v", err)
				}
			})
		})
	}
}

// A copy is what the engine would get, and building it is building the folder.
func TestCopyContext(t *testing.T) {
	r := closing(t, Options{})
	folder := folderOf(t, map[string]string{
		"Dockerfile": "FROM scratch\nCOPY . /\n", ".dockerignore": "*.tmp\n!keep.tmp\n.dockerignore\nsub\n!sub/in\n",
		"sub/in": "1", "sub/out": "2", "a.tmp": "3", "keep.tmp": "4", "deep/private": "5",
	})
	err := errors.Join(os.Symlink("deep/private", filepath.Join(folder, "link")), os.Chmod(filepath.Join(folder, "deep/private"), 0o640), os.Chmod(filepath.Join(folder, "deep"), 0o750))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(folder, "deep"), 0o755) })
	for _, with := range builders {
		t.Run(string(with), func(t *testing.T) {
			b := runner.Build{Context: os.DirFS(folder), Name: "folder", Tag: fmt.Sprintf("mlbench-test:copy-%s-%s", r.session, with), With: with, Undoable: true, Passing: true}
			c, err := r.CopyContext(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := fs.WalkDir(c.Context, ".", func(path string, d fs.DirEntry, err error) error {
				if info, infoErr := d.Info(); !d.IsDir() && infoErr == nil {
					got = append(got, fmt.Sprintf("%s %o", path, info.Mode().Perm()))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if want := []string{".dockerignore 644", "Dockerfile 644", "deep/private 640", "keep.tmp 644", "link 777", "sub/in 644"}; !slices.Equal(got, want) || c.Files != 4 || c.Bytes != 25 {
				t.Errorf("%q, %d files, %d bytes, want %q, 4 and 25", got, c.Files, c.Bytes, want)
			}
			original, err := r.Build(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			c.Tag += "-copy"
			copied, err := r.Build(t.Context(), c.Build)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range copied.Steps {
				if !s.Cached && os.Geteuid() == 0 { // the mode of a folder is made ours
					t.Errorf("%s of the copy is not that of the folder", s.Name)
				}
			}
			if err := errors.Join(copied.Undo(), original.Undo()); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := r.CopyContext(t.Context(), runner.Build{Context: os.DirFS(t.TempDir()), Name: "empty"}); !errors.Is(err, runner.ErrUsage) {
		t.Errorf("no Dockerfile: %v", err)
	}
	kept := r.folder
	if err := r.removeFolder(); err != nil || kept == "" {
		t.Errorf("%s: %v", kept, err)
	}
}

// A run that is killed has written down what the classic builder made, and a
// later one removes of it what nobody needs.
func TestReapBuilt(t *testing.T) {
	const base = "mlbench/base:bookworm"
	r := closing(t, Options{})
	needImage(t, r, base)
	mark := "mark-" + r.session + "reap"
	c, err := r.CopyContext(t.Context(), runner.Build{
		Context: onlyDockerfile("FROM " + base + "\nRUN echo " + mark + "\nRUN echo again " + mark), Tag: "mlbench-test:" + r.session + "-reap", With: runner.Classic, Undoable: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	built, err := r.Build(t.Context(), c.Build)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(r.folder, builtFile)
	content, err := os.ReadFile(list)
	listed := strings.Fields(string(content))
	if err != nil || len(listed) != 3 {
		t.Fatalf("%q, %v, want the engine and two images", listed, err)
	}
	there := func() (n int) {
		for _, id := range listed[1:] {
			if _, err := r.inspectImage(t.Context(), id); err == nil {
				n++
			}
		}
		return n
	}
	if elsewhere, err := r.reapBuilt(t.Context(), list); err != nil || elsewhere || there() != 2 {
		t.Errorf("what an image needs was removed: %d of 2 are left, %v, %v", there(), elsewhere, err)
	}
	if err := r.untag(c.Tag); err != nil { // with the last step's image, and not the other's
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), builtFile)
	if err := os.WriteFile(other, []byte("another-engine\n"+listed[1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if elsewhere, err := r.reapBuilt(t.Context(), other); err != nil || !elsewhere || there() != 1 {
		t.Errorf("what another engine has was removed: %d of 1 are left, %v, %v", there(), elsewhere, err)
	}
	if elsewhere, err := r.reapBuilt(t.Context(), list); err != nil || elsewhere || there() != 0 {
		t.Errorf("%d images are left: %v, %v", there(), elsewhere, err)
	}
	if err := built.Undo(); err != nil { // of what is gone already
		t.Error(err)
	}
}
