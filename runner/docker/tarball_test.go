package docker

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mlbench/runner"
)

// TestWeigh: what is large is said before any of it is read, and what cannot be
// sent is an error by then.
func TestWeigh(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, size int64) {
		path := filepath.Join(folder, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600), os.Truncate(path, size))
		if err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", 10)
	write("app.py", 100)
	write("models/weights.bin", 5_000_000_000) // with nothing in it, so that it takes no space
	write("data/x.csv", 700_000_000)
	for _, test := range []struct{ name, ignore, says string }{
		{"all", "", "5.7 GB go to the engine, 5.0 GB of them from models: name in .dockerignore what no step needs"},
		{"some", "models\n", "0.7 GB go to the engine, 0.7 GB of them from data"},
		{"little", "models\ndata\n", ""},
		{"nothing", "*\n", ".dockerignore leaves out every file but the Dockerfile"},
		{"all but one", "*\n!app.py\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(folder, dockerignore), []byte(test.ignore), 0o600); err != nil {
				t.Fatal(err)
			}
			var said []string
			r := &Runner{opts: Options{Notify: func(line string) { said = append(said, line) }}}
			b := runner.Build{Context: os.DirFS(folder), Dockerfile: "Dockerfile", Name: "./service"}
			ignore, err := ignored(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.weigh(b, ignore); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(said, "\n"); !strings.Contains(got, test.says) || test.says == "" && got != "" {
				t.Errorf("it says %q, want %q", got, test.says)
			}
		})
	}
}

// closed is a folder of which something cannot be read.
type closed struct {
	fstest.MapFS
	name string
}

func (c closed) Open(name string) (fs.File, error) {
	if name == c.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.MapFS.Open(name)
}

func (c closed) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == c.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.MapFS.ReadDir(name)
}

// TestUnreadable: what cannot be read stops a build, unless nobody wants it.
func TestUnreadable(t *testing.T) {
	files := fstest.MapFS{"Dockerfile": {}, "app.py": {}, "private/key": {}, "private/deep/key": {}, "pipe": {Mode: fs.ModeNamedPipe}, "socket": {Mode: fs.ModeSocket}}
	for _, test := range []struct {
		name, closed, ignore string
		kind                 error
		sent                 []string
	}{
		{"a file", "app.py", "pipe", runner.ErrEnvironment, nil},
		{"a folder", "private", "pipe", runner.ErrEnvironment, nil},
		{"a pipe", "", "private", runner.ErrUsage, nil},
		{"a file, ignored", "app.py", "pipe\napp.py\nprivate", nil, []string{"Dockerfile"}},
		{"a folder, ignored", "private", "pipe\nprivate", nil, []string{"Dockerfile", "app.py"}},
		{"a folder within an ignored one", "private/deep", "pipe\nprivate\n!private/key", nil, []string{"Dockerfile", "app.py", "private/key"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			context := closed{files, test.closed}
			context.MapFS[dockerignore] = &fstest.MapFile{Data: []byte(test.ignore + "\n" + dockerignore)}
			b := runner.Build{Context: context, Dockerfile: "Dockerfile", Name: "./service"}
			ignore, err := ignored(b)
			if err != nil {
				t.Fatal(err)
			}
			r := &Runner{opts: Options{Notify: func(string) {}}}
			reader, writer := io.Pipe()
			go func() {
				err := r.weigh(b, ignore)
				if err == nil {
					err = archive(writer, b, ignore)
				}
				_ = writer.CloseWithError(err)
			}()
			var sent []string
			in := tar.NewReader(reader)
			for {
				h, next := in.Next()
				if err = next; err != nil {
					break
				}
				sent = append(sent, h.Name)
			}
			switch {
			case test.kind == nil && (!errors.Is(err, io.EOF) || !slices.Equal(sent, test.sent)):
				t.Errorf("sent %q, %v; want %q", sent, err, test.sent)
			case test.kind != nil && !errors.Is(unsent(b, err), test.kind):
				t.Errorf("%v, want one of the kind %v", err, test.kind)
			}
		})
	}
}
