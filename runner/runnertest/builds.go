package runnertest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"mlbench/runner"
)

// Builds is an engine that builds nothing: for every build it asks Script how it
// went. Tests of what stands above builders use it.
type Builds struct {
	// Script answers for the nth build, from 0, of what has this name. An error
	// is returned as it is.
	Script func(ctx context.Context, b runner.Build, n int) (runner.Built, error)
	Folder string // for copies of contexts

	Copies []runner.ContextCopy // in the order in which they were made
	Made   int                  // builds that did not fail
	There  int                  // of which were not undone
	Most   int                  // of which were there at once
	counts map[string]int
}

var _ runner.Builder = (*Builds)(nil)

// Build asks the Script. What was made with BuildKit is told so.
func (e *Builds) Build(ctx context.Context, b runner.Build) (runner.Built, error) {
	if e.counts == nil {
		e.counts = make(map[string]int)
	}
	n := e.counts[b.Name]
	e.counts[b.Name]++
	built, err := e.Script(ctx, b, n)
	if err != nil {
		return built, err
	}
	e.Made++
	e.There++
	e.Most = max(e.Most, e.There)
	built.ID, built.With, built.Version = "sha256:"+strconv.Itoa(e.Made), runner.BuildKit, "28.5.2"
	undo := built.Undo
	built.Undo = func() error {
		e.There--
		if undo != nil {
			return undo()
		}
		return nil
	}
	return built, nil
}

// CopyContext copies all of a context but what is named in a file .dockerignore,
// without patterns.
func (e *Builds) CopyContext(_ context.Context, b runner.Build) (runner.ContextCopy, error) {
	dir := filepath.Join(e.Folder, strconv.Itoa(len(e.Copies)))
	c := runner.ContextCopy{Build: b, Folder: dir}
	if err := os.CopyFS(dir, b.Context); err != nil {
		return c, err
	}
	if ignored, err := os.ReadFile(filepath.Join(dir, ".dockerignore")); err == nil {
		if err := os.Remove(filepath.Join(dir, string(ignored))); err != nil {
			return c, err
		}
	}
	c.Context = os.DirFS(dir)
	err := fs.WalkDir(c.Context, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			c.Files, c.Bytes = c.Files+1, c.Bytes+info.Size()
		}
		return err
	})
	e.Copies = append(e.Copies, c)
	return c, err
}

// Host is one that is always the same.
func (e *Builds) Host(context.Context) (runner.Host, error) {
	return runner.Host{Engine: "Docker Engine 28.5.2", Storage: "overlay2", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0", CPUs: 2}, nil
}
