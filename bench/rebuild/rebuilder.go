package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"mlbench/runner"
)

// A rebuilder is a Runner whose candidates are folders and whose starts are
// builds: the first of each of the folder as it is, so that the cache is warm,
// and every other after a change that no build had before.
type rebuilder struct {
	Engine
	plan Plan
	id   string // of this run
	note func(line string)

	folders []*folder
	built   []runner.Built // of every start, in order; of a failed one without ID
	changes int
}

var (
	_ runner.Runner = (*rebuilder)(nil)
	_ runner.Reaper = (*rebuilder)(nil)
)

// A folder is one of the candidates on its way.
type folder struct {
	Folder
	context runner.ContextCopy
	change  change
	undo    func() error // of the first build; nil before it
}

// errTooLong is the cause of the end of a build that took too long.
var errTooLong = errors.New("timeout")

// Prepare copies a folder's context, so that nobody who goes on working in the
// folder changes what is measured, nor the rebuilds what is there.
func (x *rebuilder) Prepare(ctx context.Context, c runner.Candidate) (runner.Candidate, error) {
	f := &folder{Folder: x.plan.Folders[len(x.folders)]}
	b := f.Build
	b.Name = f.Name
	var err error
	if f.context, err = x.CopyContext(ctx, b); err != nil {
		return c, err
	}
	if f.change, err = newChange(f.context, x.plan.File, x.plan.Append); err != nil {
		return c, runner.As(runner.ErrUsage, fmt.Errorf("%s: --touch: %w%s", f.Name, err, f.hint(x.plan.File)))
	}
	x.folders = append(x.folders, f)
	return c, nil
}

// hint says more of a file that the engine does not get.
func (f *folder) hint(file string) string {
	if _, err := fs.Lstat(f.context.Context, file); err == nil {
		return "" // it does
	}
	if _, err := fs.Lstat(f.Build.Context, file); err == nil {
		return ": .dockerignore leaves it out, so a change of it changes no build"
	}
	if within, ok := strings.CutPrefix(file, path.Clean(f.Named)+"/"); ok {
		return fmt.Sprintf(": a path in the folder is wanted: --touch %s", within)
	}
	return ": there is no such file in the folder"
}

// Start builds a folder once.
func (x *rebuilder) Start(ctx context.Context, c runner.Candidate, timeout time.Duration) (runner.Start, error) {
	f := x.folder(c.Name)
	b := f.context.Build
	b.Tag = fmt.Sprintf("mlbench-rebuild:%s-%d", x.id, len(x.built)+1)
	b.Name, b.Passing, b.Undoable, b.Quiet = c.Name, true, true, f.undo != nil
	if f.undo == nil {
		return x.first(ctx, f, b)
	}
	x.changes++
	if err := f.change.make(fmt.Sprintf("%s-%d", x.id, x.changes)); err != nil {
		return runner.Start{}, runner.As(runner.ErrEnvironment, fmt.Errorf("changing the copy of %s: %w", x.plan.File, err))
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, errTooLong)
	defer cancel()
	s := runner.Start{BeginAt: time.Now(), Marks: runner.Marks{}}
	built, err := x.Build(limited, b)
	switch {
	case err == nil:
		s.Outcome, s.Marks[runner.Ready] = runner.OutcomeReady, mark(built)
		begin := time.Now()
		if err := built.Undo(); err != nil { // the next ones would fill the disk
			return s, err
		}
		s.Stop = time.Since(begin)
	case ctx.Err() != nil:
		return s, context.Cause(ctx)
	case errors.Is(err, errTooLong):
		s.Outcome, s.Problem = runner.OutcomeTimeout, fmt.Sprintf("not built within %v", timeout)
	case errors.Is(err, runner.ErrStep):
		s.Outcome = runner.OutcomeExited
		lines := strings.Split(err.Error(), "\n")
		s.Problem = lines[0]
		for _, line := range lines[1:] {
			s.Log = append(s.Log, strings.TrimSpace(line))
		}
	default:
		return s, err
	}
	if s.Outcome != runner.OutcomeReady {
		x.note(fmt.Sprintf("a rebuild failed, and counts as one that never ends: %s", s.Problem))
		for _, line := range s.Log {
			x.note("    " + line)
		}
		built = runner.Built{}
	}
	x.built = append(x.built, built)
	return s, nil
}

// first builds a folder as it is, with what is in the cache. It may take as long
// as it likes; an error of it is one of the run.
func (x *rebuilder) first(ctx context.Context, f *folder, b runner.Build) (runner.Start, error) {
	x.note(f.Name + ": building it as it is, so that the cache is warm")
	s := runner.Start{BeginAt: time.Now(), Outcome: runner.OutcomeReady}
	built, err := x.Build(ctx, b)
	if err != nil {
		return s, err
	}
	f.undo = built.Undo
	s.Marks = runner.Marks{runner.Ready: mark(built)}
	x.built = append(x.built, built)
	return s, nil
}

// mark is the moment when the image was made. What is asked of the engine before
// and after a build is not in it.
func mark(b runner.Built) runner.Mark { return runner.Mark{At: b.Took, Source: "build"} }

func (x *rebuilder) folder(name string) *folder {
	for _, f := range x.folders {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Reap removes what killed runs left, where the Engine can.
func (x *rebuilder) Reap(ctx context.Context) ([]string, error) {
	if reaper, ok := x.Engine.(runner.Reaper); ok {
		return reaper.Reap(ctx)
	}
	return nil, nil
}

// Close does nothing: the Engine is the caller's.
func (x *rebuilder) Close() error { return nil }
