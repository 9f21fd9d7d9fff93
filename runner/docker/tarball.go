package docker

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"mlbench/runner"
)

const dockerignore = ".dockerignore"

// ignored reads the patterns of a context's .dockerignore, as the docker
// command does: the engine gets a context that they are applied to already.
// BuildKit's users may have one for each Dockerfile.
func ignored(b runner.Build) (*patternmatcher.PatternMatcher, error) {
	names := []string{dockerignore}
	if b.With == runner.BuildKit {
		names = []string{b.Dockerfile + dockerignore, dockerignore}
	}
	for _, name := range names {
		f, err := b.Context.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		patterns, err := ignorefile.ReadAll(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		m, err := patternmatcher.New(patterns)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return m, nil
	}
	return patternmatcher.New(nil)
}

// walk visits what of the context goes to the engine.
func walk(b runner.Build, ignore *patternmatcher.PatternMatcher, each func(path string, d fs.DirEntry) error) error {
	return fs.WalkDir(b.Context, ".", func(path string, d fs.DirEntry, err error) error {
		if path == "." {
			return err
		}
		skip, cannot := ignore.MatchesOrParentMatches(path)
		switch {
		case cannot != nil:
			return cannot
		case skip && err != nil: // it cannot be read, and nobody wants it
			return nil //nolint:nilerr // as it says
		case err != nil:
			return err
		case skip && d.IsDir() && !ignore.Exclusions() && !strings.HasPrefix(b.Dockerfile, path+"/"):
			return fs.SkipDir
		case skip && path != b.Dockerfile: // of a folder an exclusion or the Dockerfile may be in it
			return nil
		}
		return each(path, d)
	})
}

// archive writes the context as the engine wants it.
func archive(w io.Writer, b runner.Build, ignore *patternmatcher.PatternMatcher) error {
	out := tar.NewWriter(w)
	err := walk(b, ignore, func(path string, d fs.DirEntry) error { return add(out, b.Context, path, d) })
	if err != nil {
		return err // and no end of the archive, which would make it look whole
	}
	return out.Close()
}

// heavy is how many bytes of a context are worth a word before they are sent:
// at the 200 MB/s or so of a local engine that is seconds of silence.
const heavy = 500e6

// A weight is what of a context goes to the engine.
type weight struct {
	files int              // regular ones
	own   int              // of them, besides the Dockerfile and what it ignores
	bytes int64            // of them
	tops  map[string]int64 // of what lies in the context itself
}

// weightOf looks at a context before it is sent. One that cannot be is an error.
func weightOf(b runner.Build, ignore *patternmatcher.PatternMatcher) (weight, error) {
	w := weight{tops: make(map[string]int64)}
	err := walk(b, ignore, func(path string, d fs.DirEntry) error {
		if err := sendable(path, d); err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		top, _, _ := strings.Cut(path, "/")
		w.tops[top] += info.Size()
		w.bytes += info.Size()
		w.files++
		if path != b.Dockerfile && path != dockerignore {
			w.own++
		}
		return nil
	})
	return w, err
}

// weigh says before a context is sent what a user should know of it.
func (r *Runner) weigh(b runner.Build, ignore *patternmatcher.PatternMatcher) error {
	w, err := weightOf(b, ignore)
	if err != nil || b.Quiet {
		return err
	}
	if w.bytes >= heavy {
		most := slices.MaxFunc(slices.Sorted(maps.Keys(w.tops)), func(x, y string) int { return cmp.Compare(w.tops[x], w.tops[y]) })
		r.opts.Notify(fmt.Sprintf("%s: %.1f GB go to the engine, %.1f GB of them from %s: name in %s what no step needs",
			b.Name, float64(w.bytes)/1e9, float64(w.tops[most])/1e9, most, dockerignore))
	}
	if w.own == 0 {
		if _, err := fs.Stat(b.Context, dockerignore); err == nil {
			r.opts.Notify(fmt.Sprintf("%s: %s leaves out every file but the Dockerfile", b.Name, dockerignore))
		}
	}
	return nil
}

// sendable is an error where something of a context is of no use to any step.
func sendable(path string, d fs.DirEntry) error {
	switch d.Type() {
	case 0, fs.ModeDir, fs.ModeSymlink, fs.ModeSocket: // a socket is of a program that runs there, and left out
		return nil
	}
	return fmt.Errorf("%s is neither a file nor a folder nor a link: remove it, or name it in %s", path, dockerignore)
}

func add(out *tar.Writer, context fs.FS, path string, d fs.DirEntry) error {
	if err := sendable(path, d); err != nil || d.Type() == fs.ModeSocket {
		return err
	}
	link := ""
	if d.Type() == fs.ModeSymlink {
		var err error
		if link, err = fs.ReadLink(context, path); err != nil {
			return err
		}
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name = path
	if d.IsDir() {
		header.Name += "/"
	}
	if header.Mode&0o222 == 0 {
		header.Mode |= 0o200 // embedded files are read-only; what a checkout would have is this
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	if err := out.WriteHeader(header); err != nil || d.Type() != 0 {
		return err
	}
	f, err := context.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(out, f)
	return err
}
